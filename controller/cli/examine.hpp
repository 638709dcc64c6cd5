// Checks one manifest as the cluster would, and explains it. create calls it before it sends an
// ApiToken, lint for each document. Pure; any thread.
#pragma once

#include <string>
#include <vector>

namespace apitoken::cli {

struct Finding {
  std::string subject;                // "apitoken/ci-deploy"
  bool ours = true;                   // false: another kind, not checked
  std::vector<std::string> problems;  // "spec.ttl: …"
  std::string explanation;            // what the object does; empty if there are problems
};

// `document`: JSON of one object.
Finding examine(const std::string& document);

}  // namespace apitoken::cli
