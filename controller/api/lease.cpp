// Decodes and encodes Leases.
#include "api/lease.hpp"

#include <nlohmann/json.hpp>

namespace apitoken::api {
namespace {

nlohmann::json encode_lease_meta(const ObjectMeta& meta) {
  nlohmann::json result = {{"namespace", meta.ns}, {"name", meta.name}};
  if (!meta.uid.empty()) result["uid"] = meta.uid;
  if (!meta.resource_version.empty()) result["resourceVersion"] = meta.resource_version;
  if (!meta.labels.empty()) result["labels"] = meta.labels;
  if (!meta.annotations.empty()) result["annotations"] = meta.annotations;
  for (const auto& owner : meta.owners) {
    result["ownerReferences"].push_back({{"apiVersion", owner.api_version},
                                         {"kind", owner.kind},
                                         {"name", owner.name},
                                         {"uid", owner.uid}});
  }
  return result;
}

}  // namespace

Result<Lease> decode_lease(std::string_view body) {
  JsonParser parser;
  const auto object = TRY(parser.parse(body));
  Lease lease;
  lease.meta = TRY(decode_meta(object));
  if (const auto spec = member(object, "spec")) {
    lease.holder = read_string(*spec, "holderIdentity", "spec.holderIdentity").value_or("");
    lease.duration_seconds =
        read_integer(*spec, "leaseDurationSeconds", "spec.leaseDurationSeconds").value_or(0);
    lease.acquire_time = read_string(*spec, "acquireTime", "spec.acquireTime").value_or("");
    lease.renew_time = read_string(*spec, "renewTime", "spec.renewTime").value_or("");
    lease.transitions =
        read_integer(*spec, "leaseTransitions", "spec.leaseTransitions").value_or(0);
  }
  return lease;
}

std::string encode_lease(const Lease& lease) {
  nlohmann::json spec = {{"holderIdentity", lease.holder},
                         {"leaseDurationSeconds", lease.duration_seconds},
                         {"leaseTransitions", lease.transitions}};
  if (!lease.acquire_time.empty()) spec["acquireTime"] = lease.acquire_time;
  if (!lease.renew_time.empty()) spec["renewTime"] = lease.renew_time;
  const nlohmann::json object = {{"apiVersion", "coordination.k8s.io/v1"},
                                 {"kind", "Lease"},
                                 {"metadata", encode_lease_meta(lease.meta)},
                                 {"spec", std::move(spec)}};
  return object.dump();
}

}  // namespace apitoken::api
