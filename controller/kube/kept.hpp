// Kept<T>: one object as a Store keeps it. Objects of a kind for which api/packed.hpp has pack()
// are kept packed and unpacked for each reader; all others are kept as they are, and readers share
// them. Copies share the memory. Any thread; a Kept itself is a value.
#pragma once

#include <atomic>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <cstring>
#include <memory>
#include <new>

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
  explicit Kept(const T& object) : block_(Block::of(api::pack(object))) {}

  explicit operator bool() const { return block_ != nullptr; }
  api::ObjectVersion version() const { return api::peek_packed(block_->bytes()); }
  std::shared_ptr<const T> object() const {
    if (!block_) return nullptr;
    auto object = std::make_shared<T>();
    api::unpack(block_->bytes(), *object);
    return object;
  }
  const T& look(T& scratch) const {
    api::unpack(block_->bytes(), scratch);
    return scratch;
  }
  // Without most of its texts, see api::skim().
  const T& skim(T& scratch) const {
    api::skim(block_->bytes(), scratch);
    return scratch;
  }

 private:
  // The number of those who have it, and after that the packed bytes, in one piece of memory: with
  // a shared_ptr each object would take 28 bytes more.
  struct Block {
    static boost::intrusive_ptr<Block> of(std::string_view packed) {
      auto* block = new (::operator new(sizeof(Block) + packed.size())) Block;
      std::memcpy(static_cast<void*>(block + 1), packed.data(), packed.size());
      return block;
    }
    const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }

    friend void intrusive_ptr_add_ref(Block* block) {
      block->holders.fetch_add(1, std::memory_order_relaxed);
    }
    friend void intrusive_ptr_release(Block* block) {
      if (block->holders.fetch_sub(1, std::memory_order_acq_rel) == 1) ::operator delete(block);
    }

    std::atomic<std::uint32_t> holders = 0;
  };

  boost::intrusive_ptr<Block> block_;
};

}  // namespace apitoken::kube
