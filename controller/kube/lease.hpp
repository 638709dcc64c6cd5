// LeaderElector: of several replicas at most one leads, by a Lease. Semantics of client-go's tools/leaderelection: another
// holder counts as alive while its record changed within the lease's duration as this process measures it, so clocks need not
// agree. run() is a thread of its own; leading() may be asked from any.
// Source: https://kubernetes.io/docs/concepts/architecture/leases/#leader-election
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>

#include "api/lease.hpp"
#include "base/clock.hpp"
#include "kube/client.hpp"

namespace apitoken::kube {

struct LeaseTimings {
  Seconds lease_duration{15};  // so long others wait after the holder's last sign of life
  Seconds renew_deadline{10};  // a holder that could not renew for so long stops leading
  Seconds retry_period{2};     // between two attempts, of holders and of waiting replicas
};

struct Candidate {
  std::string ns;  // of the Lease; must exist
  std::string name = "apitoken-operator";
  std::string identity;  // unique to this process
  LeaseTimings timings{};
};

class LeaderElector {
 public:
  enum class End { Stopped, Lost };  // Lost: the process had better exit

  LeaderElector(Client& client, const Clock& clock, Candidate candidate);

  // Until `stop`, or until leadership was won and lost. Both callbacks run on this thread: on_started_leading must return
  // soon (nothing is renewed meanwhile); on_stopped_leading returns when nobody writes any more. It is called once if and
  // only if the other was. Only then, on a clean stop, the lease is released, so that the next one need not wait.
  End run(std::stop_token stop, const std::function<void()>& on_started_leading,
          const std::function<void()>& on_stopped_leading);
  // Holds the lease and was able to say so within the renew deadline.
  bool leading() const;

 private:
  bool attempt(std::stop_token stop, SteadyTime deadline);
  Status try_acquire_or_renew(std::stop_token stop);
  Status create(std::stop_token stop);
  Status update(api::Lease lease, std::stop_token stop);
  void observe(api::Lease lease);
  bool held_by_other() const;
  bool acquire(std::stop_token stop);
  End renew(std::stop_token stop);
  void release();
  void pause(std::stop_token stop, SteadyTime until);
  void watch_deadlines(std::stop_token stop);
  void report(const Error& error);

  Client& client_;
  const Clock& clock_;
  const Candidate candidate_;

  // The thread of run() alone.
  std::optional<api::Lease> observed_;  // the lease as last seen
  SteadyTime observed_at_{};            // when it last changed
  std::optional<ErrorKind> reported_;   // the failure that people know of

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  bool holding_ = false;                   // guarded by mutex_
  SteadyTime renewed_{};                   // guarded by mutex_: when the last successful attempt began
  std::optional<SteadyTime> deadline_{};   // guarded by mutex_: when the request under way is to be cut off
  std::stop_source cut_{std::nostopstate}; // guarded by mutex_: cuts it off
};

}  // namespace apitoken::kube
