// classify_error: what a failed request to the API server means for the work that sent it. Workers
// and everything else that writes decide by it. Pure; any thread.
#pragma once

#include "base/result.hpp"

namespace apitoken::kube {

enum class Fate {
  Canceled,   // a stop was requested: nothing follows
  StaleView,  // our view of the object was stale: try again with the newer one that the watch
              // brings
  Refused,    // the server answered and refused: by its rules, RBAC, a policy or a failing webhook
  Retry,      // any other failure: try again with backoff
};

inline Fate classify_error(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::Canceled:
      return Fate::Canceled;
    case ErrorKind::Conflict:
    case ErrorKind::NotFound:
    case ErrorKind::AlreadyExists:
    case ErrorKind::Gone:
      return Fate::StaleView;
    case ErrorKind::Forbidden:
    case ErrorKind::Invalid:
    case ErrorKind::Internal:
      return Fate::Refused;
    case ErrorKind::Unauthorized:
    case ErrorKind::Throttled:
    case ErrorKind::Decode:
    case ErrorKind::Unavailable:
      break;
  }
  return Fate::Retry;
}

}  // namespace apitoken::kube
