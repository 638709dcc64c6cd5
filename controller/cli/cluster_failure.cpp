// Turns errors of requests into messages that name the remedy.
#include "cli/cluster_failure.hpp"

#include <fmt/format.h>

#include "base/clock.hpp"
#include "base/rfc3339.hpp"
#include "core/plain_text.hpp"
#include "kube/tls_context.hpp"

namespace apitoken::cli {
namespace {

// The text between `mark`, which ends with a quote, and the next quote.
std::string_view quoted_after(std::string_view text, std::string_view mark) {
  const auto at = text.find(mark);
  if (at == text.npos) return {};
  text.remove_prefix(at + mark.size());
  return text.substr(0, text.find('"'));
}

// The end of a message: the command that lists the existing names.
std::string where_names_are(std::string_view words, std::string_view name_space) {
  if (words.starts_with("apitokens."))
    return fmt::format("; see which there are: kubectl apitoken list --all -n {}", name_space);
  if (words.starts_with("tokenexpiryconfigs."))
    return "; see which there are: kubectl get tokenexpiryconfigs";
  if (words.starts_with("namespaces "))
    return "; see which there are: kubectl get namespaces, and choose one with -n";
  return "";
}

Failure translate(std::string_view words, ErrorKind kind, std::string_view server,
                  std::string_view name_space) {
  switch (kind) {
    case ErrorKind::NotFound:
      if (words.contains("could not find the requested resource") ||
          words.contains("page not found")) {
        return {
            ExitCode::NotFound,
            fmt::format(
                "the cluster at {} has no ApiTokens; install apitoken-operator and its CRDs first",
                server)};
      }
      return {ExitCode::NotFound, std::string(words) + where_names_are(words, name_space)};
    case ErrorKind::Forbidden:
      return {ExitCode::NotAllowed, std::string(words)};
    case ErrorKind::Canceled:
      return {ExitCode::Interrupted, "interrupted"};
    case ErrorKind::Internal:
    case ErrorKind::Unavailable:
    case ErrorKind::Throttled:
      return {ExitCode::Unreachable, fmt::format("the cluster cannot be reached: {}", words)};
    default:
      break;
  }
  if (const auto field = quoted_after(words, "unknown field \""); !field.empty()) {
    return {ExitCode::Failed, fmt::format("the cluster's ApiToken kind does not know {}; leave it "
                                          "out, or upgrade apitoken-operator",
                                          field)};
  }
  return {ExitCode::Failed, std::string(words)};
}

}  // namespace

std::string server_words(const Error& error) {
  std::string_view text = error.message;
  if (const auto colon = text.find(": "); colon != text.npos) text.remove_prefix(colon + 2);
  if (text.size() > 6 && text.ends_with(')') && text.substr(text.size() - 6, 2) == " (")
    text.remove_suffix(6);
  return core::plain_text(text);
}

Failure failure_of(const Error& error, kube::Credentials& credentials,
                   std::string_view name_space) {
  auto words = server_words(error);
  if (error.kind != ErrorKind::Unauthorized)
    return translate(words, error.kind, credentials.server(), name_space);
  if (!error.message.ends_with("(401)"))
    return {ExitCode::NotAllowed, std::move(words)};  // the credentials failed before any request
  const auto material = credentials.tls();
  const auto end = material ? kube::certificate_end(material->certificate) : std::nullopt;
  if (end && *end <= SystemClock{}.wall()) {
    return {ExitCode::NotAllowed,
            fmt::format("the client certificate of the kubeconfig expired at {}; renew it",
                        format_rfc3339(*end))};
  }
  return {ExitCode::NotAllowed,
          fmt::format("{} does not accept the credentials of the kubeconfig (401 Unauthorized); "
                      "they are wrong or have expired: log in again, or choose another --context",
                      credentials.server())};
}

}  // namespace apitoken::cli
