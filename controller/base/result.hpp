// Result<T>: how every layer reports what went wrong. A closed set of kinds, so that one place
// (reconcile/worker) can decide what becomes of each. Values only; safe on any thread.
#pragma once

#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <utility>

namespace apitoken {

enum class ErrorKind {
  NotFound,       // 404: the object is not there (any more)
  Conflict,       // 409: a precondition (uid, resourceVersion) did not hold: our view was stale
  AlreadyExists,  // 409 on a create
  Gone,           // 410: the resourceVersion is too old, list again
  Unauthorized,   // 401
  Forbidden,      // 403
  Throttled,      // 429, with retry_after where the server gave one
  Invalid,        // 400 or 422 from the server, or input of a user that breaks a rule
  Decode,         // bytes that are not what the contract says
  Internal,       // 500: the API server, or a webhook that it asks, failed over this request
  Unavailable,    // no connection, any other 5xx, a time-out
  Canceled,       // we were told to stop
};

// The kind's name, as it stands in logs.
const char* to_string(ErrorKind kind);

struct Error {
  ErrorKind kind;
  std::string message;  // names the object, the field, the value and the remedy
  std::optional<std::chrono::seconds>
      retry_after{};  // Throttled or Unavailable: the server's own word
};

template <typename T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

inline std::unexpected<Error> fail(ErrorKind kind, std::string message) {
  return std::unexpected<Error>(Error{kind, std::move(message), {}});
}

}  // namespace apitoken
