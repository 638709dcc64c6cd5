// Queues: the two workqueues, one a controller, and the notes that pass between them. Thread-safe.
#pragma once

#include "kube/workqueue.hpp"

namespace apitoken::reconcile {

struct Queues {
  kube::Workqueue tokens;
  kube::Workqueue configs;
};

// A TokenExpiryConfig's counts follow its tokens this much later, so that a mass of changes costs
// one write.
inline constexpr Seconds kConfigDelay{1};

}  // namespace apitoken::reconcile
