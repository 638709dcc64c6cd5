// Merges kubeconfig files and selects the context's cluster and user. yaml-cpp's exceptions end
// here.
#include "kube/kubeconfig.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <map>
#include <optional>

#include "base/log.hpp"
#include "kube/exec_plugin.hpp"
#include "kube/kubeconfig_entries.hpp"
#include "kube/read_file.hpp"
#include "kube/tls_context.hpp"
#include "kube/token_file.hpp"
#include "kube/yaml_document.hpp"

namespace apitoken::kube {
namespace {

class KubeconfigCredentials final : public Credentials {
 public:
  KubeconfigCredentials(Cluster cluster, User user, std::string name_space, const Clock& clock)
      : cluster_(std::move(cluster)), user_(std::move(user)), namespace_(std::move(name_space)) {
    if (!user_.token_path.empty()) token_file_.emplace(user_.token_path, clock);
    // As client-go: other credentials of the same user precede the plugin, which then does not run.
    const bool has_others =
        token_file_ || !user_.token.empty() || !user_.login.empty() || user_.certificate.given();
    if (user_.exec && !has_others) plugin_.emplace(*user_.exec, clock);
  }

  const std::string& server() const override { return cluster_.server.text; }
  const std::string& default_namespace() const override { return namespace_; }

  // The material in the kubeconfig and its files, without running a plugin.
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
    material.server_name =
        cluster_.tls_server_name.empty() ? cluster_.server.host : cluster_.tls_server_name;
    // An empty CA file must not select the system's CAs, and an empty certificate must not make us
    // anonymous.
    if (cluster_.ca.given() && material.ca.empty())
      return fail(ErrorKind::Unauthorized, cluster_.ca.path + " is empty");
    if (user_.certificate.given() && material.certificate.empty())
      return fail(ErrorKind::Unauthorized, user_.certificate.path + " is empty");
    return material;
  }

  Result<TlsMaterial> tls() override {
    Result<TlsMaterial> material = own_tls();
    if (!material || !plugin_ || !material->certificate.empty()) return material;
    const auto answer = TRY(plugin_->credential());
    material->certificate = answer->certificate;
    material->key = SecretString(std::string(answer->key.reveal()));
    return material;
  }

  // The order of client-go: token file, token, plugin.
  Result<std::optional<SecretString>> bearer_token() override {
    if (token_file_) return TRY(token_file_->token());
    if (!user_.token.empty()) return SecretString(std::string(user_.token.reveal()));
    if (!plugin_) return std::nullopt;
    const auto answer = TRY(plugin_->credential());
    if (answer->token.empty()) return std::nullopt;
    return SecretString(std::string(answer->token.reveal()));
  }

  std::string_view basic_login() const override { return user_.login.reveal(); }

  // proxy-url precedes the environment, NO_PROXY included.
  Result<std::optional<Proxy>> proxy() const override {
    if (cluster_.proxy_url.empty()) return proxy_of_environment(cluster_.server);
    return TRY(parse_proxy(cluster_.proxy_url, "proxy-url"));
  }

  void reject() override {
    if (token_file_) token_file_->drop();
    if (plugin_) plugin_->drop();
  }

 private:
  const Cluster cluster_;
  const User user_;
  const std::string namespace_;
  std::optional<TokenFile> token_file_;
  std::optional<ExecPlugin> plugin_;
};

constexpr std::string_view kNameAnother = "; name another by --kubeconfig or KUBECONFIG";

// The entries of all files by name; of several with one name the first counts.
class Merged {
 public:
  Status add(const std::string& path) {
    std::string text = TRY(read_file(path));
    const auto documents = load_yaml(text, path);
    wipe(text);
    if (!documents) return std::unexpected(documents.error());
    const YAML::Node root = documents->empty() ? YAML::Node() : documents->front();
    if (!root.IsMap())
      return fail(
          ErrorKind::Invalid,
          fmt::format("{}: no kubeconfig: it must be a map with clusters, users and contexts",
                      path));
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == path.npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
    Section file(root, path, folder);
    const std::string kind = file.text("kind"), version = file.text("apiVersion");
    if ((!kind.empty() && kind != "Config") || (!version.empty() && version != "v1")) {
      return fail(
          ErrorKind::Invalid,
          fmt::format("{}: no kubeconfig: it is a {} of \"{}\"; a kubeconfig is a Config of "
                      "\"v1\"",
                      path, kind.empty() ? "file" : kind, version));
    }
    if (current_.empty()) current_ = file.text("current-context");
    for (const auto& [list, one] :
         {std::pair{"clusters", "cluster"}, {"users", "user"}, {"contexts", "context"}}) {
      const YAML::Node entries = root[list];
      for (std::size_t i = 0; entries.IsDefined() && entries.IsSequence() && i < entries.size();
           ++i) {
        Section entry(entries[i], fmt::format("{}: {}[{}]", path, list, i), folder);
        const std::string name = entry.text("name");
        entries_[one].try_emplace(
            name, Section(entry.field(one), fmt::format("{}: {} \"{}\"", path, one, name), folder));
      }
    }
    files_.push_back(path);
    return {};
  }

