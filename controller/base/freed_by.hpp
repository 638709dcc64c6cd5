// FreedBy: a deleter that lets a unique_ptr own an object of a C library. Any thread.
//
//   using Bio = std::unique_ptr<BIO, FreedBy<BIO_free_all>>;
#pragma once

namespace apitoken {

template <auto Free>
struct FreedBy {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

}  // namespace apitoken
