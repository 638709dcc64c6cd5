// Keys in, keys out.
#include "api/jwt_key_secret.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "api/names.hpp"
#include "api/secret.hpp"
#include "base/base64.hpp"
#include "base/rfc3339.hpp"

namespace apitoken::api {
namespace {

constexpr std::string_view kPem = ".pem";
constexpr std::string_view kTimes = ".json";

std::set<std::string> kids_of(Json secret) {
  std::set<std::string> kids;
  const auto data = read_object(secret, "data", "data");
  simdjson::dom::object entries;
  if (!data || data->get(entries) != simdjson::SUCCESS) return kids;
  for (const auto entry : entries) {
    for (const auto ending : {kPem, kTimes}) {
      if (entry.key.ends_with(ending)) kids.emplace(entry.key.substr(0, entry.key.size() - ending.size()));
    }
  }
  return kids;
}

std::optional<JwtKeyEntry> decode_entry(Json secret, const std::string& kid) {
  auto pem = decode_secret_value(secret, kid + std::string(kPem));
  const auto times = decode_secret_value(secret, kid + std::string(kTimes));
  if (!pem || !times) return {};
  JsonParser parser;
  const auto object = parser.parse(times->reveal());
  if (!object) return {};
  const auto created = read_time(*object, "createdAt");
  const auto active_from = read_time(*object, "activeFrom");
  if (!created || !active_from) return {};
  return JwtKeyEntry{kid, std::move(*pem), *created, *active_from};
}

std::string times_of(const JwtKeyEntry& key) {
  return nlohmann::json{{"createdAt", format_rfc3339(key.created)}, {"activeFrom", format_rfc3339(key.active_from)}}
      .dump();
}

std::string quoted(std::string_view kid, std::string_view ending) {
  return nlohmann::json(std::string(kid).append(ending)).dump();
}

// An object of `data` and the members of `rest`, joined by hand, so that the only copies of a key are ones that we
// wipe.
SecretString with_keys(const nlohmann::json& rest, const JwtKeyEntry* added, const std::vector<std::string>& removed) {
  const SecretString pem(added != nullptr ? base64_encode(added->pem.reveal()) : std::string());
  std::string public_entries;
  for (const std::string& kid : removed) {
    public_entries.append(quoted(kid, kPem)).append(":null,").append(quoted(kid, kTimes)).append(":null,");
  }
  if (added != nullptr) {
    public_entries.append(quoted(added->kid, kTimes))
        .append(":\"")
        .append(base64_encode(times_of(*added)))
        .append("\",");
    public_entries.append(quoted(added->kid, kPem)).append(":\"");
  } else if (!public_entries.empty()) {
    public_entries.pop_back();
  }
  const std::string tail = rest.dump();
  std::string body;
  body.reserve(public_entries.size() + pem.size() + tail.size() + 16);
  body.append("{\"data\":{").append(public_entries).append(pem.reveal()).append(added != nullptr ? "\"" : "");
  body.append("},").append(tail, 1);
  return SecretString(std::move(body));
}

}  // namespace

Result<JwtKeySecret> decode_jwt_key_secret(Json secret) {
  auto meta = decode_meta(secret);
  if (!meta) return std::unexpected(meta.error());
  JwtKeySecret result;
  result.meta = std::move(*meta);
  for (const std::string& kid : kids_of(secret)) {
    auto entry = decode_entry(secret, kid);
    if (entry) {
      result.keys.push_back(std::move(*entry));
    } else {
      result.damaged.push_back(kid);
    }
  }
  std::ranges::stable_sort(result.keys, {}, &JwtKeyEntry::active_from);
  return result;
}

SecretString encode_new_jwt_key_secret(const ObjectKey& key, const JwtKeyEntry& first) {
  const nlohmann::json object{
      {"apiVersion", "v1"},
      {"kind", "Secret"},
      {"type", "Opaque"},
      {"metadata",
       {{"namespace", key.ns}, {"name", key.name}, {"labels", {{"app.kubernetes.io/part-of", kManagedBy}}}}}};
  return with_keys(object, &first, {});
}

SecretString encode_jwt_key_patch(const ObjectMeta& at, const JwtKeyEntry* added,
                                  const std::vector<std::string>& removed_kids) {
  const nlohmann::json patch{{"metadata", {{"uid", at.uid}, {"resourceVersion", at.resource_version}}}};
  return with_keys(patch, added, removed_kids);
}

}  // namespace apitoken::api
