// The CRDs of crds/ at build time, for lint. CMake writes crds.cpp from crds.cpp.in.
#pragma once

#include <string_view>

namespace apitoken::cli {

extern const std::string_view kApiTokenCrd;
extern const std::string_view kTokenExpiryConfigCrd;

}  // namespace apitoken::cli
