// MailDesk: what the dispatcher asks of the cluster and tells the queues. Called on the dispatcher's thread. It reads
// SMTP credentials live each time they are needed and keeps none.
#pragma once

#include "kube/client.hpp"
#include "notify/dispatcher.hpp"
#include "reconcile/config_table.hpp"
#include "reconcile/queues.hpp"

namespace apitoken::reconcile {

class MailDesk final : public notify::DispatcherHooks {
 public:
  MailDesk(kube::Client& client, const ConfigTable& table, Queues& queues, std::string operator_namespace)
      : client_(client), table_(table), queues_(queues), operator_namespace_(std::move(operator_namespace)) {}

  Result<notify::MailSettings> mail_settings(const std::string& config, std::stop_token stop) override;
  void on_told(const notify::Told& told) override { queues_.tokens.add(told.token); }
  void on_config_report(const std::string& config) override { queues_.configs.add({"", config}); }
  bool is_busy() const override { return queues_.tokens.depth() > kBusyDepth; }

 private:
  static constexpr std::size_t kBusyDepth = 64;

  Status read_credentials(const std::string& secret, notify::MailSettings& settings, std::stop_token stop);
  Status read_ca(const std::string& secret, notify::MailSettings& settings, std::stop_token stop);
  // One key of a Secret in the operator's namespace. Errors: NotFound, naming the Secret, the key and the remedy.
  Result<SecretString> read_value(const std::string& secret, std::string_view key, std::stop_token stop);

  kube::Client& client_;
  const ConfigTable& table_;
  Queues& queues_;
  const std::string operator_namespace_;
};

}  // namespace apitoken::reconcile
