// Checks ApiToken specs. One function for each group of fields.
#include "core/validate.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "api/names.hpp"
#include "base/ascii.hpp"
#include "base/duration.hpp"
#include "core/dns_name.hpp"
#include "core/lifetimes.hpp"
#include "core/plain_text.hpp"
#include "core/recipient.hpp"

namespace apitoken::core {
namespace {

constexpr std::size_t kMaxText = 256;
constexpr std::size_t kMaxKey = 253;
constexpr std::size_t kMaxAnnotation = 4096;
constexpr std::size_t kMaxNames = 32;
constexpr std::size_t kMaxAudiences = 16;
constexpr std::size_t kMaxScope = 128;

// A value, safe to show in a message.
// The length in characters, as the schema counts: all bytes but UTF-8 continuation bytes.
std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](unsigned char c) { return (c & 0xC0) != 0x80; }));
}

bool is_name_character(char c) { return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.'; }

bool is_secret_key(std::string_view key) {
  return !key.empty() && key.size() <= kMaxKey && key != "." && !key.starts_with("..") &&
         std::ranges::all_of(key, is_name_character);
}

bool is_own_key(std::string_view key) {
  return key == api::kPreviousKey || key == api::kCmsKey || key == api::kPreviousCmsKey ||
         key == api::kJweKey || key == api::kPreviousJweKey;
}

// HTTP headers lose such blanks, which would change the name.
bool has_blank_ends(std::string_view name) { return name.starts_with(' ') || name.ends_with(' '); }

// lint may not know the namespace of a manifest: then any robot name is accepted.
bool may_be_robot(std::string_view user, std::string_view ns) {
  return ns.empty() ? is_robot_name(user) : is_robot_of(user, ns);
}

void check_user(const api::ApiToken& token, api::Problems& problems) {
  const std::string& user = token.spec.user;
  if (user.empty()) {
    problems.emplace_back("spec.user: is empty; name the user whom the token authenticates");
  } else if (is_system_name(user)) {
    problems.push_back(fmt::format(
        "spec.user: \"{}\" is reserved for Kubernetes; use a name that does not begin with system:",
        shown(user)));
  } else if (characters(user) > kMaxText || has_invisible(user)) {
    problems.push_back(
        fmt::format("spec.user: \"{}\" is longer than 256 characters or holds invisible characters "
                    "(control, direction or zero-width); shorten it, or remove them",
                    shown(user)));
  } else if (has_blank_ends(user)) {
    problems.push_back(
        fmt::format("spec.user: \"{}\" begins or ends with a blank; remove it", shown(user)));
  } else if (claims_to_be_robot(user) && !may_be_robot(user, token.meta.ns)) {
    problems.push_back(
        fmt::format("spec.user: \"{}\" is not a robot of this namespace; use robot:{}:<name>, or a "
                    "name that does not begin with robot:",
                    shown(user), token.meta.ns.empty() ? "<namespace>" : token.meta.ns));
  }
}

void check_type_and_ttl(const api::ApiTokenSpec& spec, api::Problems& problems) {
  if (spec.type && *spec.type != api::kPermanent && *spec.type != api::kTemporary) {
    problems.push_back(fmt::format("spec.type: \"{}\" does not exist; use Permanent or Temporary",
                                   shown(*spec.type)));
    return;
  }
  if (spec.ttl) {
    const auto ttl = parse_duration(*spec.ttl);
    const Seconds longest = max_ttl(token_type(spec));
    if (!ttl) {
      problems.push_back(fmt::format(
          "spec.ttl: \"{}\" is not a duration; write hours, minutes and seconds like 720h or 90m",
          shown(*spec.ttl)));
    } else if (*ttl < kMinTtl || *ttl > longest) {
      problems.push_back(fmt::format("spec.ttl: {} is outside 10s to {}h, the limits of a {} token",
                                     shown(*spec.ttl), longest.count() / 3600,
                                     to_string(token_type(spec))));
    }
  }
  if (spec.format == api::kJwt && token_type(spec) != TokenType::Temporary) {
    problems.emplace_back(
        "spec.format: JWT needs spec.type Temporary, because keys alone cannot revoke it; use "
        "Temporary, or Opaque");
  } else if (spec.format && *spec.format != api::kOpaque && *spec.format != api::kJwt) {
    problems.push_back(
        fmt::format("spec.format: \"{}\" does not exist; use Opaque or JWT", shown(*spec.format)));
  }
  if (spec.ttl_after_expired && !parse_duration(*spec.ttl_after_expired)) {
    problems.push_back(
        fmt::format("spec.ttlAfterExpired: \"{}\" is not a duration; write hours, minutes and "
                    "seconds like 168h",
                    shown(*spec.ttl_after_expired)));
  }
}

// The lists of the CRD are sets of limited size.
void check_list(std::vector<std::string> list, std::string_view path, std::size_t most,
                api::Problems& problems) {
  if (list.size() > most)
    problems.push_back(fmt::format("{}: has {} entries; keep at most {}", path, list.size(), most));
  std::ranges::sort(list);
  if (const auto twice = std::ranges::adjacent_find(list); twice != list.end())
    problems.push_back(fmt::format("{}: \"{}\" is there twice; remove one", path, shown(*twice)));
}

void check_groups(const api::ApiTokenSpec& spec, const ReservedNames& reserved,
                  api::Problems& problems) {
  check_list(spec.groups, "spec.groups", kMaxNames, problems);
  for (const std::string& group : spec.groups) {
    if (group.empty() || is_system_name(group) || has_invisible(group) || has_blank_ends(group) ||
        characters(group) > kMaxText) {
      problems.push_back(
          fmt::format("spec.groups: \"{}\" is not allowed as a group of a token; use at most 256 "
                      "characters, none of them invisible (control, direction or zero-width), that "
                      "do not begin with system: and have no blank at either end",
                      shown(group)));
    } else if (reserved.has_group(group)) {
      problems.push_back(fmt::format(
          "spec.groups: \"{}\" is reserved by the operator's --reserved-groups; remove it",
          shown(group)));
    }
  }
}

void check_claims(const api::ApiTokenSpec& spec, api::Problems& problems) {
  check_list(spec.scopes, "spec.scopes", kMaxNames, problems);
  check_list(spec.audiences, "spec.audiences", kMaxAudiences, problems);
  for (const std::string& scope : spec.scopes) {
    const bool fits = std::ranges::all_of(
        scope, [](unsigned char c) { return c > 0x20 && c < 0x7F && c != '"' && c != '\\'; });
    if (scope.empty() || !fits || scope.size() > kMaxScope) {
      problems.push_back(
          fmt::format("spec.scopes: \"{}\" is not a scope; use printable ASCII without blanks, "
                      "quotes and backslashes",
                      shown(scope)));
    }
  }
  for (const std::string& audience : spec.audiences) {
    if (audience.empty() || has_invisible(audience) || audience.find(' ') != audience.npos ||
        characters(audience) > kMaxText) {
      problems.push_back(
          fmt::format("spec.audiences: \"{}\" is not an audience; use a name such as "
                      "https://api.example.com without blanks and invisible characters",
                      shown(audience)));
    }
  }
}

void check_duration(const std::optional<std::string>& text, std::string_view path, Seconds shortest,
                    api::Problems& problems) {
  if (!text) return;
  const auto duration = parse_duration(*text);
  if (duration && *duration >= shortest) return;
  problems.push_back(fmt::format(
      "{}: \"{}\" is not a duration of at least {}s; write hours, minutes and seconds like 24h",
      path, shown(*text), shortest.count()));
}

void check_rotation(const api::ApiTokenSpec& spec, api::Problems& problems) {
  const auto& rotation = *spec.rotation;
  if (rotation.policy && *rotation.policy != api::kManual && *rotation.policy != api::kAutomatic) {
    problems.push_back(
        fmt::format("spec.rotation.policy: \"{}\" does not exist; use Manual or Automatic",
                    shown(*rotation.policy)));
  }
  if (rotation.policy == api::kAutomatic && token_type(spec) == TokenType::Temporary) {
    problems.emplace_back(
        "spec.rotation.policy: Automatic is for Permanent tokens, because a session that renews "
        "itself never ends; use Manual, or make another ApiToken of type Permanent");
  }
  check_duration(rotation.before, "spec.rotation.before", Seconds(1), problems);
  check_duration(rotation.overlap, "spec.rotation.overlap", Seconds(0), problems);
  check_duration(spec.secret->delete_after, "spec.secret.deleteAfter", Seconds(1), problems);
  const auto before = rotation.before ? parse_duration(*rotation.before) : std::nullopt;
  if (before && *before >= grant_ttl(spec, {}).ttl) {
    problems.push_back(
        fmt::format("spec.rotation.before: {} is not shorter than the ttl, {}; shorten it",
                    shown(*rotation.before), format_duration_short(grant_ttl(spec, {}).ttl)));
  }
}

void check_names(const api::StringMap& names, std::string_view path, bool lower_prefix,
                 const ReservedNames& reserved, api::Problems& problems) {
  if (names.size() > kMaxNames) {
    problems.push_back(
        fmt::format("{}: has {} entries; keep at most {}", path, names.size(), kMaxNames));
    return;
  }
  for (const auto& [name, value] : names) {
    if (name == api::kManagedByLabel || name.starts_with(api::kAnnotationPrefix)) {
      problems.push_back(
          fmt::format("{}: {} is written by the operator; remove it", path, shown(name)));
    } else if (reserved.has_secret_metadata(name, value)) {
      problems.push_back(
          fmt::format("{}: {}={} makes another controller act on the Secret; remove it", path,
                      shown(name), shown(value)));
    } else if (!(lower_prefix ? is_label_name(name) : is_annotation_name(name))) {
      problems.push_back(fmt::format(
          "{}: \"{}\" is not a valid name; use at most 63 letters, digits, '-', '_' and "
          "'.', optionally after a DNS prefix and /, such as example.com/team",
          path, shown(name)));
    }
  }
}

void check_values(const api::SecretTemplate& secret, api::Problems& problems) {
  for (const auto& [name, value] : secret.labels) {
    if (value.empty() || is_label_value(value)) continue;
    problems.push_back(fmt::format(
        "spec.secret.labels: \"{}\" is not a valid value of {}; use at most 63 letters, "
        "digits, '-', '_' and '.'",
        shown(value), shown(name)));
  }
  for (const auto& [name, value] : secret.annotations) {
    if (characters(value) <= kMaxAnnotation) continue;
    problems.push_back(
        fmt::format("spec.secret.annotations: {} is longer than {} characters; shorten it",
                    shown(name), kMaxAnnotation));
  }
}

void check_secret(const api::ApiToken& token, const ReservedNames& reserved,
                  api::Problems& problems) {
  const auto& secret = *token.spec.secret;
  if (!is_dns_subdomain(token.secret_name())) {
    problems.push_back(fmt::format(
        "spec.secret.name: \"{}\" is not a valid name; use lower case letters, digits, '-' and '.'",
        shown(token.secret_name())));
  } else if (is_reserved_secret_name(token.secret_name())) {
    problems.push_back(
        fmt::format("spec.secret.name: \"{}\" begins like the Secrets of Kubernetes or Helm, "
                    "bootstrap-token- or sh.helm.release.; make another ApiToken with another name",
                    shown(token.secret_name())));
  }
  if (!is_secret_key(token.secret_key()) || is_own_key(token.secret_key())) {
    problems.push_back(fmt::format(
        "spec.secret.key: \"{}\" is not a valid key; use letters, digits, '-', '_' and '.', not . "
        "or "
        "a leading .., and not previous-token, token.cms, token.jwe, previous-token.cms or "
        "previous-token.jwe",
        shown(token.secret_key())));
  }
  check_names(secret.labels, "spec.secret.labels", true, reserved, problems);
  check_names(secret.annotations, "spec.secret.annotations", false, reserved, problems);
  check_values(secret, problems);
}

void check_immutable(const api::ApiToken& token, api::Problems& problems) {
  if (token.status.revision == 0) return;
  if (!token.status.secret_name.empty() && token.status.secret_name != token.secret_name()) {
    problems.push_back(fmt::format(
        "spec.secret.name: \"{}\" differs from {}, which holds the value; change it back, "
        "or make another ApiToken",
        shown(token.secret_name()), shown(token.status.secret_name)));
  }
  if (!token.status.type.empty() && token.status.type != to_string(token_type(token.spec))) {
    problems.push_back(fmt::format(
        "spec.type: {} differs from {}, the type of the issued token; change it back, or make "
        "another ApiToken",
        to_string(token_type(token.spec)), shown(token.status.type)));
  }
}

}  // namespace

api::Problems check_token(const api::ApiToken& token, const ReservedNames& reserved) {
  api::Problems problems = token.spec.problems;
  check_user(token, problems);
  if (characters(token.spec.description) > kMaxText) {
    problems.emplace_back("spec.description: is longer than 256 characters; shorten it");
  } else if (has_control_or_direction(token.spec.description)) {
    problems.emplace_back(
        "spec.description: holds control characters or direction marks; remove them");
  }
  check_type_and_ttl(token.spec, problems);
  check_groups(token.spec, reserved, problems);
  check_claims(token.spec, problems);
  check_rotation(token.spec, problems);
  check_secret(token, reserved, problems);
  if (const auto& recipient = token.spec.secret->encrypt_to) {
    const Status usable = check_recipient(*recipient);
    if (!usable) problems.push_back("spec.secret.encryptTo: " + usable.error().message);
  }
  check_immutable(token, problems);
  return problems;
}

std::string describe_unusable_recipient(const api::ApiTokenSpec& spec, WallTime now) {
  const auto& recipient = spec.secret->encrypt_to;
  const Status usable = recipient ? check_recipient_dates(*recipient, now) : Status();
  return usable ? "" : "spec.secret.encryptTo: " + usable.error().message;
}

}  // namespace apitoken::core
