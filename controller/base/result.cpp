// The names of the error kinds.
#include "base/result.hpp"

namespace apitoken {

const char* to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::NotFound:
      return "NotFound";
    case ErrorKind::Conflict:
      return "Conflict";
    case ErrorKind::AlreadyExists:
      return "AlreadyExists";
    case ErrorKind::Gone:
      return "Gone";
    case ErrorKind::Unauthorized:
      return "Unauthorized";
    case ErrorKind::Forbidden:
      return "Forbidden";
    case ErrorKind::Throttled:
      return "Throttled";
    case ErrorKind::Invalid:
      return "Invalid";
    case ErrorKind::Decode:
      return "Decode";
    case ErrorKind::Internal:
      return "Internal";
    case ErrorKind::Unavailable:
      return "Unavailable";
    case ErrorKind::Canceled:
      return "Canceled";
  }
  return "Unknown";
}

}  // namespace apitoken
