// The CRDs of crds/ as they were when the plugin was built: what lint checks manifests against.
// CMake writes the texts.
#pragma once

#include <string_view>

namespace apitoken::cli {

extern const std::string_view kApiTokenCrd;
extern const std::string_view kTokenExpiryConfigCrd;

}  // namespace apitoken::cli
