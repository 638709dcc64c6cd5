// Reads kubeconfig files; the only file that includes yaml-cpp, whose exceptions end here.
#include "kube/kubeconfig.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/base64.hpp"
#include "kube/exec_plugin.hpp"
#include "kube/read_file.hpp"
#include "kube/server_url.hpp"
#include "kube/tls_context.hpp"
#include "kube/token_file.hpp"

namespace apitoken::kube {
namespace {

// One entry of a list, or one section of an entry: its fields with the words that a message needs. The first field that
// is wrong is remembered, so that reading goes on without a check after each.
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
  // A path is taken from the kubeconfig's own folder.
  std::string path(const char* name) {
    const std::string value = text(name);
    return value.empty() ? value : beside(value);
  }
  std::string beside(const std::string& path) const { return path.starts_with('/') ? path : folder_ + "/" + path; }
  Section section(const char* name) const { return {field(name), fmt::format("{}.{}", where_, name), folder_}; }

 private:
  YAML::Node node_;
  std::string where_;
  std::string folder_;
  std::optional<Error> problem_;
};

// PEM that stands in the kubeconfig, or in a file that is read each time.
struct Pem {
  std::string path;
  std::string bytes;
  bool given() const { return !path.empty() || !bytes.empty(); }
  Result<std::string> read() const { return bytes.empty() && !path.empty() ? read_file(path) : bytes; }
};

Pem read_pem(Section& section, const char* file_field, const char* data_field) {
  Pem pem;
  if (std::string encoded = section.text(data_field); !encoded.empty()) {
    std::optional<std::string> decoded = base64_decode(encoded);
    wipe(encoded);
    if (!decoded || decoded->empty()) section.refuse(fmt::format("{} must be PEM in base64", data_field));
    pem.bytes = std::move(decoded).value_or("");
  } else {
    pem.path = section.path(file_field);
  }
  return pem;
}

struct Cluster {
  ServerUrl server;
  std::string tls_server_name;
  Pem ca;
  bool insecure = false;
  nlohmann::json plugin_config;  // the extension that is meant for exec plugins; null without
};

struct User {
  Pem certificate, key;
  SecretString token;
  std::string token_path;
  std::optional<ExecPluginSettings> exec;
  bool tells_cluster = false;  // exec.provideClusterInfo
};

// JSON of a YAML tree: plain scalars become what they look like, quoted ones stay strings.
nlohmann::json to_json(const YAML::Node& node) {
  if (node.IsMap()) {
    auto object = nlohmann::json::object();
    for (const auto& member : node) object[member.first.as<std::string>()] = to_json(member.second);
    return object;
  }
  if (node.IsSequence()) {
    auto array = nlohmann::json::array();
    for (const auto& element : node) array.push_back(to_json(element));
    return array;
  }
  if (!node.IsScalar()) return nullptr;
  if (node.Tag() != "!") {
    if (bool value = false; YAML::convert<bool>::decode(node, value)) return value;
    if (std::int64_t value = 0; YAML::convert<std::int64_t>::decode(node, value)) return value;
    if (double value = 0; YAML::convert<double>::decode(node, value)) return value;
  }
  return node.Scalar();
}

Result<Cluster> read_cluster(Section section) {
  Cluster cluster;
  if (section.has("proxy-url")) section.refuse("proxy-url is not supported; connect without a proxy and remove it");
  cluster.tls_server_name = section.text("tls-server-name");
  cluster.insecure = section.flag("insecure-skip-tls-verify");
  cluster.ca = read_pem(section, "certificate-authority", "certificate-authority-data");
  if (cluster.insecure && cluster.ca.given()) {
    section.refuse(
        "insecure-skip-tls-verify contradicts the certificate authority; remove one of them (best the former)");
  }
  const std::string server = section.text("server");
  if (server.empty()) section.refuse("server is missing");
  if (section.problem()) return std::unexpected(*section.problem());
  Result<ServerUrl> url = parse_server_url(server, section.where());
  if (!url) return std::unexpected(url.error());
  cluster.server = std::move(*url);
  const YAML::Node extensions = section.field("extensions");
  for (std::size_t i = 0; extensions.IsDefined() && extensions.IsSequence() && i < extensions.size(); ++i) {
    const Section extension(extensions[i], section.where(), "");
    if (Section(extension).text("name") == "client.authentication.k8s.io/exec")
      cluster.plugin_config = to_json(extension.field("extension"));
  }
  return cluster;
}

ExecPluginSettings read_exec(Section& exec) {
  ExecPluginSettings settings;
  settings.api_version = exec.text("apiVersion");
  const bool v1 = settings.api_version == "client.authentication.k8s.io/v1";
  if (!v1 && settings.api_version != "client.authentication.k8s.io/v1beta1") {
    exec.refuse(
        fmt::format("apiVersion \"{}\" is not supported; use client.authentication.k8s.io/v1", settings.api_version));
  }
  settings.command = exec.text("command");
  if (settings.command.empty()) exec.refuse("command is missing");
  if (settings.command.find('/') != std::string::npos) settings.command = exec.beside(settings.command);
  settings.install_hint = exec.text("installHint");
  const std::string mode = exec.text("interactiveMode");
  if (mode == "Always") {
    exec.refuse(
        "interactiveMode is Always, but the operator has no terminal; use a plugin that works with Never or "
        "IfAvailable");
  } else if (mode.empty() ? v1 : (mode != "Never" && mode != "IfAvailable")) {
    exec.refuse(fmt::format("interactiveMode is \"{}\"; it must be Never or IfAvailable", mode));
  }
  const YAML::Node arguments = exec.field("args");
  for (std::size_t i = 0; arguments.IsDefined() && arguments.IsSequence() && i < arguments.size(); ++i) {
    if (!arguments[i].IsScalar()) exec.refuse(fmt::format("args[{}] must be a string", i));
    settings.arguments.push_back(arguments[i].Scalar());
  }
  const YAML::Node variables = exec.field("env");
  for (std::size_t i = 0; variables.IsDefined() && variables.IsSequence() && i < variables.size(); ++i) {
    Section variable(variables[i], "", "");
    settings.environment.emplace_back(variable.text("name"), variable.text("value"));
    if (settings.environment.back().first.empty()) exec.refuse(fmt::format("env[{}].name is missing", i));
  }
  return settings;
}

Result<User> read_user(Section section, const std::string& name) {
  if (section.has("username") || section.has("password")) {
    section.refuse(
        "username and password are not supported by Kubernetes any more; use a client certificate, token or exec");
  }
  if (section.has("auth-provider"))
    section.refuse("auth-provider is not supported any more; use exec with the provider's plugin");
  for (const char* field : {"as", "as-uid", "as-groups", "as-user-extra"}) {
    if (section.has(field))
      section.refuse(fmt::format("{}: impersonation is not supported; use a user with the rights needed", field));
  }
  User user;
  user.certificate = read_pem(section, "client-certificate", "client-certificate-data");
  user.key = read_pem(section, "client-key", "client-key-data");
  if (user.certificate.given() != user.key.given()) {
    section.refuse(fmt::format(
        "{} is missing; a client certificate and its key come together",
        user.certificate.given() ? "client-key or client-key-data" : "client-certificate or client-certificate-data"));
  }
  user.token_path = section.path("tokenFile");
  if (std::string token = section.text("token"); !token.empty()) {
    std::optional<SecretString> clean = clean_token(token);
    wipe(token);
    if (!clean) section.refuse("token must be one line of printable characters");
    if (clean) user.token = std::move(*clean);
  }
  if (section.problem()) return std::unexpected(*section.problem());
  if (section.has("exec")) {
    Section exec = section.section("exec");
    user.exec = read_exec(exec);
    user.exec->user = name;
    user.tells_cluster = exec.flag("provideClusterInfo");
    if (exec.problem()) return std::unexpected(*exec.problem());
  }
  return user;
}

class KubeconfigCredentials final : public Credentials {
 public:
  KubeconfigCredentials(Cluster cluster, User user, std::string name_space, const Clock& clock)
      : cluster_(std::move(cluster)), user_(std::move(user)), namespace_(std::move(name_space)) {
    if (!user_.token_path.empty()) token_file_.emplace(user_.token_path, clock);
    if (user_.exec) plugin_.emplace(*user_.exec, clock);
  }

