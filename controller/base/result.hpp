// Result<T>: what a function returns if it can fail: a value, or an Error. The kinds are a closed
// set, so that one place (kube/classify_error) says what follows from each. Values; any thread.
//
//   Result<ApiToken> read_token(std::string_view body) {
//     const Json object = TRY(parser.parse(body));    // an Error returns from here
//     TRY(check_metadata(object));                    // a Status: no value
//     if (object.is_null()) return fail(ErrorKind::Decode, "the body is null; send an object");
//     return decode_api_token(object);
//   }
#pragma once

#include <chrono>
#include <concepts>
#include <expected>
#include <optional>
#include <string>
#include <utility>

namespace apitoken {

enum class ErrorKind {
  NotFound,       // 404: the object does not exist, or no longer
  Conflict,       // 409: a precondition (uid, resourceVersion) did not hold: our view was stale
  AlreadyExists,  // 409 on a create
  Gone,           // 410: the resourceVersion is too old, list again
  Unauthorized,   // 401
  Forbidden,      // 403
  Throttled,      // 429, with retry_after if the server sent Retry-After
  Invalid,        // 400 or 422 from the server, or user input that breaks a rule
  Decode,         // bytes that do not follow their format
  Internal,       // 500: the API server, or a webhook that it calls, failed on this request
  Unavailable,    // no connection, any other 5xx, a time-out
  Canceled,       // a stop was requested
};

// The kind's name, for logs.
const char* to_string(ErrorKind kind);

struct Error {
  ErrorKind kind;
  std::string message;  // names the object, the field, the value and the remedy
  // Throttled or Unavailable: the server's Retry-After.
  std::optional<std::chrono::seconds> retry_after{};
};

template <typename T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

inline std::unexpected<Error> fail(ErrorKind kind, std::string message) {
  return std::unexpected<Error>(Error{kind, std::move(message), {}});
}

// The value inside `result`, moved out. Precondition: there is one. For TRY alone.
template <typename T, typename E>
T take_value(std::expected<T, E>&& result) {
  if constexpr (!std::same_as<T, void>) return *std::move(result);
}

}  // namespace apitoken

// TRY(expression): the value of `expression`, a std::expected. If it holds an error instead, the
// enclosing function (or lambda) returns that error at once. At most one TRY in a full expression.
// A statement expression: an extension of gcc and clang.
#define TRY(...)                                                  \
  __extension__({                                                 \
    auto tried = (__VA_ARGS__);                                   \
    if (!tried) return std::unexpected(std::move(tried).error()); \
    ::apitoken::take_value(std::move(tried));                     \
  })
