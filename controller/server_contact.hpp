// ServerContact: passes the transport's reports about answers on to AgreedClock and Outage, and
// stops writes of a replica that does not lead. App owns the only one; the transport calls it on
// its I/O thread.
#pragma once

#include <atomic>

#include "kube/agreed_clock.hpp"
#include "kube/guarded_transport.hpp"
#include "kube/lease.hpp"
#include "kube/outage.hpp"

namespace apitoken {

class ServerContact final : public kube::AnswerListener {
 public:
  ServerContact(kube::AgreedClock& clock, kube::Outage& outage, std::function<bool()> may_write)
      : clock_(clock), outage_(outage), may_write_(std::move(may_write)) {}

  void answered(const kube::AnswerHead& head) override {
    clock_.answered(head);
    outage_.answered(head);
  }
  void unanswered() override { outage_.unanswered(); }
  std::function<bool()> permission(const kube::HttpRequest& request) override {
    return kube::GuardedTransport::is_for_leader(request) ? may_write_ : std::function<bool()>();
  }

 private:
  kube::AgreedClock& clock_;
  kube::Outage& outage_;
  const std::function<bool()> may_write_;
};

// Leadership: whether this process may write now. Without election it always may; with election,
// while the elector says that it leads. Thread-safe.
class Leadership {
 public:
  // Asks `elector` from now on; null: no elector. It lives until the next call.
  void follow(const kube::LeaderElector* elector) { elector_ = elector; }
  void require_election() { elects_ = true; }
  bool holds() const {
    const kube::LeaderElector* elector = elector_;
    return elector != nullptr ? elector->leading() : !elects_;
  }

 private:
  std::atomic<const kube::LeaderElector*> elector_ = nullptr;
  std::atomic<bool> elects_ = false;
};

}  // namespace apitoken
