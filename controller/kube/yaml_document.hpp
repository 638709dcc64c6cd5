// The one door through which YAML that people wrote comes in: manifests for lint, kubeconfigs.
// Pure; any thread. A first pass over the parser's events, which keeps nothing, refuses what would
// take too much memory or time, or what yaml-cpp would never come to the end of; only text that
// passes becomes nodes. What is accepted is bounded in size, depth and number of nodes, aliases
// counted as often as they are used.
#pragma once

#include <yaml-cpp/yaml.h>

#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace apitoken::kube {

// The text of a manifest or kubeconfig may be this large, and stand for so much once aliases are
// resolved.
inline constexpr std::size_t kMaxYamlBytes = 8 << 20;
inline constexpr std::size_t kMaxYamlNodes = 200'000;
inline constexpr std::size_t kMaxYamlDepth = 100;

// Every document of `text`, empty ones too. `where` (a file's name) begins each message, and the
// line follows. Errors: Invalid: no YAML, or beyond one of the limits.
Result<std::vector<YAML::Node>> load_yaml(std::string_view text, std::string_view where);

// A yaml-cpp exception as this unit's error, for callers that read nodes.
std::unexpected<Error> no_yaml(std::string_view where, const YAML::Exception& error);

}  // namespace apitoken::kube