  const std::string& server() const override { return cluster_.server.text; }
  const std::string& default_namespace() const override { return namespace_; }

  // What stands in the kubeconfig and its files, without asking a plugin.
  Result<TlsMaterial> own_tls() const {
    Result<std::string> ca = cluster_.ca.read();
    Result<std::string> certificate = user_.certificate.read();
    Result<std::string> key = user_.key.read();
    for (const auto* part : {&ca, &certificate, &key}) {
      if (!*part) return std::unexpected(part->error());
    }
    TlsMaterial material;
    material.ca = std::move(*ca);
    material.certificate = std::move(*certificate);
    material.key = SecretString(std::move(*key));
    material.insecure = cluster_.insecure;
    material.server_name = cluster_.tls_server_name.empty() ? cluster_.server.host : cluster_.tls_server_name;
    // An empty CA file must not turn into trust in the system's CAs, nor an empty certificate into anonymity.
    if (cluster_.ca.given() && material.ca.empty())
      return fail(ErrorKind::Unauthorized, cluster_.ca.path + " is empty");
    if (user_.certificate.given() && material.certificate.empty())
      return fail(ErrorKind::Unauthorized, user_.certificate.path + " is empty");
    return material;
  }

  Result<TlsMaterial> tls() override {
    Result<TlsMaterial> material = own_tls();
    if (!material || !plugin_ || !material->certificate.empty()) return material;
    const auto answer = plugin_->credential();
    if (!answer) return std::unexpected(answer.error());
    material->certificate = (*answer)->certificate;
    material->key = SecretString(std::string((*answer)->key.reveal()));
    return material;
  }

