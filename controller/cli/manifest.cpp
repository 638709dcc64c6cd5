// Turns flags into a request, and makes names for logins.
#include "cli/manifest.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

#include "api/names.hpp"
#include "base/ascii.hpp"
#include "cli/sealed.hpp"
#include "core/manifest.hpp"

namespace apitoken::cli {
namespace {

constexpr std::size_t kMaxUserPart = 40;
constexpr std::size_t kRandomPart = 5;
// Without vowels and look-alikes, as the generated names of Kubernetes.
constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";

// Of "KEY=VALUE" texts.
api::StringMap to_map(const std::vector<std::string>& pairs) {
  api::StringMap map;
  for (const std::string& pair : pairs) {
    const auto equals = pair.find('=');
    map[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  return map;
}

}  // namespace

nlohmann::ordered_json make_manifest(const std::string& name, const std::string& name_space,
                                     const Options& options, const std::string& encrypt_to) {
  core::TokenRequest request{.name = name,
                             .ns = name_space,
                             .labels = {},
                             .user = options.user,
                             .description = options.description,
                             .type = options.type,
                             .ttl = options.ttl,
                             .format = options.format,
                             .groups = options.groups,
                             .scopes = options.scopes,
                             .audiences = options.audiences,
                             .secret = {},
                             .rotation = {},
                             .ttl_after_expired = options.ttl_after_expired};
  request.secret.name = options.secret_name;
  request.secret.key = options.key;
  request.secret.encrypt_to = encrypt_to;
  request.secret.delete_after = options.delete_after;
  if (options.rotates) request.rotation.policy = api::kAutomatic;
  request.rotation.before = options.rotate_before;
  request.rotation.overlap = options.overlap;
  request.labels = to_map(options.labels);
  request.secret.labels = to_map(options.secret_labels);
  request.secret.annotations = to_map(options.secret_annotations);
  return core::make_manifest(request);
}

std::string login_name(std::string_view user) {
  std::string part;
  for (const char c : user.substr(0, user.find('@'))) {
    const bool allowed = is_letter_or_digit(c);
    if (allowed && part.size() < kMaxUserPart) part += to_lower(c);
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
