// A Lease of coordination.k8s.io/v1 as leader election reads and writes it. Plain values.
// Source: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/
#pragma once

#include "api/meta.hpp"

namespace apitoken::api {

struct Lease {
  ObjectMeta meta;
  std::string holder;  // empty: released
  std::int64_t duration_seconds = 0;
  std::string acquire_time;  // as written: two of them are compared, never calculated with
  std::string renew_time;
  std::int64_t transitions = 0;

  bool operator==(const Lease&) const = default;
};

// Errors: Decode where it is no JSON or has no metadata.
Result<Lease> decode_lease(std::string_view body);
// The whole object, for a create or (with meta.resource_version set) an update.
std::string encode_lease(const Lease& lease);

}  // namespace apitoken::api
