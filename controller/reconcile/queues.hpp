// Queues: the two workqueues, one for each controller. Thread-safe.
#pragma once

#include "kube/workqueue.hpp"

namespace apitoken::reconcile {

struct Queues {
  kube::Workqueue tokens;
  kube::Workqueue configs;
};

// A TokenExpiryConfig's counts are written this long after a change of its tokens, so that many
// changes cost one write.
inline constexpr Seconds kConfigDelay{1};

}  // namespace apitoken::reconcile
