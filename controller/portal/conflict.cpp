// Compares the object's present spec with its spec at an earlier version. Source:
// https://kubernetes.io/docs/reference/using-api/api-concepts/#semantics-for-get-and-list
#include "portal/conflict.hpp"

namespace apitoken::portal {
namespace {

using nlohmann::json;

constexpr int kMaxTries = 5;

json parsed(const Expected<std::string>& body) {
  return body ? json::parse(*body, nullptr, false) : json();
}

// The object's present resourceVersion, if its spec is still the one of version `since`. Empty:
// somebody changed the spec, or the API server no longer has that version.
std::string version_with_same_spec(Viewer& viewer, const kube::Resource& resource,
                                   const api::ObjectKey& key, const std::string& since,
                                   std::stop_token stop) {
  // Only a LIST can read an object at an earlier version.
  const auto query = "fieldSelector=" + kube::percent_encode("metadata.name=" + key.name) +
                     "&resourceVersionMatch=Exact&resourceVersion=" + kube::percent_encode(since);
  const auto list = parsed(viewer.upstream().list(resource, key.ns, query, stop));
  const auto present = parsed(viewer.upstream().get(resource, key, stop));
  if (!list.is_object() || !present.is_object()) return {};
  const auto items = list.value("items", json::array());
  if (!items.is_array() || items.size() != 1) return {};
  const auto& past = items.front();
  const auto uid = "/metadata/uid"_json_pointer;
  const bool same = past.value(uid, "") == present.value(uid, "") &&
                    past.value("spec", json()) == present.value("spec", json());
  return same ? present.value("/metadata/resourceVersion"_json_pointer, "") : std::string();
}

}  // namespace

Expected<std::string> save_spec(
    Viewer& viewer, const kube::Resource& resource, const api::ObjectKey& key,
    const std::string& since, std::stop_token stop,
    const std::function<Expected<std::string>(const std::string& version)>& save) {
  auto saved = save(since);
  for (int tries = 1; tries < kMaxTries; ++tries) {
    if (saved || saved.error().status != 409 || since.empty()) break;
    const auto now = version_with_same_spec(viewer, resource, key, since, stop);
    if (now.empty()) break;
    saved = save(now);
  }
  return saved;
}

}  // namespace apitoken::portal
