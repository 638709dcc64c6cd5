// Reads the members of forms.
#include "portal/forms.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "api/names.hpp"
#include "base/ascii.hpp"
#include "base/duration.hpp"
#include "base/rfc3339.hpp"
#include "core/dns_name.hpp"
#include "core/lifetimes.hpp"
#include "core/recipient.hpp"
#include "core/validate.hpp"

namespace apitoken::portal {
namespace {

using nlohmann::json;

constexpr std::string_view kShowWindow = "10m";

// Reads members. A member of the wrong type is noted and counts as absent.
class Reader {
 public:
  explicit Reader(const json& form, std::string prefix = {})
      : form_(form), prefix_(std::move(prefix)) {}

  std::string text(const char* name) {
    const json* const found = member(name);
    if (found == nullptr) return {};
    if (!found->is_string()) return complain(name, "must be text"), std::string();
    return found->get<std::string>();
  }
  bool flag(const char* name) {
    const json* const found = member(name);
    if (found == nullptr) return false;
    if (!found->is_boolean()) return complain(name, "must be true or false"), false;
    return found->get<bool>();
  }
  std::vector<std::string> list(const char* name) {
    std::vector<std::string> values;
    const json* const found = member(name);
    if (found == nullptr) return values;
    const bool texts = found->is_array() &&
                       std::ranges::all_of(*found, [](const json& one) { return one.is_string(); });
    if (!texts) return complain(name, "must be a list of texts"), values;
    return found->get<std::vector<std::string>>();
  }
  api::StringMap map(const char* name) {
    api::StringMap values;
    const json* const found = member(name);
    if (found == nullptr) return values;
    const bool texts = found->is_object() &&
                       std::ranges::all_of(*found, [](const json& one) { return one.is_string(); });
    if (!texts) return complain(name, "must be a map of texts"), values;
    for (const auto& [key, value] : found->items()) values[key] = value.get<std::string>();
    return values;
  }
  // Null if it is absent or not an object.
  const json* object(const char* name) {
    const json* const found = member(name);
    if (found == nullptr || found->is_object()) return found;
    complain(name, "must be an object");
    return nullptr;
  }

  std::vector<Cause> take_causes() { return std::move(causes_); }

 private:
  const json* member(const char* name) const {
    const auto found = form_.find(name);
    return found == form_.end() || found->is_null() ? nullptr : &*found;
  }
  void complain(const char* name, std::string message) {
    causes_.push_back({prefix_ + name, std::move(message)});
  }

