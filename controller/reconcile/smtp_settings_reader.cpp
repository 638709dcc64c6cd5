// Reads SMTP settings from a TokenExpiryConfig and its Secrets.
#include "reconcile/smtp_settings_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "api/secret.hpp"

namespace apitoken::reconcile {
namespace {

// Removes line ends at the end: `kubectl create secret --from-file` keeps that of the file's last
// line.
SecretString without_line_end(SecretString value) {
  std::string_view text = value.reveal();
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  return text.size() == value.size() ? std::move(value) : SecretString(std::string(text));
}

std::string wanted(std::initializer_list<std::string_view> keys) {
  return fmt::format("{} {}", keys.size() == 1 ? "key" : "keys", fmt::join(keys, ", "));
}

// Explains a key that people may not know.
std::string_view meaning_of(std::string_view key) {
  return key == "server"
             ? "; it names the one host:port that gets the login, as spec.smtp.server does"
             : "";
}

}  // namespace

Result<notify::MailSettings> SmtpSettingsReader::mail_settings(const std::string& config,
                                                               std::stop_token stop) {
  const auto list = table_.snapshot();
  const auto* found = find_config(*list, config);
  if (!found || !found->smtp) {
    return fail(
        ErrorKind::Invalid,
        fmt::format("TokenExpiryConfig {}: spec.smtp cannot be used, see its Ready condition",
                    config));
  }
  const core::SmtpSettings& smtp = *found->smtp;
  notify::MailSettings settings;
  settings.server = smtp.server;
  settings.tls = smtp.tls;
  settings.from = smtp.from;
  settings.helo = smtp.helo;
  settings.auth = smtp.auth;
  TRY(read_credentials(smtp.credentials_secret, settings, stop));
  TRY(read_ca(smtp.ca_secret, settings, stop));
  return settings;
}

Status SmtpSettingsReader::read_credentials(const std::string& secret,
                                            notify::MailSettings& settings, std::stop_token stop) {
  if (secret.empty()) return {};
  auto values = TRY(read_values(secret, {"username", "password", "server"}, stop));
  const auto bound = core::parse_server(values[2].reveal());
  if (!bound) {
    return fail(ErrorKind::Invalid,
                fmt::format("Secret {}/{}: its key server is no host:port; write the mail server "
                            "that the login is for, such as {}",
                            operator_namespace_, secret, settings.server.text()));
  }
  if (*bound != settings.server) {
    return fail(ErrorKind::Invalid,
                fmt::format("spec.smtp.server: {} is not the server that the login is for: key "
                            "server of Secret {}/{} names another; no login was sent. Make the two "
                            "equal",
                            settings.server.text(), operator_namespace_, secret));
  }
  settings.username = values[0].reveal();
  settings.password = std::move(values[1]);
  return {};
}

Status SmtpSettingsReader::read_ca(const std::string& secret, notify::MailSettings& settings,
                                   std::stop_token stop) {
  if (secret.empty()) return {};
  const auto values = TRY(read_values(secret, {"ca.crt"}, stop));
  settings.ca = values.front().reveal();
  return {};
}

Result<std::vector<SecretString>> SmtpSettingsReader::read_values(
    const std::string& secret, std::initializer_list<std::string_view> keys, std::stop_token stop) {
  auto body = client_.get(kube::resources::kSecrets, {operator_namespace_, secret}, stop);
  if (!body && body.error().kind == ErrorKind::NotFound) {
    return fail(ErrorKind::NotFound,
                fmt::format("no Secret {} in namespace {}: make it with {}, and mail goes out",
                            secret, operator_namespace_, wanted(keys)));
  }
  if (!body) return std::unexpected(body.error());
  const SecretString held(std::move(*body));
  api::JsonParser parser;
  const auto object = TRY(parser.parse(held.reveal()));
  std::vector<SecretString> values;
  for (const std::string_view key : keys) {
    auto value = api::decode_secret_value(object, key);
    if (value) value = without_line_end(std::move(*value));
    if (!value || value->empty()) {
      return fail(ErrorKind::NotFound,
                  fmt::format("Secret {}/{} has no key {}: add it, and mail goes out{}",
                              operator_namespace_, secret, key, meaning_of(key)));
    }
    values.push_back(std::move(*value));
  }
  return values;
}

}  // namespace apitoken::reconcile
