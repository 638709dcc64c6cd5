// Reads the object as it was, and as it is.
// Source:
// https://kubernetes.io/docs/reference/using-api/api-concepts/#semantics-for-get-and-list
#include "portal/conflict.hpp"

namespace apitoken::portal {
namespace {

using nlohmann::json;

constexpr int kMaxTries = 5;

json parsed(const Expected<std::string>& body) {
  return body ? json::parse(*body, nullptr, false) : json();
}

// The resourceVersion of the object as it is, if its spec is still the one that it had at `since`;
// empty: somebody changed it, or that can no longer be found out.
std::string version_with_same_spec(Viewer& viewer, const kube::Resource& resource,
                                   const api::ObjectKey& key, const std::string& since,
                                   std::stop_token stop) {
  // A single object of the past is had by a list of one.
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
