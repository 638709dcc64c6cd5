// Kept<T>: one object as a Store keeps it. Objects of a kind for which api/packed.hpp has pack()
// are kept packed and unpacked for each reader; all others are kept as they are, and readers share
// them. Copies share the memory. Any thread; a Kept itself is a value.
#pragma once

#include <cstring>
#include <memory>

#include "api/packed.hpp"

namespace apitoken::kube {

template <typename T>
class Kept {
 public:
  Kept() = default;  // no object
  explicit Kept(std::shared_ptr<const T> object) : object_(std::move(object)) {}

  explicit operator bool() const { return object_ != nullptr; }
  // Views, valid while a copy lives; uid is left empty.
  api::ObjectVersion version() const {
    return {object_->meta.ns, object_->meta.name, {}, object_->meta.resource_version};
  }
  // Null without an object.
  std::shared_ptr<const T> object() const { return object_; }
  // The object, for a short look: in `scratch` if it must be unpacked.
  const T& look(T& /*scratch*/) const { return *object_; }

 private:
  std::shared_ptr<const T> object_;
};

template <typename T>
concept Packable = requires(const T& object, T& into) {
  api::pack(object);
  api::unpack("", into);
};

template <Packable T>
class Kept<T> {
 public:
  Kept() = default;
  explicit Kept(const std::shared_ptr<const T>& object) : Kept(*object) {}
  explicit Kept(const T& object) {
    const std::string packed = api::pack(object);
    auto bytes = std::make_shared_for_overwrite<char[]>(packed.size());
    std::memcpy(bytes.get(), packed.data(), packed.size());
    bytes_ = std::move(bytes);
  }

  explicit operator bool() const { return bytes_ != nullptr; }
  api::ObjectVersion version() const { return api::peek_packed(bytes_.get()); }
  std::shared_ptr<const T> object() const {
    if (!bytes_) return nullptr;
    auto object = std::make_shared<T>();
    api::unpack(bytes_.get(), *object);
    return object;
  }
  const T& look(T& scratch) const {
    api::unpack(bytes_.get(), scratch);
    return scratch;
  }

 private:
  std::shared_ptr<const char[]> bytes_;
};

}  // namespace apitoken::kube
