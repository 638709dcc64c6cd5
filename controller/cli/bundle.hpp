// Bundle: the parts of one support bundle, redacted (cli/redaction.hpp) before they are kept. A
// part that cannot be read says why in its place. support_bundle.cpp fills one; main thread.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "cli/archive.hpp"
#include "cli/cluster.hpp"
#include "cli/redaction.hpp"

namespace apitoken::cli {

class Bundle {
 public:
  Bundle(Cluster& cluster, WallTime now);

  Redaction& redaction() { return redaction_; }
  Cluster& cluster() { return cluster_; }

  void add(const std::string& name, nlohmann::json content);
  void add_text(const std::string& name, std::string_view content);
  // Says in the bundle why a part is missing.
  void add_failure(const std::string& name, const Failure& failure);
  // Adds a list of at most 5000 items, each of which `change` may change.
  using Change = std::function<void(nlohmann::json&)>;
  void add_list(const std::string& name, const std::string& path, const Change& change = {});
  // Adds objects by name, given with their paths; one that does not exist is null.
  void add_objects(const std::string& name,
                   const std::vector<std::pair<std::string, std::string>>& paths,
                   const Change& change = {});
  const std::vector<std::string>& missing() const { return missing_; }

  // Reads a document of the API server.
  Outcome<nlohmann::json> read(const std::string& path);
  // Gives the items of a list to `take`, over all pages, until it returns false.
  Outcome<void> read_items(const std::string& path,
                           const std::function<bool(nlohmann::json&)>& take);

  // Writes the archive to the file `path`, with a README.txt that lists what is missing.
  Outcome<void> write(const std::string& path, const std::string& version,
                      const std::string& operator_namespace);

 private:
  Cluster& cluster_;
  Redaction redaction_;
  Archive archive_;
  std::vector<std::string> missing_;
};

// Adds the operator's Deployments, Pods, logs, metrics and Lease, and the portal's. Returns the
// operator's service account as a user: system:serviceaccount:NAMESPACE:NAME.
std::string add_operator(Bundle& bundle, const std::string& operator_namespace);

}  // namespace apitoken::cli
