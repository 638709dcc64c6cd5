// FreedBy: lets a unique_ptr own what a C library allocates: std::unique_ptr<BIO,
// FreedBy<BIO_free_all>>. Any thread.
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