  // As in client-go: a token file comes before a token, and either before the plugin's.
  Result<std::optional<SecretString>> bearer_token() override {
    if (token_file_) {
      Result<SecretString> token = token_file_->token();
      if (!token) return std::unexpected(token.error());
      return std::move(*token);
    }
    if (!user_.token.empty()) return SecretString(std::string(user_.token.reveal()));
    if (!plugin_) return std::nullopt;
    const auto answer = plugin_->credential();
    if (!answer) return std::unexpected(answer.error());
    if ((*answer)->token.empty()) return std::nullopt;
    return SecretString(std::string((*answer)->token.reveal()));
  }

  void reject() override {
    if (token_file_) token_file_->forget();
    if (plugin_) plugin_->forget();
  }

 private:
  const Cluster cluster_;
  const User user_;
  const std::string namespace_;
  std::optional<TokenFile> token_file_;
  std::optional<ExecPlugin> plugin_;
};

// The entries of all files by name; the first of a name stays.
class Merged {
 public:
  Status add(const std::string& path) {
    Result<std::string> text = read_file(path);
    if (!text) return std::unexpected(text.error());
    const YAML::Node root = YAML::Load(*text);
    wipe(*text);
    if (!root.IsMap())
      return fail(ErrorKind::Invalid,
                  fmt::format("{}: no kubeconfig: it must be a map with clusters, users and contexts", path));
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == path.npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
    Section file(root, path, folder);
    if (current_.empty()) current_ = file.text("current-context");
    for (const auto& [list, one] : {std::pair{"clusters", "cluster"}, {"users", "user"}, {"contexts", "context"}}) {
      const YAML::Node entries = root[list];
      for (std::size_t i = 0; entries.IsDefined() && entries.IsSequence() && i < entries.size(); ++i) {
        Section entry(entries[i], fmt::format("{}: {}[{}]", path, list, i), folder);
        const std::string name = entry.text("name");
        entries_[one].try_emplace(name,
                                  Section(entry.field(one), fmt::format("{}: {} \"{}\"", path, one, name), folder));
      }
    }
    files_.push_back(path);
    return {};
  }

  bool empty() const { return files_.empty(); }
  const std::string& current() const { return current_; }
  std::string files() const { return fmt::format("{}", fmt::join(files_, ":")); }

