// DeliveryRequeue: adds a token's key to its queue after a delivery, and a config's key after a
// change of its report. Tells the dispatcher whether the workers are busy. Called on the
// dispatcher's threads.
#pragma once

#include "notify/dispatcher.hpp"
#include "reconcile/queues.hpp"

namespace apitoken::reconcile {

class DeliveryRequeue final : public notify::DeliveryListener, public notify::WorkloadGauge {
 public:
  explicit DeliveryRequeue(Queues& queues) : queues_(queues) {}

  void on_delivered(const notify::DeliveredNotice& notice) override {
    queues_.tokens.add(notice.token, Urgency::Notice);
  }
  void on_report_changed(const std::string& config) override { queues_.configs.add({"", config}); }
  bool is_busy() const override { return queues_.tokens.depth() > kBusyDepth; }

 private:
  static constexpr std::size_t kBusyDepth = 64;

  Queues& queues_;
};

}  // namespace apitoken::reconcile
