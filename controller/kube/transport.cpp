// The names of HTTP methods.
#include "kube/transport.hpp"

namespace apitoken::kube {

const char* to_string(Method method) {
  switch (method) {
    case Method::Get:
      return "GET";
    case Method::Post:
      return "POST";
    case Method::Put:
      return "PUT";
    case Method::Patch:
      return "PATCH";
    case Method::Delete:
      return "DELETE";
  }
  return "?";
}

}  // namespace apitoken::kube
