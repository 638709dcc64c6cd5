// Which namespaces a viewer may list ApiTokens in, found without the right to list namespaces. Only
// allowed names ever leave the portal. GET /api/namespaces asks, on a worker's thread.
#pragma once

#include <stop_token>

#include "portal/door.hpp"

namespace apitoken::portal {

struct Namespaces {
  bool all = false;                // ApiTokens of all namespaces may be listed
  std::vector<std::string> names;  // sorted; with `all` those that may be listed as namespaces
  std::string source;              // where the names come from, or "cluster"

  bool operator==(const Namespaces&) const = default;
};

inline constexpr std::size_t kMaxNamespaces = 2000;  // that are asked about

// `typed`: names that the viewer typed before; checked.
Expected<Namespaces> find_namespaces(Viewer& viewer, Door& door,
                                     const std::vector<std::string>& typed, std::stop_token stop);

// A namespace that may be the viewer's, and its source. allowed_of() keeps those that the verdicts
// allow; candidates are in order of preference, without repetitions. Pure.
struct Candidate {
  std::string name;
  std::string source;
};
Namespaces allowed_of(const std::vector<Candidate>& candidates,
                      const std::vector<Verdict>& verdicts);
// Candidates without repetitions, at most kMaxNamespaces, names of namespaces alone. Pure.
std::vector<Candidate> without_repetitions(std::vector<Candidate> candidates);

}  // namespace apitoken::portal
