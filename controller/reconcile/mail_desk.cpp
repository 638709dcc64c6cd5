// SMTP settings out of a TokenExpiryConfig and its Secrets.
#include "reconcile/mail_desk.hpp"

#include <fmt/format.h>

#include "api/secret.hpp"

namespace apitoken::reconcile {

Result<notify::MailSettings> MailDesk::mail_settings(const std::string& config, std::stop_token stop) {
  const auto list = table_.snapshot();
  const auto* found = find_config(*list, config);
  if (!found || !found->smtp) {
    return fail(ErrorKind::Invalid,
                fmt::format("TokenExpiryConfig {}: spec.smtp cannot be used, see its Ready condition", config));
  }
  const core::SmtpSettings& smtp = *found->smtp;
  notify::MailSettings settings;
  settings.server = smtp.server;
  settings.tls = smtp.tls;
  settings.from = smtp.from;
  if (const auto read = read_credentials(smtp.credentials_secret, settings, stop); !read)
    return std::unexpected(read.error());
  if (const auto read = read_ca(smtp.ca_secret, settings, stop); !read) return std::unexpected(read.error());
  return settings;
}

Status MailDesk::read_credentials(const std::string& secret, notify::MailSettings& settings, std::stop_token stop) {
  if (secret.empty()) return {};
  auto username = read_value(secret, "username", stop);
  if (!username) return std::unexpected(username.error());
  auto password = read_value(secret, "password", stop);
  if (!password) return std::unexpected(password.error());
  settings.username = username->reveal();
  settings.password = std::move(*password);
  return {};
}

Status MailDesk::read_ca(const std::string& secret, notify::MailSettings& settings, std::stop_token stop) {
  if (secret.empty()) return {};
  const auto ca = read_value(secret, "ca.crt", stop);
  if (!ca) return std::unexpected(ca.error());
  settings.ca = ca->reveal();
  return {};
}

Result<SecretString> MailDesk::read_value(const std::string& secret, std::string_view key, std::stop_token stop) {
  auto body = client_.get(kube::resources::kSecrets, {operator_namespace_, secret}, stop);
  if (!body) return std::unexpected(body.error());
  const SecretString held(std::move(*body));
  api::JsonParser parser;
  const auto object = parser.parse(held.reveal());
  if (!object) return std::unexpected(object.error());
  auto value = api::decode_secret_value(*object, key);
  if (!value || value->empty()) {
    return fail(ErrorKind::NotFound,
                fmt::format("Secret {}/{} has no key {}: add it, and mail goes out", operator_namespace_, secret, key));
  }
  return std::move(*value);
}

}  // namespace apitoken::reconcile