  bool empty() const { return files_.empty(); }
  const std::string& current() const { return current_; }
  std::string files() const { return fmt::format("{}", fmt::join(files_, ":")); }

  // `wanted_by` names the entry or flag that refers to this one.
  Result<Section> find(const char* kind, const std::string& name,
                       const std::string& wanted_by) const {
    const auto entries = entries_.find(kind);
    const auto found = entries == entries_.end() ? std::map<std::string, Section>::const_iterator{}
                                                 : entries->second.find(name);
    if (entries != entries_.end() && found != entries->second.end()) return found->second;
    std::vector<std::string> names;
    if (entries != entries_.end()) {
      for (const auto& entry : entries->second) names.push_back(entry.first);
    }
    return fail(ErrorKind::Invalid,
                fmt::format("{}: {} names the {} \"{}\", which is not there; there is: {}", files(),
                            wanted_by, kind, name,
                            names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
  }

 private:
  std::string current_;
  std::map<std::string, std::map<std::string, Section>> entries_;  // by kind and name
  std::vector<std::string> files_;
};

// A field that flags give replaces that of the file.
Impersonation merged(Impersonation file, const Impersonation& flags) {
  if (!flags.user.empty()) file.user = flags.user;
  if (!flags.uid.empty()) file.uid = flags.uid;
  if (!flags.groups.empty()) file.groups = flags.groups;
  if (!flags.extra.empty()) file.extra = flags.extra;
  return file;
}

Result<Section> find_context(const Merged& files, const std::string& wanted) {
  if (!wanted.empty()) return files.find("context", wanted, "--context");
  if (!files.current().empty()) return files.find("context", files.current(), "current-context");
  return fail(ErrorKind::Invalid,
              fmt::format("{}: current-context is not set; run \"kubectl config use-context NAME\"",
                          files.files()));
}

Result<std::unique_ptr<Credentials>> choose(const Merged& files, const Overrides& overrides,
                                            const Clock& clock) {
  Section context = TRY(find_context(files, overrides.context));
  const Section cluster_entry = TRY(
      overrides.cluster.empty() ? files.find("cluster", context.text("cluster"), context.where())
                                : files.find("cluster", overrides.cluster, "--cluster"));
  Cluster cluster = TRY(read_cluster(cluster_entry));
  User user;
  if (const std::string name = context.text("user"); !name.empty()) {
    const Section entry = TRY(files.find("user", name, context.where()));
    user = TRY(read_user(entry, name, overrides.terminal));
  }
  if (user.exec && user.tells_cluster) user.exec->cluster = TRY(describe_cluster(cluster));
  Impersonation as = merged(std::move(user.as), overrides.as);
  TRY(check_impersonation(as, context.where()));
  std::string name_space = context.text("namespace");
  if (context.problem()) return std::unexpected(*context.problem());
  if (cluster.insecure)
    log::warn(cluster_entry.where() + ": insecure-skip-tls-verify: the server is not verified");
  if (!cluster.server.tls) {
    log::warn(fmt::format("{}: the connection to {} is not encrypted", cluster_entry.where(),
                          cluster.server.text));
  }

  auto credentials = std::make_unique<KubeconfigCredentials>(
      std::move(cluster), std::move(user), name_space.empty() ? "default" : std::move(name_space),
      clock);
  credentials->act_as(std::move(as));
  TRY(credentials->proxy());
  const Result<TlsMaterial> material = credentials->own_tls();
  const Status usable = material ? check_tls(*material) : std::unexpected(material.error());
  if (!usable)
    return fail(usable.error().kind,
                fmt::format("{}: {}", context.where(), usable.error().message));
  return credentials;
}

}  // namespace

Result<std::unique_ptr<Credentials>> load_kubeconfig(const std::string& path, const Clock& clock,
                                                     const Overrides& overrides) {
  if (access(path.c_str(), F_OK) != 0)
    return fail(ErrorKind::Invalid,
                fmt::format("kubeconfig {} does not exist{}", path, kNameAnother));
  return load_kubeconfigs({path}, clock, overrides);
}

Result<std::unique_ptr<Credentials>> load_kubeconfigs(const std::vector<std::string>& paths,
                                                      const Clock& clock,
                                                      const Overrides& overrides) {
  Merged files;
  std::string reading;
  try {
    for (const std::string& path : paths) {
      reading = path;
      if (access(path.c_str(), F_OK) != 0) continue;
      TRY(files.add(path));
    }
    if (files.empty()) {
      return fail(ErrorKind::Invalid, fmt::format("none of the kubeconfig files {} exists{}",
                                                  fmt::join(paths, ", "), kNameAnother));
    }
    return choose(files, overrides, clock);
  } catch (const YAML::Exception& error) {
    return no_yaml(reading, error);
  }
}

}  // namespace apitoken::kube
