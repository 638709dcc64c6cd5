// KubeEventSink: Events written to the API server. The dispatcher's thread calls it through
// EventSink; it never retries.
#pragma once

#include <string>

#include "base/clock.hpp"
#include "notify/event_channel.hpp"

namespace apitoken::kube {
class Client;
}

namespace apitoken::notify {

class KubeEventSink final : public EventSink {
 public:
  // `instance` names this process in the Events (reportingInstance).
  KubeEventSink(kube::Client& client, const Clock& clock, std::string instance)
      : client_(client), clock_(clock), instance_(std::move(instance)) {}

  Status create(const api::Event& event, std::stop_token stop) override;
  Status repeat(const api::Event& event, int count, std::stop_token stop) override;

 private:
  kube::Client& client_;
  const Clock& clock_;
  std::string instance_;
};

}  // namespace apitoken::notify
