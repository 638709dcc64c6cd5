// MailDesk: what the dispatcher asks of the cluster and tells the queues. Called on the
// dispatcher's thread. It reads SMTP credentials live each time they are needed and keeps none.
#pragma once

#include <initializer_list>
#include <string_view>
#include <vector>

#include "kube/client.hpp"
#include "notify/dispatcher.hpp"
#include "reconcile/config_table.hpp"
#include "reconcile/queues.hpp"

namespace apitoken::reconcile {

class MailDesk final : public notify::MailSettingsSource,
                       public notify::DeliveryListener,
                       public notify::WorkloadGauge {
 public:
  MailDesk(kube::Client& client, const ConfigTable& table, Queues& queues,
           std::string operator_namespace)
      : client_(client),
        table_(table),
        queues_(queues),
        operator_namespace_(std::move(operator_namespace)) {}

  Result<notify::MailSettings> mail_settings(const std::string& config,
                                             std::stop_token stop) override;
  void on_delivered(const notify::DeliveredNotice& notice) override {
    queues_.tokens.add(notice.token, Urgency::Notice);
  }
  void on_report_changed(const std::string& config) override { queues_.configs.add({"", config}); }
  bool is_busy() const override { return queues_.tokens.depth() > kBusyDepth; }

 private:
  static constexpr std::size_t kBusyDepth = 64;

  // Reads the login, and refuses it for any server but the one that the Secret names.
  Status read_credentials(const std::string& secret, notify::MailSettings& settings,
                          std::stop_token stop);
  Status read_ca(const std::string& secret, notify::MailSettings& settings, std::stop_token stop);
  // Values of a Secret in the operator's namespace, without line ends at their end, in the order of
  // `keys`. Errors: NotFound, naming the Secret, the key and the remedy.
  Result<std::vector<SecretString>> read_values(const std::string& secret,
                                                std::initializer_list<std::string_view> keys,
                                                std::stop_token stop);

  kube::Client& client_;
  const ConfigTable& table_;
  Queues& queues_;
  const std::string operator_namespace_;
};

}  // namespace apitoken::reconcile
