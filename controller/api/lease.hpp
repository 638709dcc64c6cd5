// A Lease of coordination.k8s.io/v1, for leader election. Values.
// Source: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/
#pragma once

#include "api/meta.hpp"

namespace apitoken::api {

struct Lease {
  ObjectMeta meta;
  std::string holder;  // empty: released
  std::int64_t duration_seconds = 0;
  std::string acquire_time;  // times stay text: only equality matters
  std::string renew_time;
  std::int64_t transitions = 0;

  bool operator==(const Lease&) const = default;
};

// Errors: Decode if `body` is not JSON or its metadata cannot be read.
Result<Lease> decode_lease(std::string_view body);
// The whole object: for a create, or for an update if meta.resource_version is set.
std::string encode_lease(const Lease& lease);

}  // namespace apitoken::api
