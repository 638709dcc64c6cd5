// OpenSSL keeps errors in a queue of the thread, and the next TLS connection on that thread would
// report them as its own. All code in core/ that calls OpenSSL clears the queue with these. Any
// thread.
#pragma once

#include <fmt/format.h>
#include <openssl/err.h>

#include <string_view>

#include "base/result.hpp"

namespace apitoken::core {

// Clears the thread's errors when the scope ends.
struct ErrorsCleared {
  ErrorsCleared() = default;
  ErrorsCleared(const ErrorsCleared&) = delete;
  ErrorsCleared& operator=(const ErrorsCleared&) = delete;
  ~ErrorsCleared() { ERR_clear_error(); }
};

// Unavailable, "signing failed: <OpenSSL's reason>". Clears the thread's errors.
inline std::unexpected<Error> openssl_failed(std::string_view what) {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return fail(ErrorKind::Unavailable,
              fmt::format("{} failed: {}", what, reason != nullptr ? reason : "no reason given"));
}

}  // namespace apitoken::core
