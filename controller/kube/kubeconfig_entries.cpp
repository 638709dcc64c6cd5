// Reads the entries of kubeconfig files.
#include "kube/kubeconfig_entries.hpp"

#include <fmt/format.h>

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

ExecPluginSettings read_exec(Section& exec) {
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
  const std::string mode = exec.text("interactiveMode");
  if (mode == "Always") {
    exec.refuse(
        "interactiveMode is Always, but no terminal is handed to plugins here; use one that works "
        "with Never or "
        "IfAvailable");
  } else if (mode.empty() ? v1 : (mode != "Never" && mode != "IfAvailable")) {
    exec.refuse(fmt::format("interactiveMode is \"{}\"; it must be Never or IfAvailable", mode));
  }
  const YAML::Node arguments = exec.field("args");
  for (std::size_t i = 0; arguments.IsDefined() && arguments.IsSequence() && i < arguments.size();
       ++i) {
    if (!arguments[i].IsScalar()) exec.refuse(fmt::format("args[{}] must be a string", i));
    settings.arguments.push_back(arguments[i].Scalar());
  }
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

}  // namespace

Result<std::string> Pem::read() const {
  return bytes.empty() && !path.empty() ? read_file(path) : bytes;
}

Result<Cluster> read_cluster(Section section) {
  Cluster cluster;
  if (section.has("proxy-url"))
    section.refuse("proxy-url is not supported; connect without a proxy and remove it");
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
  Result<ServerUrl> url = parse_server_url(server, section.where());
  if (!url) return std::unexpected(url.error());
  cluster.server = std::move(*url);
  const YAML::Node extensions = section.field("extensions");
  for (std::size_t i = 0;
       extensions.IsDefined() && extensions.IsSequence() && i < extensions.size(); ++i) {
    const Section extension(extensions[i], section.where(), "");
    if (Section(extension).text("name") == "client.authentication.k8s.io/exec")
      cluster.plugin_config = to_json(extension.field("extension"));
  }
  return cluster;
}

Result<User> read_user(Section section, const std::string& name) {
  if (section.has("username") || section.has("password")) {
    section.refuse(
        "username and password are not supported by Kubernetes any more; use a client certificate, "
        "token or exec");
  }
  if (section.has("auth-provider"))
    section.refuse("auth-provider is not supported any more; use exec with the provider's plugin");
  for (const char* field : {"as", "as-uid", "as-groups", "as-user-extra"}) {
    if (section.has(field))
      section.refuse(fmt::format(
          "{}: impersonation is not supported; use a user with the permissions needed", field));
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

Result<std::string> describe_cluster(const Cluster& cluster) {
  const Result<std::string> ca = cluster.ca.read();
  if (!ca) return std::unexpected(ca.error());
  nlohmann::json description = {{"server", cluster.server.text}};
  if (!cluster.tls_server_name.empty()) description["tls-server-name"] = cluster.tls_server_name;
  if (cluster.insecure) description["insecure-skip-tls-verify"] = true;
  if (!ca->empty()) description["certificate-authority-data"] = base64_encode(*ca);
  if (!cluster.plugin_config.is_null()) description["config"] = cluster.plugin_config;
  return description.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace apitoken::kube
