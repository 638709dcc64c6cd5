// Decodes and encodes the Secret of the signing keys.
#include "api/jwt_key_secret.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "api/names.hpp"
#include "api/secret.hpp"
#include "base/rfc3339.hpp"

namespace apitoken::api {
namespace {

constexpr std::string_view kPem = ".pem";
constexpr std::string_view kTimes = ".json";

std::string name_of(std::string_view kid, std::string_view ending) {
  return std::string(kid).append(ending);
}

std::set<std::string> kids_of(Json secret) {
  std::set<std::string> kids;
  const auto data = read_object(secret, "data", "data");
  simdjson::dom::object entries;
  if (!data || data->get(entries) != simdjson::SUCCESS) return kids;
  for (const auto entry : entries) {
    for (const auto ending : {kPem, kTimes}) {
      if (entry.key.ends_with(ending))
        kids.emplace(entry.key.substr(0, entry.key.size() - ending.size()));
    }
  }
  return kids;
}

std::optional<JwtKeyEntry> decode_entry(Json secret, const std::string& kid) {
  auto pem = decode_secret_value(secret, name_of(kid, kPem));
  const auto times = decode_secret_value(secret, name_of(kid, kTimes));
  if (!pem || !times) return {};
  JsonParser parser;
  const auto object = parser.parse(times->reveal());
  if (!object) return {};
  const auto created = read_time(*object, "createdAt");
  const auto active_from = read_time(*object, "activeFrom");
  if (!created || !active_from) return {};
  return JwtKeyEntry{kid, std::move(*pem), *created, *active_from};
}

SecretString times_of(const JwtKeyEntry& key) {
  return SecretString(nlohmann::json{{"createdAt", format_rfc3339(key.created)},
                                     {"activeFrom", format_rfc3339(key.active_from)}}
                          .dump());
}

}  // namespace

Result<JwtKeySecret> decode_jwt_key_secret(Json secret) {
  JwtKeySecret result;
  result.meta = TRY(decode_meta(secret));
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
  ObjectMeta meta;
  meta.ns = key.ns;
  meta.name = key.name;
  meta.labels = {{"app.kubernetes.io/part-of", std::string(kManagedBy)}};
  const auto pem = name_of(first.kid, kPem), times = name_of(first.kid, kTimes);
  const SecretString encoded_times = times_of(first);
  return encode_new_secret(
      meta, std::array{DataChange{pem, &first.pem}, DataChange{times, &encoded_times}});
}

SecretString encode_jwt_key_patch(const ObjectMeta& at, const JwtKeyEntry* added,
                                  const std::vector<std::string>& removed_kids) {
  std::vector<std::string> names;
  names.reserve(2 * removed_kids.size() + 2);  // `changes` points into it
  std::vector<DataChange> changes;
  const auto change = [&](std::string_view kid, std::string_view ending,
                          const SecretString* value) {
    names.push_back(name_of(kid, ending));
    changes.push_back({names.back(), value});
  };
  for (const std::string& kid : removed_kids) {
    change(kid, kPem, nullptr);
    change(kid, kTimes, nullptr);
  }
  const SecretString times = added != nullptr ? times_of(*added) : SecretString();
  if (added != nullptr) {
    change(added->kid, kPem, &added->pem);
    change(added->kid, kTimes, &times);
  }
  return encode_value_patch(at, changes, {});
}

}  // namespace apitoken::api
