// Turns refusals into problems.
#include "portal/problem.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "api/json.hpp"
#include "core/plain_text.hpp"

namespace apitoken::portal {
namespace {

constexpr std::size_t kMaxMessage = 4096;

// The words before the first colon of a mint policy's message, as fields of the form.
constexpr std::pair<std::string_view, std::string_view> kFields[] = {
    {"metadata.name", "name"},
    {"metadata.namespace", "namespace"},
    {"spec.secret.name", "secret.name"},
    {"spec.secret.key", "secret.key"},
    {"spec.secret.labels", "secret.labels"},
    {"spec.secret.annotations", "secret.annotations"},
    {"spec.secret.encryptTo", "secret.encryptTo"},
    {"spec.secret.deleteAfter", "secret.deleteAfter"},
    {"spec.rotation.policy", "rotation.policy"},
    {"spec.rotation.before", "rotation.before"},
    {"spec.rotation.overlap", "rotation.overlap"},
    {"spec.ttlAfterExpired", "ttlAfterExpired"},
};

}  // namespace

std::string form_field(std::string_view path) {
  for (const auto& [spec, form] : kFields) {
    if (path == spec) return std::string(form);
  }
  // Settings keep their paths; entries of lists are the list's.
  if (path.starts_with("spec.")) path.remove_prefix(5);
  return std::string(path.substr(0, path.find('[')));
}

namespace {

bool is_field(std::string_view text) {
  return (text.starts_with("spec.") || text.starts_with("metadata.")) &&
         text.find_first_of(" \t\n") == text.npos;
}

// "… denied request: spec.user: …": the policy's own sentence, and the field it begins with.
std::optional<Cause> policy_cause(std::string_view message) {
  constexpr std::string_view kMark = "denied request: ";
  const auto mark = message.find(kMark);
  if (mark == message.npos) return {};
  auto words = message.substr(mark + kMark.size());
  const auto colon = words.find(": ");
  if (colon == words.npos || !is_field(words.substr(0, colon)))
    return Cause{"", std::string(words)};
  return Cause{form_field(words.substr(0, colon)), std::string(words.substr(colon + 2))};
}

std::vector<Cause> read_causes(api::Json status) {
  std::vector<Cause> causes;
  const auto details = api::member(status, "details");
  if (!details) return causes;
  for (const api::Json one : api::read_array(*details, "causes")) {
    const auto field = api::read_string(one, "field", "").value_or("");
    const auto message = api::read_string(one, "message", "").value_or("");
    if (!field.empty() || !message.empty()) causes.push_back({form_field(field), message});
  }
  return causes;
}

// The remedy for a refusal that names none itself; never empty.
std::string remedy_for(int status, std::string_view reason) {
  switch (status) {
    case 400:
      return "Correct what is named, or reload the page and try again.";
    case 401:
      return "Sign in again. With kubectl apitoken web: log in to the cluster again, then reload "
             "this page.";
    case 403:
      return "Ask somebody who manages permissions in this cluster for the role that this needs.";
    case 404:
      return "It may have been deleted. Go back to the list.";
    case 409:
      return reason == "AlreadyExists" ? "Choose another name."
                                       : "Look at what changed meanwhile, then try again.";
    case 405:
    case 410:
      return "Reload the page, then try again.";
    case 413:
      return "Shorten what you typed.";
    case 422:
      return "Correct the fields that are named.";
    case 429:
    case 503:
    case 504:
      return "Wait a moment and try again.";
    default:
      return "Try again. If it fails again, ask who runs the portal: its log has more.";
  }
}

const char* word_for(int status) {
  switch (status) {
    case 400:
      return "BadRequest";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "NotFound";
    case 409:
      return "Conflict";
    case 410:
      return "Expired";
    case 422:
      return "Invalid";
    case 429:
      return "TooManyRequests";
    default:
      return status >= 500 ? "Unavailable" : "Refused";
  }
}

}  // namespace

Problem bad_request(std::string field, std::string message) {
  Problem problem{400, "BadRequest", message};
  if (!field.empty()) problem.causes.push_back({std::move(field), std::move(message)});
  return problem;
}

Problem not_found(std::string message) { return {404, "NotFound", std::move(message)}; }

Problem problem_of(int status, std::string_view body, std::optional<Seconds> retry_after) {
  Problem problem{.status = status, .reason = word_for(status), .message = {}};
  problem.retry_after = retry_after;
  api::JsonParser parser;
  if (const auto parsed = parser.parse(body); parsed && parsed->is_object()) {
    problem.message = api::read_string(*parsed, "message", "").value_or("");
    if (const auto reason = api::read_string(*parsed, "reason", ""); reason && !reason->empty())
      problem.reason = *reason;
    problem.causes = read_causes(*parsed);
  }
  if (problem.message.empty()) problem.message = fmt::format("The API server answered {}.", status);
  problem.message = core::cut_text(core::plain_text(problem.message), kMaxMessage);
  if (auto cause = policy_cause(problem.message)) {
    problem.causes = {std::move(*cause)};
  }
  // The patch names the uid of a removed object, and another object has its name now.
  if (std::ranges::any_of(problem.causes,
                          [](const Cause& c) { return c.field == "metadata.uid"; })) {
    problem.status = 409;
    problem.reason = "Conflict";
    problem.message = "Another object of the same name has taken its place.";
    problem.causes.clear();
  }
  // Not a status for a browser: a server behind the API server failed.
  if (status < 400 || status > 599) problem.status = 502;
  if (problem.status == 404 &&
      (problem.message.find("could not find the requested resource") != std::string::npos ||
       problem.message.find("page not found") != std::string::npos)) {
    problem.reason = "CrdMissing";
    problem.message = "This cluster has no ApiTokens.";
    problem.remedy = "Install apitoken-operator and its CRDs.";
  }
  return problem;
}

Problem problem_of(const Error& error) {
  const auto words = core::cut_text(core::plain_text(error.message), kMaxMessage);
  switch (error.kind) {
    case ErrorKind::Unauthorized:
      return {401, "Unauthorized", words};
    case ErrorKind::Forbidden:
      return {403, "Forbidden", words};
    case ErrorKind::NotFound:
      return {404, "NotFound", words};
    case ErrorKind::Conflict:
    case ErrorKind::AlreadyExists:
      return {409, "Conflict", words};
    case ErrorKind::Gone:
      return {410, "Expired", words};
    case ErrorKind::Invalid:
      return {422, "Invalid", words};
    case ErrorKind::Throttled:
      return {.status = 429,
              .reason = "TooManyRequests",
              .message = words,
              .retry_after = error.retry_after};
    case ErrorKind::Canceled:
      return {503, "Stopping", "The portal is stopping."};
    case ErrorKind::Decode:
      return {502, "BadAnswer", "The API server's answer cannot be read: " + words};
    case ErrorKind::Internal:
    case ErrorKind::Unavailable:
      break;
  }
  return {.status = 503,
          .reason = "Unreachable",
          .message = "The cluster cannot be reached: " + words,
          .retry_after = error.retry_after};
}

nlohmann::json to_json(const Problem& problem) {
  nlohmann::json causes = nlohmann::json::array();
  for (const auto& [field, message] : problem.causes)
    causes.push_back({{"field", field}, {"message", message}});
  const auto remedy =
      problem.remedy.empty() ? remedy_for(problem.status, problem.reason) : problem.remedy;
  nlohmann::json body = {{"status", problem.status},    {"reason", problem.reason},
                         {"message", problem.message},  {"remedy", remedy},
                         {"causes", std::move(causes)}, {"namespace", problem.ns}};
  body.update(problem.extra);
  return body;
}

std::string dump(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string dump(const nlohmann::ordered_json& value) {
  return value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

serve::HttpAnswer json_answer(int status, std::string body) {
  return {.status = status,
          .content_type = "application/json",
          .body = std::move(body),
          .headers = {{"Cache-Control", "no-store"}}};
}

serve::HttpAnswer to_answer(const Problem& problem) {
  auto answer = json_answer(problem.status, dump(to_json(problem)));
  if (problem.retry_after)
    answer.headers.emplace_back("Retry-After", std::to_string(problem.retry_after->count()));
  return answer;
}

}  // namespace apitoken::portal
