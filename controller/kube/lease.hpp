// LeaderElector: makes at most one of several replicas the leader, by a Lease. Semantics of
// client-go's tools/leaderelection: another holder counts as alive if its record has changed within
// the lease's duration, measured by this process, so clocks need not agree. run() is the body of
// one thread; leading() may be called on any. Source:
// https://kubernetes.io/docs/concepts/architecture/leases/#leader-election
#pragma once

#include <condition_variable>
#include <functional>

#include "api/lease.hpp"
#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "kube/client.hpp"

namespace apitoken::kube {

struct LeaseTimings {
  Seconds lease_duration{15};  // candidates wait this long after the last renewal
  Seconds renew_deadline{10};  // a holder that could not renew for this long stops leading
  Seconds retry_period{2};     // between two attempts of holders and candidates
};

struct Candidate {
  std::string ns;  // of the Lease; the namespace must exist
  std::string name = "apitoken-operator";
  std::string identity;  // unique to this process
  LeaseTimings timings{};
};

class LeaderElector {
 public:
  enum class End { Stopped, Lost };  // Lost: the process should exit

  LeaderElector(Client& client, const Clock& clock, Candidate candidate);

  // Runs until `stop`, or until leadership was won and lost. Both callbacks run on this thread.
  // on_started_leading must return soon, because the lease is not renewed meanwhile.
  // on_stopped_leading is called once if on_started_leading was, and returns when no thread writes
  // any more. After it, on a clean stop, the lease is released, so that the next leader need not
  // wait.
  End run(std::stop_token stop, const std::function<void()>& on_started_leading,
          const std::function<void()>& on_stopped_leading);
  // Whether this process holds the lease and has renewed it within the renew deadline.
  bool leading() const;

 private:
  // True: the lease is ours. False: another replica's.
  using Attempt = std::function<Result<bool>(std::stop_token)>;
  Result<bool> try_acquire_or_renew(const std::stop_token& stop);
  Result<bool> create(const std::stop_token& stop);
  Result<bool> claim(const std::stop_token& stop);
  Result<bool> give_up(const std::stop_token& stop);
  Status fetch(const std::stop_token& stop);
  Result<bool> write(api::Lease lease, const std::stop_token& stop);
  void observe(api::Lease lease);
  bool held_by_other() const;

  Result<bool> within(SteadyTime deadline, const std::stop_token& stop, const Attempt& attempt);
  bool try_to_lead(SteadyTime deadline, const std::stop_token& stop);
  bool acquire(const std::stop_token& stop);
  End renew(const std::stop_token& stop);
  void release();
  SteadyTime renew_by() const;
  void cut_late_requests(const std::stop_token& stop);
  void report(const Error& error);
  api::ObjectKey key() const { return {candidate_.ns, candidate_.name}; }

  Client& client_;
  const Clock& clock_;
  const Candidate candidate_;

  // Used by the thread of run() only.
  std::optional<api::Lease> observed_;  // the lease as last seen
  SteadyTime observed_at_{};            // when its record last changed
  std::optional<ErrorKind> reported_;   // the failure that was logged last

  mutable Mutex mutex_;
  std::condition_variable_any changed_;
  bool holding_ GUARDED_BY(mutex_) = false;
  SteadyTime renewed_ GUARDED_BY(mutex_){};                // when the last successful attempt began
  std::optional<SteadyTime> deadline_ GUARDED_BY(mutex_);  // of the present attempt
  std::stop_source cut_ GUARDED_BY(mutex_){std::nostopstate};
};

}  // namespace apitoken::kube
