// Reads and validates the clusters and users of kubeconfig files. load_kubeconfig() calls it on the
// thread that starts the program. Only Pem::read() reads files. yaml-cpp's exceptions pass through.
#pragma once

#include <yaml-cpp/yaml.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/secret_string.hpp"
#include "kube/credentials.hpp"
#include "kube/exec_plugin.hpp"
#include "kube/server_url.hpp"

namespace apitoken::kube {

// One entry of a list, or one map in an entry: reads its fields and remembers the first that is
// wrong, so that the caller checks problem() once, at the end. `where` begins each message.
class Section {
 public:
  Section(YAML::Node node, std::string where, std::string folder)
      : node_(std::move(node)), where_(std::move(where)), folder_(std::move(folder)) {}

  const std::string& where() const { return where_; }
  const std::optional<Error>& problem() const { return problem_; }
  void refuse(std::string_view why) {
    if (!problem_) problem_ = Error{ErrorKind::Invalid, fmt::format("{}: {}", where_, why), {}};
  }

  YAML::Node field(const char* name) const {
    return node_.IsMap() ? node_[name] : YAML::Node(YAML::NodeType::Undefined);
  }
  bool has(const char* name) const {
    const YAML::Node found = field(name);
    return found.IsDefined() && !found.IsNull() && !(found.IsScalar() && found.Scalar().empty());
  }
  std::string text(const char* name) {
    if (!has(name)) return "";
    if (field(name).IsScalar()) return field(name).Scalar();
    refuse(fmt::format("{} must be a string", name));
    return "";
  }
  bool flag(const char* name) {
    const std::string value = text(name);
    if (!value.empty() && value != "true" && value != "false")
      refuse(fmt::format("{} is \"{}\"; it must be true or false", name, value));
    return value == "true";
  }
  // A relative path is relative to the kubeconfig's folder.
  std::string path(const char* name) {
    const std::string value = text(name);
    return value.empty() ? value : beside(value);
  }
  std::string beside(const std::string& path) const {
    return path.starts_with('/') ? path : folder_ + "/" + path;
  }
  Section section(const char* name) const {
    return {field(name), fmt::format("{}.{}", where_, name), folder_};
  }

 private:
  YAML::Node node_;
  std::string where_;
  std::string folder_;
  std::optional<Error> problem_;
};

// PEM in the kubeconfig itself, or in a file that is read each time.
struct Pem {
  std::string path;
  std::string bytes;
  bool given() const { return !path.empty() || !bytes.empty(); }
  Result<std::string> read() const;
};

struct Cluster {
  ServerUrl server;
  std::string proxy_url;  // checked; empty: as the environment says
  std::string tls_server_name;
  Pem ca;
  bool insecure = false;
  nlohmann::json plugin_config;  // the extension for exec plugins; null if there is none
};

struct User {
  Pem certificate, key;
  SecretString token;
  std::string token_path;
  SecretString login;  // "user:password", for basic authentication
  Impersonation as;
  std::optional<ExecPluginSettings> exec;
  bool tells_cluster = false;  // exec.provideClusterInfo
};

// Errors: Invalid, naming entry, field, value and remedy.
Result<Cluster> read_cluster(Section section);
// `name` is the entry's name, for messages about its exec plugin. `terminal`: the plugin may talk
// to the person there.
Result<User> read_user(Section section, const std::string& name, bool terminal);

// Whether the values can be header lines, and name a user. Errors: Invalid; `where` begins the
// message.
Status check_impersonation(const Impersonation& as, std::string_view where);

// spec.cluster of the ExecCredential that an exec plugin receives, as JSON.
Result<std::string> describe_cluster(const Cluster& cluster);

}  // namespace apitoken::kube