  // `wanted_by` says who names the entry.
  Result<Section> find(const char* kind, const std::string& name, const std::string& wanted_by) const {
    const auto entries = entries_.find(kind);
    const auto found =
        entries == entries_.end() ? std::map<std::string, Section>::const_iterator{} : entries->second.find(name);
    if (entries != entries_.end() && found != entries->second.end()) return found->second;
    std::vector<std::string> names;
    if (entries != entries_.end()) {
      for (const auto& entry : entries->second) names.push_back(entry.first);
    }
    return fail(ErrorKind::Invalid,
                fmt::format("{}: {} names the {} \"{}\", which is not there; there is: {}", files(), wanted_by, kind,
                            name, names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
  }

 private:
  std::string current_;
  std::map<std::string, std::map<std::string, Section>> entries_;  // by kind and name
  std::vector<std::string> files_;
};

// spec.cluster of what an exec plugin is told.
Result<std::string> describe_cluster(const Cluster& cluster) {
  const Result<std::string> ca = cluster.ca.read();
  if (!ca) return std::unexpected(ca.error());
  nlohmann::json told = {{"server", cluster.server.text}};
  if (!cluster.tls_server_name.empty()) told["tls-server-name"] = cluster.tls_server_name;
  if (cluster.insecure) told["insecure-skip-tls-verify"] = true;
  if (!ca->empty()) told["certificate-authority-data"] = base64_encode(*ca);
  if (!cluster.plugin_config.is_null()) told["config"] = cluster.plugin_config;
  return told.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<std::unique_ptr<Credentials>> choose(const Merged& files, const Clock& clock) {
  if (files.current().empty()) {
    return fail(ErrorKind::Invalid,
                fmt::format("{}: current-context is not set; run \"kubectl config use-context NAME\"", files.files()));
  }
  Result<Section> context = files.find("context", files.current(), "current-context");
  if (!context) return std::unexpected(context.error());
  const Result<Section> cluster_entry = files.find("cluster", context->text("cluster"), context->where());
  if (!cluster_entry) return std::unexpected(cluster_entry.error());
  Result<Cluster> cluster = read_cluster(*cluster_entry);
  if (!cluster) return std::unexpected(cluster.error());
  User user;
  if (const std::string name = context->text("user"); !name.empty()) {
    const Result<Section> entry = files.find("user", name, context->where());
    if (!entry) return std::unexpected(entry.error());
    Result<User> read = read_user(*entry, name);
    if (!read) return std::unexpected(read.error());
    user = std::move(*read);
  }
  if (user.exec && user.tells_cluster) {
    Result<std::string> told = describe_cluster(*cluster);
    if (!told) return std::unexpected(told.error());
    user.exec->cluster = std::move(*told);
  }
  std::string name_space = context->text("namespace");
  if (context->problem()) return std::unexpected(*context->problem());
  if (cluster->insecure)
    spdlog::warn("{}: insecure-skip-tls-verify: the server is not verified", cluster_entry->where());
  if (!cluster->server.tls)
    spdlog::warn("{}: the connection to {} is not encrypted", cluster_entry->where(), cluster->server.text);

  auto credentials = std::make_unique<KubeconfigCredentials>(
      std::move(*cluster), std::move(user), name_space.empty() ? "default" : std::move(name_space), clock);
  const Result<TlsMaterial> material = credentials->own_tls();
  const Status usable = material ? check_tls(*material) : std::unexpected(material.error());
  if (!usable) return fail(usable.error().kind, fmt::format("{}: {}", context->where(), usable.error().message));
  return credentials;
}

}  // namespace

Result<std::unique_ptr<Credentials>> load_kubeconfig(const std::string& path, const Clock& clock) {
  if (access(path.c_str(), F_OK) != 0)
    return fail(ErrorKind::Invalid, fmt::format("kubeconfig {} does not exist", path));
  return load_kubeconfigs({path}, clock);
}

Result<std::unique_ptr<Credentials>> load_kubeconfigs(const std::vector<std::string>& paths, const Clock& clock) {
  Merged files;
  std::string reading;
  try {
    for (const std::string& path : paths) {
      reading = path;
      if (access(path.c_str(), F_OK) != 0) continue;
      if (Status added = files.add(path); !added) return std::unexpected(added.error());
    }
    if (files.empty()) {
      return fail(ErrorKind::Invalid, fmt::format("none of the kubeconfig files {} exists", fmt::join(paths, ", ")));
    }
    return choose(files, clock);
  } catch (const YAML::Exception& error) {
    return fail(ErrorKind::Invalid, fmt::format("{}: no YAML, line {}: {}", reading, error.mark.line + 1, error.msg));
  }
}

}  // namespace apitoken::kube
