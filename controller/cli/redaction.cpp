// One pass over a text: at each beginning of a word it looks for a known user, a secret or an
// address.
#include "cli/redaction.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "api/names.hpp"
#include "base/ascii.hpp"

namespace apitoken::cli {
namespace {

using nlohmann::json;

constexpr std::string_view kRemoved = "[removed]";
constexpr std::size_t kMinSecret = 20;  // characters after the mark of a value, JWT or hash

bool is_base64url(char c) { return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.'; }
// "ci" is no word of "ci-deploy", and "alice" none of "alice.b".
bool is_in_word(char c) {
  return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.' || (c & 0x80) != 0;
}
// What an address may have outside of quotes, on either side of the @.
bool is_in_address(char c) {
  return static_cast<unsigned char>(c) > ' ' &&
         std::string_view("<>()[]{}\"',;:=\\/|&?@").find(c) == std::string_view::npos;
}

template <typename Accept>
std::size_t run_length(std::string_view text, std::size_t at, Accept accept) {
  std::size_t end = at;
  while (end < text.size() && accept(text[end])) ++end;
  return end - at;
}

// A full stop belongs to the word if a character of a word follows: "a.b" is one word, "a." is not.
bool ends_word(std::string_view text, std::size_t end) {
  if (end >= text.size()) return true;
  if (text[end] != '.') return !is_in_word(text[end]);
  return end + 1 >= text.size() || !is_in_word(text[end + 1]);
}

// Replaces the values of a map of strings; its keys stay.
void remove_values(json& map) {
  if (!map.is_object()) return;
  for (auto& value : map) value = kRemoved;
}

}  // namespace

std::string Redaction::pseudonym(std::string_view name, std::string_view kind) {
  const auto known = pseudonyms_.find(name);
  if (known != pseudonyms_.end()) return known->second;
  std::string made = fmt::format("{}-{}", kind, ++counts_[std::string(kind)]);
  return pseudonyms_.emplace(name, std::move(made)).first->second;
}

std::string Redaction::user(std::string_view name) {
  if (name.empty()) return "";
  std::string made = pseudonym(name, "user");
  const auto add = [this](std::string spelling, std::string replacement) {
    lengths_.insert(spelling.size());
    users_.insert_or_assign(std::move(spelling), std::move(replacement));
  };
  add(std::string(name), made);
  // As a URL spells the name.
  std::string escaped(name);
  for (std::size_t at = 0; (at = escaped.find('@', at)) != escaped.npos;)
    escaped.replace(at, 1, "%40");
  add(std::move(escaped), made);
  return made;
}

Redaction::Found Redaction::known_user(std::string_view text, std::size_t at) const {
  for (const std::size_t length : lengths_) {
    if (at + length > text.size() || !ends_word(text, at + length)) continue;
    const auto found = users_.find(text.substr(at, length));
    if (found != users_.end()) return {found->second, length};
  }
  return {};
}

Redaction::Found Redaction::secret(std::string_view text, std::size_t at) const {
  const std::string_view rest = text.substr(at);
  for (const auto& [mark, accept, replacement] :
       {std::tuple{std::string_view("apt_"), &is_letter_or_digit, "[value removed]"},
        {std::string_view("eyJ"), &is_base64url, "[JWT removed]"},
        {std::string_view("sha256:"), &is_lower_hex, "[hash removed]"}}) {
    if (!rest.starts_with(mark)) continue;
    // The digest in an image's name stays.
    if (mark.ends_with(':') && at > 0 && text[at - 1] == '@') continue;
    const std::size_t more = run_length(rest, mark.size(), accept);
    if (more >= kMinSecret) return {replacement, mark.size() + more};
  }
  return {};
}

Redaction::Found Redaction::address(std::string_view text, std::size_t at) {
  const std::size_t local = run_length(text, at, is_in_address);
  const std::size_t sign = at + local;
  if (local == 0 || sign >= text.size() || text[sign] != '@') return {};
  std::size_t domain = run_length(text, sign + 1, is_in_address);
  while (domain > 0 && text[sign + domain] == '.') --domain;  // the end of a sentence
  // An image's digest is no domain.
  if (domain == 0 || text.substr(sign + 1).starts_with("sha256")) return {};
  const std::size_t length = local + 1 + domain;
  return {pseudonym(text.substr(at, length), "address"), length};
}

std::string Redaction::text(std::string_view original) {
  std::string result;
  result.reserve(original.size());
  for (std::size_t at = 0; at < original.size();) {
    Found found = secret(original, at);
    if (found.length == 0 && (at == 0 || !is_in_word(original[at - 1]))) {
      found = known_user(original, at);
      if (found.length == 0) found = address(original, at);
    }
    if (found.length == 0) {
      result += original[at++];
    } else {
      result += found.replacement;
      at += found.length;
    }
  }
  return result;
}

void Redaction::apply(json& document) {
  if (document.is_string()) {
    document = text(document.get_ref<const std::string&>());
  } else if (document.is_structured()) {
    for (auto& part : document) apply(part);
  }
}

void trim_metadata(json& object) {
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) return;
  metadata->erase("managedFields");
  const auto annotations = metadata->find("annotations");
  if (annotations == metadata->end() || !annotations->is_object()) return;
  for (auto& [name, value] : annotations->items()) {
    if (!name.starts_with(std::string(api::kGroup) + "/")) value = kRemoved;
  }
}

void redact_token(json& token, Redaction& redaction) {
  trim_metadata(token);
  if (const auto spec = token.find("spec"); spec != token.end() && spec->is_object()) {
    if (spec->contains("user") && (*spec)["user"].is_string())
      (*spec)["user"] = redaction.user((*spec)["user"].get<std::string>());
    if (spec->contains("description")) (*spec)["description"] = kRemoved;
    if (const auto secret = spec->find("secret"); secret != spec->end() && secret->is_object()) {
      if (secret->contains("encryptTo")) (*secret)["encryptTo"] = kRemoved;
      if (secret->contains("annotations")) remove_values((*secret)["annotations"]);
    }
  }
  const auto status = token.find("status");
  if (status == token.end() || !status->is_object()) return;
  for (const char* field : {"tokenHash", "hint", "encryptedValue"}) status->erase(field);
  if (const auto previous = status->find("previous");
      previous != status->end() && previous->is_object())
    previous->erase("tokenHash");
}

void redact_pod(json& pod) {
  trim_metadata(pod);
  json& spec = pod["spec"];
  for (const char* list : {"containers", "initContainers", "ephemeralContainers"}) {
    if (!spec.contains(list) || !spec[list].is_array()) continue;
    for (json& container : spec[list]) {
      if (container.contains("env") && container["env"].is_array()) {
        for (json& variable : container["env"]) {
          if (variable.contains("value")) variable["value"] = kRemoved;
        }
      }
      const std::string name = container.value("name", "");
      if (name == "operator" || name == "portal") continue;
      for (const char* field : {"args", "command"}) {
        if (container.contains(field)) container[field] = kRemoved;
      }
    }
  }
  if (!pod.contains("status") || !pod["status"].is_object()) return;
  for (const char* field : {"hostIP", "hostIPs", "podIP", "podIPs"}) pod["status"].erase(field);
}

}  // namespace apitoken::cli
