// Rare: a value that most objects leave as it is by default, held apart so that those need not pay
// for its size. Reads like a pointer to a constant that is never null. Copies deeply; not shared
// between threads while it changes.
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
  // To change it; from here on it has a place of its own.
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
  std::unique_ptr<T> value_;  // null: as by default
};

}  // namespace apitoken
