// Builds an ApiToken from flags.
#include "cli/manifest.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

#include "api/names.hpp"
#include "cli/sealed.hpp"

namespace apitoken::cli {
namespace {

using Tree = nlohmann::ordered_json;

constexpr std::size_t kMaxUserPart = 40;
constexpr std::size_t kRandomPart = 5;
// Without vowels and look-alikes, as the generated names of Kubernetes.
constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";

void set(Tree& object, const char* field, const std::string& value) {
  if (!value.empty()) object[field] = value;
}

void set(Tree& object, const char* field, const std::vector<std::string>& values) {
  if (!values.empty()) object[field] = values;
}

}  // namespace

Tree make_manifest(const std::string& name, const std::string& name_space, const Options& options,
                   const std::string& encrypt_to) {
  Tree spec = Tree::object();
  set(spec, "user", options.user);
  set(spec, "description", options.description);
  set(spec, "type", options.type);
  set(spec, "ttl", options.ttl);
  set(spec, "format", options.format);
  set(spec, "groups", options.groups);
  set(spec, "scopes", options.scopes);
  set(spec, "audiences", options.audiences);
  Tree secret = Tree::object();
  set(secret, "name", options.secret_name);
  set(secret, "key", options.key);
  set(secret, "encryptTo", encrypt_to);
  if (!encrypt_to.empty()) secret["deleteAfter"] = kShowWindow;
  if (!secret.empty()) spec["secret"] = std::move(secret);
  Tree object = {{"apiVersion", api::kApiVersion}, {"kind", api::kApiTokenKind}};
  object["metadata"] = {{"name", name}, {"namespace", name_space}};
  object["spec"] = std::move(spec);
  return object;
}

std::string login_name(std::string_view user) {
  std::string part;
  for (const char c : user.substr(0, user.find('@'))) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool allowed = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
    if (allowed && part.size() < kMaxUserPart) part += lower;
    if (!allowed && !part.empty() && part.back() != '-') part += '-';
  }
  while (part.ends_with('-')) part.pop_back();
  std::string name = part.empty() ? "login-" : "login-" + part + "-";
  std::random_device random;
  std::uniform_int_distribution<std::size_t> pick(0, kAlphabet.size() - 1);
  for (std::size_t i = 0; i < kRandomPart; ++i) name += kAlphabet[pick(random)];
  return name;
}

}  // namespace apitoken::cli
