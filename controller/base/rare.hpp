// Rare<T>: a member that most objects leave at its default. Only objects that change it allocate a
// T. Reads like a const pointer that is never null; copies deeply. Not for concurrent changes.
//
//   Rare<SecretTemplate> secret;
//   if (secret->name) ...              // reads the default if nothing was set
//   secret.edit().name = "ci";         // allocates
#pragma once

#include <memory>

namespace apitoken {

template <typename T>
class Rare {
 public:
  Rare() = default;
  Rare(const Rare& other) : value_(other.value_ ? std::make_unique<T>(*other.value_) : nullptr) {}
  Rare(Rare&&) noexcept = default;
  Rare& operator=(Rare other) noexcept {
    value_.swap(other.value_);
    return *this;
  }
  ~Rare() = default;

  const T& operator*() const { return value_ ? *value_ : by_default(); }
  const T* operator->() const { return &**this; }
  // The value, to be changed. The first call allocates it.
  T& edit() {
    if (!value_) value_ = std::make_unique<T>();
    return *value_;
  }
  bool operator==(const Rare& other) const { return **this == *other; }

 private:
  static const T& by_default() {
    static const T value{};
    return value;
  }
  std::unique_ptr<T> value_;  // null: the default
};

}  // namespace apitoken