  const json& form_;
  const std::string prefix_;
  std::vector<Cause> causes_;
};

void append(std::vector<Cause>& causes, std::vector<Cause> more) {
  causes.insert(causes.end(), std::make_move_iterator(more.begin()),
                std::make_move_iterator(more.end()));
}

Problem wrong_fields(int status, std::vector<Cause> causes) {
  const auto& first = causes.front();
  return {.status = status,
          .reason = status == 400 ? "BadRequest" : "Invalid",
          .message = first.field.empty() ? first.message
                                         : fmt::format("{}: {}", first.field, first.message),
          .remedy = "Correct the fields that are named.",
          .causes = std::move(causes)};
}

std::vector<Cause> read_secret(const json& form, core::TokenRequest::Secret& secret) {
  Reader reader(form, "secret.");
  secret.name = reader.text("name");
  secret.key = reader.text("key");
  secret.labels = reader.map("labels");
  secret.annotations = reader.map("annotations");
  secret.encrypt_to = reader.text("encryptTo");
  secret.delete_after = reader.text("deleteAfter");
  return reader.take_causes();
}

std::vector<Cause> read_rotation(const json& form, core::TokenRequest::Rotation& rotation) {
  Reader reader(form, "rotation.");
  rotation.policy = reader.text("policy");
  rotation.before = reader.text("before");
  rotation.overlap = reader.text("overlap");
  return reader.take_causes();
}

// The ttl that ends at the date.
std::optional<Cause> set_end(const std::string& date, WallTime now, TokenForm& form) {
  constexpr const char* kField = "expiresAt";
  if (!form.draft.ttl.empty()) return Cause{kField, "give a ttl or a date, not both"};
  const auto end = parse_rfc3339(date);
  if (!end) return Cause{kField, "is no time; write it like 2026-11-29T14:05:00Z"};
  if (*end <= now) return Cause{kField, fmt::format("choose a time after {}", format_rfc3339(now))};
  form.draft.ttl = format_duration_short(*end - now);
  form.dates = true;
  return {};
}

// "spec.ttl: …" as a cause of the form.
Cause cause_of(const std::string& problem, bool dates) {
  const auto colon = problem.find(": ");
  if (colon == problem.npos) return {"", problem};
  auto field = form_field(std::string_view(problem).substr(0, colon));
  if (field == "ttl" && dates) field = "expiresAt";
  return {std::move(field), problem.substr(colon + 2)};
}

std::string quoted(const std::string& word) {
  const bool plain = !word.empty() && std::ranges::all_of(word, [](char c) {
    return is_letter_or_digit(c) ||
           std::string_view("@%+=:,./-_").find(c) != std::string_view::npos;
  });
  if (plain) return word;
  std::string text = "'";
  for (const char c : word) {
    if (c == '\'') {
      text += "'\\''";
    } else {
      text += c;
    }
  }
  return text + "'";
}

// A null value removes a key.
json replaced(const std::map<std::string, std::string>& wanted, const json& present) {
  json patch = json::object();
  if (present.is_object()) {
    for (const auto& [key, value] : present.items()) patch[key] = nullptr;
  }
  for (const auto& [key, value] : wanted) patch[key] = value;
  return patch;
}

json text_or_null(const std::string& text) { return text.empty() ? json() : json(text); }

}  // namespace

Expected<std::string> text_member(const json& form, const char* name) {
  Reader reader(form);
  auto text = reader.text(name);
  if (auto causes = reader.take_causes(); !causes.empty())
    return refuse(wrong_fields(400, std::move(causes)));
  return text;
}

Expected<TokenForm> read_token_form(const json& form, const std::string& ns, WallTime now) {
  Reader reader(form);
  TokenForm read;
  core::TokenRequest& draft = read.draft;
  draft.ns = ns;
  draft.name = reader.text("name");
  draft.user = reader.text("user");
  draft.description = reader.text("description");
  draft.type = reader.text("type");
  draft.ttl = reader.text("ttl");
  draft.format = reader.text("format");
  draft.groups = reader.list("groups");
  draft.scopes = reader.list("scopes");
  draft.audiences = reader.list("audiences");
  draft.ttl_after_expired = reader.text("ttlAfterExpired");
  read.ends_with_session = reader.flag("autoDeleteWithSession");
  const auto date = reader.text("expiresAt");
  const json* const secret = reader.object("secret");
  const json* const rotation = reader.object("rotation");
  auto causes = reader.take_causes();
  if (secret != nullptr) append(causes, read_secret(*secret, draft.secret));
  if (rotation != nullptr) append(causes, read_rotation(*rotation, draft.rotation));
  if (!causes.empty()) return refuse(wrong_fields(400, std::move(causes)));
  if (!date.empty()) {
    if (auto cause = set_end(date, now, read))
      return refuse(wrong_fields(422, {std::move(*cause)}));
  }
  return read;
}

Result<api::ApiToken> as_stored(const core::TokenRequest& draft) {
  auto object = core::make_manifest(draft);
  object["metadata"]["uid"] = "none";
  object["metadata"]["resourceVersion"] = "1";
  if (draft.name.empty()) object["metadata"]["name"] = "unnamed";
  const auto text = dump(object);
  api::JsonParser parser;
  const auto element = TRY(parser.parse(text));
  return api::decode_api_token(element);
}

Expected<void> check_token_form(const TokenForm& form, WallTime now) {
  const auto token = as_stored(form.draft);
  if (!token) return refuse(problem_of(token.error()));
  std::vector<Cause> causes;
  if (form.draft.name.empty()) {
    causes.push_back({"name", "is missing; give the token a name"});
  } else if (!core::is_dns_subdomain(form.draft.name)) {
    causes.push_back({"name",
                      "use lower case letters, digits, - and ., at most 253 of them, with a "
                      "letter or digit at either end"});
  }
  const bool named_after_token = form.draft.secret.name.empty() && !causes.empty();
  for (const auto& problem : core::check_token(*token)) {
    auto cause = cause_of(problem, form.dates);
    if (named_after_token && cause.field == "secret.name") continue;  // says the same once more
    causes.push_back(std::move(cause));
  }
  if (causes.empty()) {
    if (const auto why = core::describe_unusable_recipient(token->spec, now); !why.empty())
      causes.push_back(cause_of(why, form.dates));
  }
  if (!causes.empty()) return refuse(wrong_fields(422, std::move(causes)));
  return {};
}

Expected<json> read_token_patch(const json& form, const json& present) {
  Reader reader(form);
  const auto uid = reader.text("uid");
  const auto version = reader.text("resourceVersion");
  json spec = json::object();
  for (const char* const field : {"description", "ttl", "ttlAfterExpired"}) {
    if (form.contains(field)) spec[field] = text_or_null(reader.text(field));
  }
  if (form.contains("rotation")) {
    core::TokenRequest::Rotation rotation;
    const json* const wanted = reader.object("rotation");
    spec["rotation"] = nullptr;
    if (wanted != nullptr) {
      if (auto causes = read_rotation(*wanted, rotation); !causes.empty())
        return refuse(wrong_fields(400, std::move(causes)));
      spec["rotation"] = {{"policy", text_or_null(rotation.policy)},
                          {"before", text_or_null(rotation.before)},
                          {"overlap", text_or_null(rotation.overlap)}};
    }
  }
  for (const auto& [member, field] :
       {std::pair{"secretLabels", "labels"}, std::pair{"secretAnnotations", "annotations"}}) {
    if (!form.contains(member)) continue;
    const auto wanted = reader.map(member);
    const auto now =
        present.value(json::json_pointer(fmt::format("/spec/secret/{}", field)), json());
    spec["secret"][field] = replaced({wanted.begin(), wanted.end()}, now);
  }
  if (auto causes = reader.take_causes(); !causes.empty())
    return refuse(wrong_fields(400, std::move(causes)));
  if (spec.empty()) return refuse(bad_request("", "The form names nothing to change."));
  json metadata = {{"uid", uid}};
  if (!version.empty()) metadata["resourceVersion"] = version;
  return json{{"metadata", std::move(metadata)}, {"spec", std::move(spec)}};
}

Expected<json> read_rotate_form(const json& form, const std::string& request) {
  Reader reader(form);
  const auto uid = reader.text("uid");
  const auto encrypt_to = reader.text("encryptTo");
  auto delete_after = reader.text("deleteAfter");
  if (auto causes = reader.take_causes(); !causes.empty())
    return refuse(wrong_fields(400, std::move(causes)));
  json patch = {
      {"metadata",
       {{"uid", uid}, {"annotations", {{std::string(api::kRotateRequestAnnotation), request}}}}}};
  if (!encrypt_to.empty()) {
    if (const auto checked = core::check_recipient(encrypt_to); !checked)
      return refuse(wrong_fields(422, {{"encryptTo", checked.error().message}}));
    if (delete_after.empty()) delete_after = kShowWindow;
  }
  if (form.contains("encryptTo")) {
    patch["spec"]["secret"] = {{"encryptTo", text_or_null(encrypt_to)},
                               {"deleteAfter", text_or_null(delete_after)}};
  } else if (form.contains("deleteAfter")) {
    patch["spec"]["secret"] = {{"deleteAfter", text_or_null(delete_after)}};
  }
  return patch;
}

std::string create_command(const core::TokenRequest& draft) {
  const auto& secret = draft.secret;
  const bool sealed_for_others = !secret.encrypt_to.empty() && !core::is_jwk(secret.encrypt_to);
  if (sealed_for_others || !secret.labels.empty() || !secret.annotations.empty() ||
      !draft.rotation.policy.empty() || !draft.ttl_after_expired.empty() ||
      (secret.encrypt_to.empty() && !secret.delete_after.empty()))
    return {};
  std::string command = "kubectl apitoken create " + quoted(draft.name);
  const auto add = [&](const char* flag, const std::string& value) {
    if (!value.empty()) command += fmt::format(" --{} {}", flag, quoted(value));
  };
  add("namespace", draft.ns);
  add("user", draft.user);
  add("description", draft.description);
  add("type", draft.type);
  add("ttl", draft.ttl);
  add("format", draft.format);
  for (const auto& group : draft.groups) add("group", group);
  for (const auto& scope : draft.scopes) add("scope", scope);
  for (const auto& audience : draft.audiences) add("audience", audience);
  add("secret-name", secret.name);
  add("key", secret.key);
  if (secret.encrypt_to.empty()) command += " --keep";
  return command;
}

}  // namespace apitoken::portal
