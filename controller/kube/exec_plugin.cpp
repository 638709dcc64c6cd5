// Runs a credential plugin and reads its answer.
#include "kube/exec_plugin.hpp"

#include <fmt/format.h>

#include "api/json.hpp"
#include "base/rfc3339.hpp"
#include "kube/run_command.hpp"
#include "kube/token_file.hpp"

namespace apitoken::kube {
namespace {

constexpr Seconds kRenewBefore{5};
constexpr Seconds kPersonTime{600};  // to sign in by a browser or a device

std::unexpected<Error> wrong(std::string message) {
  return fail(ErrorKind::Unauthorized, std::move(message));
}

}  // namespace

Result<ExecCredential> decode_exec_credential(std::string_view output,
                                              std::string_view api_version) {
  api::JsonParser parser;
  const Result<api::Json> document = parser.parse(output);
  if (!document) return wrong("its output is no JSON");
  const std::string kind = api::read_string(*document, "kind", "kind").value_or("");
  const std::string version = api::read_string(*document, "apiVersion", "apiVersion").value_or("");
  if (kind != "ExecCredential" || version != api_version) {
    return wrong(fmt::format(
        "it answered kind \"{}\" of \"{}\", the kubeconfig asks for ExecCredential of \"{}\"", kind,
        version, api_version));
  }
  const std::optional<api::Json> status = api::member(*document, "status");
  if (!status) return wrong("its answer has no status");

  ExecCredential credential;
  std::string token = api::read_string(*status, "token", "status.token").value_or("");
  credential.certificate = api::read_string(*status, "clientCertificateData", "").value_or("");
  credential.key = SecretString(api::read_string(*status, "clientKeyData", "").value_or(""));
  if (!token.empty()) {
    std::optional<SecretString> clean = clean_token(token);
    wipe(token);
    if (!clean) return wrong("its status.token has characters that no header may hold");
    credential.token = std::move(*clean);
  }
  if (credential.certificate.empty() != credential.key.empty()) {
    return wrong("its answer has only one of clientCertificateData and clientKeyData");
  }
  if (credential.token.empty() && credential.certificate.empty())
    return wrong("its answer has neither a token nor a client certificate");
  if (const auto expiry = api::read_string(*status, "expirationTimestamp", "")) {
    credential.expires_at = parse_rfc3339(*expiry);
    if (!credential.expires_at)
      return wrong(fmt::format("its expirationTimestamp \"{}\" is no RFC 3339 time", *expiry));
  }
  return credential;
}

bool ExecPlugin::usable() const {
  return answer_ && (!answer_->expires_at || clock_.wall() + kRenewBefore < *answer_->expires_at);
}

Result<std::shared_ptr<const ExecCredential>> ExecPlugin::credential() {
  MutexLock lock(mutex_);
  ended_.wait(lock, [this]() REQUIRES(mutex_) { return !running_; });
  if (usable()) return answer_;
  running_ = true;
  lock.unlock();
  Result<std::shared_ptr<const ExecCredential>> fresh = run();
  lock.lock();
  running_ = false;
  answer_ = fresh ? *fresh : nullptr;
  ended_.notify_all();
  return fresh;
}

void ExecPlugin::drop() {
  const MutexLock lock(mutex_);
  answer_ = nullptr;
}

Result<std::shared_ptr<const ExecCredential>> ExecPlugin::run() const {
  const std::string cluster =
      settings_.cluster.empty() ? "" : fmt::format(R"("cluster":{},)", settings_.cluster);
  Command command{.program = settings_.command,
                  .arguments = settings_.arguments,
                  .environment = settings_.environment,
                  .timeout = settings_.terminal ? kPersonTime : settings_.timeout,
                  .terminal = settings_.terminal};
  command.environment.emplace_back(
      "KUBERNETES_EXEC_INFO",
      fmt::format(R"({{"apiVersion":"{}","kind":"ExecCredential","spec":{{{}"interactive":{}}}}})",
                  settings_.api_version, cluster, settings_.terminal));
  const auto named = [this](const Error& error) {
    return wrong(fmt::format("the credential plugin \"{}\" of user \"{}\" cannot be used: {}{}{}",
                             settings_.command, settings_.user, error.message,
                             settings_.install_hint.empty() ? "" : "; ", settings_.install_hint));
  };
  const Result<SecretString> output = run_command(command);
  if (!output) return named(output.error());
  Result<ExecCredential> credential =
      decode_exec_credential(output->reveal(), settings_.api_version);
  if (!credential) return named(credential.error());
  return std::make_shared<const ExecCredential>(std::move(*credential));
}

}  // namespace apitoken::kube
