// Loads YAML that people wrote: manifests for lint, and kubeconfigs. All such text comes through
// here. A first pass over the parser's events keeps nothing; it refuses text that would take too
// much memory or time, or on which yaml-cpp would loop for ever. Only text that passes becomes
// nodes. Size, depth and number of nodes are limited; an alias counts each time it is used. Pure;
// any thread.
#pragma once

#include <yaml-cpp/yaml.h>

#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace apitoken::kube {

// Limits of the text itself, and of its content with all aliases resolved.
inline constexpr std::size_t kMaxYamlBytes = 8 << 20;
inline constexpr std::size_t kMaxYamlNodes = 200'000;
inline constexpr std::size_t kMaxYamlDepth = 100;

// All documents of `text`, empty ones too. Errors: Invalid if the text is not YAML or exceeds a
// limit; the message begins with `where` (a file's name) and names the line.
Result<std::vector<YAML::Node>> load_yaml(std::string_view text, std::string_view where);

// The Error for a yaml-cpp exception, for callers that read nodes.
std::unexpected<Error> no_yaml(std::string_view where, const YAML::Exception& error);

}  // namespace apitoken::kube
