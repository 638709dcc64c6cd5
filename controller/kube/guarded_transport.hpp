// GuardedTransport: a Transport in front of another one. It delays all requests while the server
// asks for a pause (429 with Retry-After), and does not send a write if this replica may have lost
// its lease. Requests for the lease pass both checks; a pause would otherwise cost the leadership.
// Any thread.
#pragma once

#include <memory>

#include "base/mutex.hpp"
#include "kube/transport.hpp"

namespace apitoken::kube {

class GuardedTransport final : public Transport {
 public:
  static constexpr Seconds kMaxPause{60};  // for one Retry-After

  // `may_write` is called before each write of the leader, on any thread. `clock` outlives the
  // transport.
  GuardedTransport(std::unique_ptr<Transport> inner, std::function<bool()> may_write,
                   const Clock& clock)
      : inner_(std::move(inner)), may_write_(std::move(may_write)), clock_(clock) {}

  Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop) override;
  Result<HttpResponse> stream(const HttpRequest& request, std::stop_token stop,
                              const std::function<bool(std::string_view)>& receive) override;

  // Whether only the leader may send this request: every write but those for leases and for reviews
  // of callers, which all replicas send.
  static bool is_for_leader(const HttpRequest& request);

 private:
  Status await_turn(const HttpRequest& request, const std::stop_token& stop);
  SteadyTime paused_until() const;
  Result<HttpResponse> heed(Result<HttpResponse> answer);

  const std::unique_ptr<Transport> inner_;
  const std::function<bool()> may_write_;
  const Clock& clock_;
  mutable Mutex mutex_;
  SteadyTime paused_until_ GUARDED_BY(mutex_){};
};

}  // namespace apitoken::kube
