// SecretString: owns a token value or a password. Copying, formatting and streaming do not compile;
// the destructor wipes the bytes. Not shared between threads.
//
//   const SecretString password(std::move(text));  // wipes `text`
//   send(password.reveal());
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace apitoken {

// Overwrites the bytes; the optimiser cannot drop the writes.
void wipe(void* bytes, std::size_t size);
void wipe(std::string& text);

class SecretString {
 public:
  SecretString() = default;
  // Takes the bytes over and leaves `bytes` empty; wipes them there if they were copied (short
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

  // The only access to the bytes: review each call. Valid while this object lives.
  std::string_view reveal() const { return bytes_; }
  bool empty() const { return bytes_.empty(); }
  std::size_t size() const { return bytes_.size(); }

 private:
  std::string bytes_;
};

// Compares in a time that depends only on the lengths.
bool equal_constant_time(std::string_view a, std::string_view b);

std::ostream& operator<<(std::ostream&, const SecretString&) = delete;

}  // namespace apitoken

template <>
struct fmt::formatter<apitoken::SecretString> {
  formatter() = delete;
};
