// Checks manifests by the CRD's schema and by the rules of core/.
#include "cli/examine.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "api/names.hpp"
#include "base/duration.hpp"
#include "base/nearest.hpp"
#include "cli/crds.hpp"
#include "cli/schema.hpp"
#include "core/dns_name.hpp"
#include "core/expiry_config.hpp"
#include "core/lifetimes.hpp"
#include "core/plain_text.hpp"
#include "core/plan_secret.hpp"
#include "core/validate.hpp"
#include "core/warnings.hpp"

namespace apitoken::cli {
namespace {

using Json = nlohmann::json;
using Lines = std::vector<std::string>;

constexpr std::array<std::string_view, 2> kKinds{api::kApiTokenKind, api::kConfigKind};

// The string at a path of member names; empty if there is none.
std::string text_at(const Json& object, std::initializer_list<const char*> path) {
  const Json* found = &object;
  for (const char* const name : path) {
    if (!found->is_object() || !found->contains(name)) return "";
    found = &(*found)[name];
  }
  return found->is_string() ? found->get<std::string>() : "";
}

// Decodes a manifest. Adds the metadata that the API server would add.
template <typename Decode>
auto decode(Json object, Decode decode_object) {
  Json& meta = object["metadata"];
  if (!meta.is_object()) meta = Json::object();
  if (text_at(meta, {"name"}).empty()) meta["name"] = "unnamed";
  meta["uid"] = "none";
  meta["resourceVersion"] = "1";
  api::JsonParser parser;
  const std::string text = object.dump(-1, ' ', false, Json::error_handler_t::replace);
  const auto element = parser.parse(text);
  using Decoded = decltype(decode_object(*element));
  return element ? decode_object(*element) : Decoded(std::unexpected(element.error()));
}

bool is_of_our_group(const Json& object) {
  const auto version = text_at(object, {"apiVersion"});
  return std::string_view(version).substr(0, version.find('/')) == api::kGroup;
}

void check_head(const Json& object, Lines& problems) {
  if (const auto version = text_at(object, {"apiVersion"}); version != api::kApiVersion)
    problems.push_back(
        fmt::format("apiVersion: \"{}\" must be {}", core::plain_text(version), api::kApiVersion));
  const auto name = text_at(object, {"metadata", "name"});
  if (name.empty() && text_at(object, {"metadata", "generateName"}).empty()) {
    problems.emplace_back("metadata.name: is missing; give it a name");
  } else if (!name.empty() && !core::is_dns_subdomain(name)) {
    problems.push_back(fmt::format(
        "metadata.name: \"{}\" is not a valid name; use lower case letters, digits, '-' and '.'",
        core::cut_text(core::plain_text(name), 64)));
  }
}

std::string field_of(const std::string& problem) { return problem.substr(0, problem.find(':')); }

// Merges the problems of schema and rules. If both report a field, the message of the rules is the
// better one. A field of the wrong type is reported once.
void merge(Lines& problems, const std::vector<SchemaProblem>& schema, const Lines& rules) {
  for (const auto& [path, text] : schema) {
    if (std::ranges::find(rules, path, field_of) == rules.end())
      problems.push_back(fmt::format("{}: {}", path, text));
  }
  std::vector<std::string> mistyped;
  for (const auto& rule : rules) {
    const auto field = field_of(rule);
    if (std::ranges::find(mistyped, field) != mistyped.end()) continue;
    if (rule.starts_with(field + ": must be ")) mistyped.push_back(field);
    problems.push_back(rule);
  }
}

std::string with_days(Seconds span) {
  if (span < std::chrono::days(2)) return format_duration_short(span);
  return fmt::format("{} ({})", format_duration_short(span), describe_duration(span));
}

// When people are first warned of the expiry, if no TokenExpiryConfig applies.
std::string first_warning(const api::ApiToken& token) {
  const auto minted = core::as_minted({}, token, {}).token;
  const auto warnings = core::warnings_of({}, minted, {});
  if (warnings.empty()) return "; nobody is warned of its end unless a TokenExpiryConfig says so";
  return fmt::format("; warned {} before expiry unless a TokenExpiryConfig says otherwise",
                     describe_duration(warnings.front().before));
}

std::string explain(const api::ApiToken& token) {
  const auto type = core::token_type(token.spec);
  const auto granted = core::grant_ttl(token.spec, {});
  auto text = fmt::format("a {} token for {} that works for {}{}, in Secret {} under {}",
                          core::to_string(type), core::plain_text(token.spec.user),
                          with_days(granted.ttl), token.spec.ttl ? "" : ", by default",
                          token.secret_name(), core::key_to_mint(token));
  if (token.spec.rotation->policy == api::kAutomatic) {
    text += "; rotated before it expires";
  } else if (!token.spec.revoked) {
    text += first_warning(token);
  }
  if (const auto after = core::delete_after_expiry(token.spec))
    text += fmt::format("; deleted {} after expiry", format_duration_short(*after));
  if (token.spec.revoked) text += "; revoked, so it gets no value";
  if (type == core::TokenType::Permanent)
    text += "; applying it may need the permission mint-permanent";
  return text;
}

std::string explain(const core::ExpiryConfig& config) {
  Lines reminders;
  for (const Seconds reminder : config.reminders) reminders.push_back(describe_duration(reminder));
  auto text = fmt::format("warns {} before expiry", fmt::join(reminders, ", "));
  if (!config.smtp && config.asks_for_mail)
    return text + "; nobody gets mail: spec.smtp is missing (spec.emails, spec.emailTokenUser)";
  if (!config.smtp) return text + ", without mail";
  Lines recipients = config.route.recipients;
  if (config.route.email_token_user)
    recipients.push_back(fmt::format("each token's user with an address in {}",
                                     fmt::join(config.route.user_domains, ", ")));
  return text + fmt::format(
                    ", with mail through {} to {}", config.smtp->server.text(),
                    recipients.empty() ? "nobody" : fmt::format("{}", fmt::join(recipients, ", ")));
}

void examine_token(const Json& object, Finding& finding) {
  const auto token = decode(object, api::decode_api_token);
  if (!token) {
    finding.problems.push_back(token.error().message);
    return;
  }
  Lines rules = core::check_token(*token);
  if (auto why = core::describe_unusable_recipient(token->spec, SystemClock{}.wall());
      !why.empty() && rules.empty())
    rules.push_back(std::move(why));
  merge(finding.problems, check_schema(object, kApiTokenCrd), rules);
  if (finding.problems.empty()) finding.explanation = explain(*token);
}

void examine_config(const Json& object, Finding& finding) {
  const auto config = decode(object, api::decode_token_expiry_config);
  if (!config) {
    finding.problems.push_back(config.error().message);
    return;
  }
  const auto read = core::read_config(*config);
  Lines rules = read.problems;
  for (const auto& problem : read.bad_addresses)
    rules.push_back("spec.emails: " + core::plain_text(problem));
  merge(finding.problems, check_schema(object, kTokenExpiryConfigCrd), rules);
  if (finding.problems.empty()) finding.explanation = explain(read);
}

}  // namespace

Finding examine(const std::string& document) {
  Finding finding;
  const Json object = Json::parse(document, nullptr, false);
  const auto kind = text_at(object, {"kind"});
  auto name = text_at(object, {"metadata", "name"});
  if (name.empty()) name = text_at(object, {"metadata", "generateName"});
  std::string lower = core::plain_text(kind);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  finding.subject = fmt::format("{}/{}", lower.empty() ? "no kind" : lower,
                                name.empty() ? "unnamed" : core::plain_text(name));
  if (kind.empty()) {
    finding.problems.emplace_back("kind: is missing; this is not a Kubernetes object");
    return finding;
  }
  const bool known = std::ranges::find(kKinds, kind) != kKinds.end();
  finding.ours = known || is_of_our_group(object);
  if (!finding.ours) return finding;
  check_head(object, finding.problems);
  if (!known) {
    finding.problems.push_back(fmt::format("kind: \"{}\" does not exist in {}; did you mean {}?",
                                           core::cut_text(core::plain_text(kind), 64), api::kGroup,
                                           nearest_word(kind, kKinds)));
  } else {
    kind == api::kApiTokenKind ? examine_token(object, finding) : examine_config(object, finding);
  }
  return finding;
}

}  // namespace apitoken::cli
