// SecretString: bytes that must appear nowhere but where they are meant to. It cannot be copied,
// formatted or streamed (that does not compile); it is wiped when it goes. Not shared between
// threads.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace apitoken {

// Overwrites in a way that the optimiser must keep.
void wipe(void* bytes, std::size_t size);
void wipe(std::string& text);

class SecretString {
 public:
  SecretString() = default;
  // Takes the bytes over; the source is left empty, and wiped where its bytes were copied (short
  // strings).
  explicit SecretString(std::string&& bytes) : bytes_(std::move(bytes)) { wipe(bytes); }
  SecretString(SecretString&& other) noexcept : bytes_(std::move(other.bytes_)) {
    wipe(other.bytes_);
  }
  SecretString& operator=(SecretString&& other) noexcept {
    if (this != &other) {
      wipe(bytes_);
      bytes_ = std::move(other.bytes_);
      wipe(other.bytes_);
    }
    return *this;
  }
  SecretString(const SecretString&) = delete;
  SecretString& operator=(const SecretString&) = delete;
  ~SecretString() { wipe(bytes_); }

  // The one way to the bytes: each call is a place to look at in review. Valid while this object
  // lives.
  std::string_view reveal() const { return bytes_; }
  bool empty() const { return bytes_.empty(); }
  std::size_t size() const { return bytes_.size(); }

 private:
  std::string bytes_;
};

// Compares in a time that depends on the lengths alone.
bool equal_constant_time(std::string_view a, std::string_view b);

std::ostream& operator<<(std::ostream&, const SecretString&) = delete;

}  // namespace apitoken

template <>
struct fmt::formatter<apitoken::SecretString> {
  formatter() = delete;
};
