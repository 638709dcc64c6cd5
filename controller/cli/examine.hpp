// One manifest, judged as the cluster would and explained in words. create asks it before anything
// is sent, lint for each document. Pure; any thread.
#pragma once

#include <string>
#include <vector>

namespace apitoken::cli {

struct Finding {
  std::string subject;                // "apitoken/ci-deploy"
  bool ours = true;                   // false: another kind, not looked at
  std::vector<std::string> problems;  // "spec.ttl: …"
  std::string explanation;            // what it will do; only without problems
};

// `document`: JSON of one object.
Finding examine(const std::string& document);

}  // namespace apitoken::cli
