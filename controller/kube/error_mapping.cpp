// Maps answers of the API server to ErrorKinds; no other file does.
// Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
#include <fmt/format.h>

#include "kube/client.hpp"

namespace apitoken::kube {
namespace {

// Bytes shown of a body that is not a Status, for example a proxy's page.
constexpr std::size_t kShownBytes = 200;

struct ServerStatus {
  std::string message;
  std::string reason;
  std::optional<Seconds> retry_after;
  // The version that was asked for does not exist yet. We ask only for versions that we have read,
  // so etcd was restored from a backup since.
  bool version_too_large = false;
};

std::string printable(std::string_view body) {
  std::string text(body.substr(0, kShownBytes));
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return text;
}

ServerStatus read_status(const std::string& body) {
  simdjson::dom::parser parser;
  api::Json status;
  if (parser.parse(body).get(status) != simdjson::SUCCESS || !status.is_object())
    return {printable(body), {}, {}};
  ServerStatus result;
  result.message = api::read_string(status, "message", "message").value_or("");
  result.reason = api::read_string(status, "reason", "reason").value_or("");
  if (const auto details = api::member(status, "details")) {
    const auto seconds = api::read_integer(*details, "retryAfterSeconds", "retryAfterSeconds");
    if (seconds && *seconds > 0) result.retry_after = Seconds(*seconds);
    for (const api::Json cause : api::read_array(*details, "causes")) {
      if (api::read_string(cause, "reason", "reason") == "ResourceVersionTooLarge")
        result.version_too_large = true;
    }
  }
  return result;
}

ErrorKind kind_of(int status, std::string_view reason) {
  switch (status) {
    case 401:
      return ErrorKind::Unauthorized;
    case 403:
      return ErrorKind::Forbidden;
    case 404:
      return ErrorKind::NotFound;
    case 408:
      return ErrorKind::Unavailable;
    case 409:
      return reason == "AlreadyExists" ? ErrorKind::AlreadyExists : ErrorKind::Conflict;
    case 410:
      return ErrorKind::Gone;
    case 500:
      return ErrorKind::Internal;
    case 429:
      return ErrorKind::Throttled;
    default:
      return status >= 400 && status < 500 ? ErrorKind::Invalid : ErrorKind::Unavailable;
  }
}

}  // namespace

Error error_of(const HttpResponse& response, std::string_view what) {
  ServerStatus status = read_status(response.body);
  const auto kind =
      status.version_too_large ? ErrorKind::Gone : kind_of(response.status, status.reason);
  Error error{kind, {}, {}};
  error.message = status.message.empty()
                      ? fmt::format("{}: the API server answered {}", what, response.status)
                      : fmt::format("{}: {} ({})", what, status.message, response.status);
  if (error.kind == ErrorKind::Throttled || error.kind == ErrorKind::Unavailable ||
      error.kind == ErrorKind::Internal) {
    error.retry_after = response.retry_after ? response.retry_after : status.retry_after;
  }
  return error;
}

}  // namespace apitoken::kube
