// GuardedTransport: a Transport before another one, which holds requests back. All of them wait
// while the server asks for a pause (429 with Retry-After), and a write is not sent by a replica
// that may have lost its lease. The lease's own requests pass both, or a pause would cost the lead.
// The leader's client goes through it; any thread.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>

#include "kube/transport.hpp"

namespace apitoken::kube {

class GuardedTransport final : public Transport {
 public:
  static constexpr Seconds kMaxPause{60};  // of one Retry-After

  // `may_write` is asked before each write that only the leader does; any thread. `clock` outlives
  // the transport.
  GuardedTransport(std::unique_ptr<Transport> inner, std::function<bool()> may_write,
                   const Clock& clock)
      : inner_(std::move(inner)), may_write_(std::move(may_write)), clock_(clock) {}

  Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop) override;
  Result<HttpResponse> stream(const HttpRequest& request, std::stop_token stop,
                              const std::function<bool(std::string_view)>& receive) override;

  // Every replica renews or watches the lease and asks for reviews; all else that is written is the
  // leader's alone.
  static bool is_leaders_alone(const HttpRequest& request);

 private:
  Status await_turn(const HttpRequest& request, const std::stop_token& stop);
  Result<HttpResponse> heed(Result<HttpResponse> answer);

  const std::unique_ptr<Transport> inner_;
  const std::function<bool()> may_write_;
  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable_any never_;  // waits end by time or stop alone
  SteadyTime paused_until_{};          // guarded by mutex_
};

}  // namespace apitoken::kube
