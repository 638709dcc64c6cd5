// Reads the entries of kubeconfig files.
#include "kube/kubeconfig_entries.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/base64.hpp"
#include "kube/read_file.hpp"
#include "kube/token_file.hpp"
#include "kube/yaml_json.hpp"

namespace apitoken::kube {
namespace {

Pem read_pem(Section& section, const char* file_field, const char* data_field) {
  Pem pem;
  if (std::string encoded = section.text(data_field); !encoded.empty()) {
    std::optional<std::string> decoded = base64_decode(encoded);
    wipe(encoded);
    if (!decoded || decoded->empty())
      section.refuse(fmt::format("{} must be PEM in base64", data_field));
    pem.bytes = std::move(decoded).value_or("");
  } else {
    pem.path = section.path(file_field);
  }
  return pem;
}

bool is_line(std::string_view text) {
  return !text.empty() && std::ranges::none_of(text, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
}

std::vector<std::string> read_texts(Section& section, const char* name) {
  std::vector<std::string> texts;
  const YAML::Node list = section.field(name);
  if (!list.IsDefined() || list.IsNull()) return texts;
  if (!list.IsSequence()) section.refuse(fmt::format("{} must be a list of strings", name));
  for (std::size_t i = 0; list.IsSequence() && i < list.size(); ++i) {
    if (!list[i].IsScalar()) section.refuse(fmt::format("{}[{}] must be a string", name, i));
    texts.push_back(list[i].Scalar());
  }
  return texts;
}

Impersonation read_impersonation(Section& section) {
  Impersonation as{.user = section.text("as"),
                   .uid = section.text("as-uid"),
                   .groups = read_texts(section, "as-groups")};
  const YAML::Node extra = section.field("as-user-extra");
  if (!extra.IsDefined() || extra.IsNull()) return as;
  if (!extra.IsMap()) section.refuse("as-user-extra must be a map of lists of strings");
  Section keys = section.section("as-user-extra");
  for (auto entry = extra.begin(); extra.IsMap() && entry != extra.end(); ++entry) {
    const std::string key = entry->first.IsScalar() ? entry->first.Scalar() : "";
    for (std::string& value : read_texts(keys, key.c_str()))
      as.extra.emplace_back(key, std::move(value));
  }
  if (keys.problem()) section.refuse(keys.problem()->message);
  return as;
}

// Why the provider cannot be used, and what to use.
std::string refuse_provider(const std::string& name) {
  if (name == "gcp")
    return "auth-provider gcp was removed from Kubernetes' clients in 1.26; use exec with "
           "gke-gcloud-auth-plugin: gcloud container clusters get-credentials CLUSTER";
  if (name == "azure")
    return "auth-provider azure was removed from Kubernetes' clients in 1.26; use exec with "
           "kubelogin: kubelogin convert-kubeconfig";
  return fmt::format(
      "auth-provider \"{}\" is not supported: exec has replaced auth providers; use exec with the "
      "provider's plugin, for OpenID Connect kubectl oidc-login (kubelogin)",
      name);
}

// Sets mode and terminal.
void read_mode(Section& exec, bool v1, bool terminal, ExecPluginSettings& settings) {
  const std::string mode = exec.text("interactiveMode");
  if (mode.empty() ? v1 : mode != "Never" && mode != "IfAvailable" && mode != "Always") {
    exec.refuse(
        fmt::format("interactiveMode is \"{}\"; it must be Never, IfAvailable or Always", mode));
  }
  if (mode == "Always" && !terminal) {
    exec.refuse(
        "interactiveMode is Always, but there is no terminal here; use a plugin that works with "
        "Never or IfAvailable");
  }
  settings.terminal = terminal && mode != "Never";
}

ExecPluginSettings read_exec(Section& exec, bool terminal) {
  ExecPluginSettings settings;
  settings.api_version = exec.text("apiVersion");
  const bool v1 = settings.api_version == "client.authentication.k8s.io/v1";
  if (!v1 && settings.api_version != "client.authentication.k8s.io/v1beta1") {
    exec.refuse(
        fmt::format("apiVersion \"{}\" is not supported; use client.authentication.k8s.io/v1",
                    settings.api_version));
  }
  settings.command = exec.text("command");
  if (settings.command.empty()) exec.refuse("command is missing");
  if (settings.command.find('/') != std::string::npos)
    settings.command = exec.beside(settings.command);
  settings.install_hint = exec.text("installHint");
  std::erase_if(settings.install_hint, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  read_mode(exec, v1, terminal, settings);
  settings.arguments = read_texts(exec, "args");
  const YAML::Node variables = exec.field("env");
  for (std::size_t i = 0; variables.IsDefined() && variables.IsSequence() && i < variables.size();
       ++i) {
    Section variable(variables[i], "", "");
    settings.environment.emplace_back(variable.text("name"), variable.text("value"));
    if (settings.environment.back().first.empty())
      exec.refuse(fmt::format("env[{}].name is missing", i));
  }
  return settings;
}

// Reads username and password, which exclude a token.
void read_login(Section& section, User& user) {
  const std::string name = section.text("username");
  std::string password = section.text("password");
  if (name.empty() && password.empty()) return;
  if (section.has("token") || section.has("tokenFile"))
    section.refuse("username and token contradict each other; remove one of them");
  if (name.find(':') != name.npos) section.refuse("username must have no colon");
  user.login = SecretString(fmt::format("{}:{}", name, password));
  wipe(password);
}

}  // namespace

Result<std::string> Pem::read() const {
  return bytes.empty() && !path.empty() ? read_file(path) : bytes;
}

Result<Cluster> read_cluster(Section section) {
  Cluster cluster;
  cluster.proxy_url = section.text("proxy-url");
  (void)section.flag("disable-compression");  // no answer is compressed
  cluster.tls_server_name = section.text("tls-server-name");
  cluster.insecure = section.flag("insecure-skip-tls-verify");
  cluster.ca = read_pem(section, "certificate-authority", "certificate-authority-data");
  if (cluster.insecure && cluster.ca.given()) {
    section.refuse(
        "insecure-skip-tls-verify contradicts the certificate authority; remove one of them, "
        "preferably insecure-skip-tls-verify");
  }
  const std::string server = section.text("server");
  if (server.empty()) section.refuse("server is missing");
  if (section.problem()) return std::unexpected(*section.problem());
  cluster.server = TRY(parse_server_url(server, section.where()));
  if (!cluster.proxy_url.empty()) {
    TRY(parse_proxy(cluster.proxy_url, section.where() + ": proxy-url"));
    if (!cluster.server.tls)
      return fail(ErrorKind::Invalid, section.where() +
                                          ": proxy-url needs a server with https://, since the "
                                          "proxy would see all tokens; remove it");
  }
  const YAML::Node extensions = section.field("extensions");
  for (std::size_t i = 0;
       extensions.IsDefined() && extensions.IsSequence() && i < extensions.size(); ++i) {
    const Section extension(extensions[i], section.where(), "");
    if (Section(extension).text("name") == "client.authentication.k8s.io/exec")
      cluster.plugin_config = to_json(extension.field("extension"));
  }
  return cluster;
}

Status check_impersonation(const Impersonation& as, std::string_view where) {
  const auto refuse = [&](std::string_view why) {
    return fail(ErrorKind::Invalid, fmt::format("{}: {}", where, why));
  };
  if (as.user.empty() && (!as.uid.empty() || !as.groups.empty() || !as.extra.empty()))
    return refuse("groups, uid and extra of another user need that user's name: set as (--as)");
  const bool lines = (as.user.empty() || is_line(as.user)) && (as.uid.empty() || is_line(as.uid)) &&
                     std::ranges::all_of(as.groups, is_line) &&
                     std::ranges::all_of(as.extra, [](const auto& entry) {
                       return !entry.first.empty() && is_line(entry.second);
                     });
  if (lines) return {};
  return refuse("as, as-uid, as-groups and as-user-extra must be lines of printable characters");
}

Result<User> read_user(Section section, const std::string& name, bool terminal) {
  if (section.has("auth-provider")) {
    Section provider = section.section("auth-provider");
    section.refuse(refuse_provider(provider.text("name")));
  }
  User user;
  user.certificate = read_pem(section, "client-certificate", "client-certificate-data");
  user.key = read_pem(section, "client-key", "client-key-data");
  if (user.certificate.given() != user.key.given()) {
    section.refuse(fmt::format("{} is missing; a client certificate and its key come together",
                               user.certificate.given()
                                   ? "client-key or client-key-data"
                                   : "client-certificate or client-certificate-data"));
  }
  user.token_path = section.path("tokenFile");
  if (std::string token = section.text("token"); !token.empty()) {
    std::optional<SecretString> clean = clean_token(token);
    wipe(token);
    if (!clean) section.refuse("token must be one line of printable characters");
    if (clean) user.token = std::move(*clean);
  }
  read_login(section, user);
  user.as = read_impersonation(section);
  if (section.problem()) return std::unexpected(*section.problem());
  if (section.has("exec")) {
    Section exec = section.section("exec");
    user.exec = read_exec(exec, terminal);
    user.exec->user = name;
    user.tells_cluster = exec.flag("provideClusterInfo");
    if (exec.problem()) return std::unexpected(*exec.problem());
  }
  return user;
}

Result<std::string> describe_cluster(const Cluster& cluster) {
  const std::string ca = TRY(cluster.ca.read());
  nlohmann::json description = {{"server", cluster.server.text}};
  if (!cluster.tls_server_name.empty()) description["tls-server-name"] = cluster.tls_server_name;
  if (cluster.insecure) description["insecure-skip-tls-verify"] = true;
  if (!ca.empty()) description["certificate-authority-data"] = base64_encode(ca);
  if (!cluster.plugin_config.is_null()) description["config"] = cluster.plugin_config;
  return description.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace apitoken::kube
