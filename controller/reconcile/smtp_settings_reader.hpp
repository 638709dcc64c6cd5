// SmtpSettingsReader: reads the SMTP settings of a TokenExpiryConfig and its Secrets from the API
// server each time the dispatcher needs them; it keeps none. Called on the threads that mail.
#pragma once

#include <initializer_list>
#include <string_view>
#include <vector>

#include "kube/client.hpp"
#include "notify/dispatcher.hpp"
#include "reconcile/config_table.hpp"

namespace apitoken::reconcile {

class SmtpSettingsReader final : public notify::MailSettingsSource {
 public:
  SmtpSettingsReader(kube::Client& client, const ConfigTable& table, std::string operator_namespace)
      : client_(client), table_(table), operator_namespace_(std::move(operator_namespace)) {}

  Result<notify::MailSettings> mail_settings(const std::string& config,
                                             std::stop_token stop) override;

 private:
  // Reads the login, and refuses to use it for a server other than the one that the Secret names.
  Status read_credentials(const std::string& secret, notify::MailSettings& settings,
                          std::stop_token stop);
  Status read_ca(const std::string& secret, notify::MailSettings& settings, std::stop_token stop);
  // The values of `keys` in a Secret of the operator's namespace, without line ends at their end.
  // Errors: NotFound, naming the Secret, the key and the remedy; those of the client.
  Result<std::vector<SecretString>> read_values(const std::string& secret,
                                                std::initializer_list<std::string_view> keys,
                                                std::stop_token stop);

  kube::Client& client_;
  const ConfigTable& table_;
  const std::string operator_namespace_;
};

}  // namespace apitoken::reconcile
