// Acquires, renews and releases the lease.
#include "kube/lease.hpp"

#include <algorithm>
#include <thread>
#include <tuple>

#include "base/log.hpp"
#include "base/rfc3339.hpp"
#include "base/sleep.hpp"
#include "base/thread_name.hpp"

namespace apitoken::kube {
namespace {

constexpr Seconds kReleaseTime{4};                // to release the lease at a stop
constexpr std::int64_t kMaxDuration = 24 * 3600;  // seconds; a longer lease is a mistake

auto record_of(const api::Lease& lease) {
  return std::tie(lease.meta.uid, lease.holder, lease.duration_seconds, lease.acquire_time,
                  lease.renew_time, lease.transitions);
}

bool lost_a_race(ErrorKind kind) {
  return kind == ErrorKind::Conflict || kind == ErrorKind::AlreadyExists;
}

}  // namespace

LeaderElector::LeaderElector(Client& client, const Clock& clock, Candidate candidate)
    : client_(client), clock_(clock), candidate_(std::move(candidate)) {}

LeaderElector::End LeaderElector::run(std::stop_token stop,
                                      const std::function<void()>& on_started_leading,
                                      const std::function<void()>& on_stopped_leading) {
  name_thread("lease");
  const std::jthread watchdog([this](std::stop_token over) {
    name_thread("lease-deadline");
    cut_late_requests(over);
  });
  if (!acquire(stop)) return End::Stopped;
  log::info("leading", {{"lease", key().text()}, {"identity", candidate_.identity}});
  on_started_leading();
  const End end = renew(stop);
  if (end == End::Lost) {
    log::error("leadership lost", {{"lease", key().text()},
                                   {"identity", candidate_.identity},
                                   {"holder", observed_ ? observed_->holder : ""}});
  }
  on_stopped_leading();
  if (end == End::Stopped) release();
  MutexLock lock(mutex_);
  holding_ = false;
  return end;
}

bool LeaderElector::leading() const {
  MutexLock lock(mutex_);
  return holding_ && clock_.steady() < renewed_ + candidate_.timings.renew_deadline;
}

bool LeaderElector::acquire(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto now = clock_.steady();
    if (try_to_lead(now + candidate_.timings.renew_deadline, stop)) return true;
    sleep_until(clock_, stop, now + candidate_.timings.retry_period);
  }
  return false;
}

LeaderElector::End LeaderElector::renew(const std::stop_token& stop) {
  while (true) {
    sleep_until(clock_, stop,
                std::min(clock_.steady() + candidate_.timings.retry_period, renew_by()));
    if (stop.stop_requested()) return End::Stopped;
    if (clock_.steady() >= renew_by()) return End::Lost;
    const bool renewed = try_to_lead(renew_by(), stop);
    if (!renewed && observed_ && held_by_other()) return End::Lost;
  }
}

SteadyTime LeaderElector::renew_by() const {
  MutexLock lock(mutex_);
  return renewed_ + candidate_.timings.renew_deadline;
}

bool LeaderElector::try_to_lead(SteadyTime deadline, const std::stop_token& stop) {
  const auto began = clock_.steady();
  const auto held =
      within(deadline, stop, [this](std::stop_token cut) { return try_acquire_or_renew(cut); });
  if (!held) {
    if (!stop.stop_requested()) report(held.error());
    return false;
  }
  if (std::exchange(reported_, std::nullopt))
    log::info("the lease can be reached again", {{"lease", key().text()}});
  MutexLock lock(mutex_);
  holding_ = *held;
  if (*held) renewed_ = began;
  return *held;
}

Result<bool> LeaderElector::try_acquire_or_renew(const std::stop_token& stop) {
  bool holding;
  {
    MutexLock lock(mutex_);
    holding = holding_;
  }
  if (holding) {  // no other process should have changed the lease, so it is not read first
    auto renewed = claim(stop);
    if (renewed || (renewed.error().kind != ErrorKind::Conflict &&
                    renewed.error().kind != ErrorKind::NotFound))
      return renewed;
  }
  if (const auto fetched = fetch(stop); !fetched) {
    return fetched.error().kind == ErrorKind::NotFound ? create(stop)
                                                       : std::unexpected(fetched.error());
  }
  if (held_by_other()) return false;
  return claim(stop);
}

Status LeaderElector::fetch(const std::stop_token& stop) {
  const auto body = TRY(client_.get(resources::kLeases, key(), stop));
  auto lease = TRY(api::decode_lease(body));
  observe(std::move(lease));
  return {};
}

void LeaderElector::observe(api::Lease lease) {
  if (!observed_ || record_of(*observed_) != record_of(lease)) {
    observed_at_ = clock_.steady();
    const bool other = !lease.holder.empty() && lease.holder != candidate_.identity;
    if (other && (!observed_ || observed_->holder != lease.holder)) {
      log::info("another replica leads", {{"lease", key().text()}, {"holder", lease.holder}});
    }
  }
  observed_ = std::move(lease);
}

bool LeaderElector::held_by_other() const {
  if (observed_->holder.empty() || observed_->holder == candidate_.identity) return false;
  return clock_.steady() < observed_at_ + Seconds(std::clamp<std::int64_t>(
                                              observed_->duration_seconds, 0, kMaxDuration));
}

Result<bool> LeaderElector::create(const std::stop_token& stop) {
  const auto now = format_rfc3339_micro(clock_.wall_precise());
  api::Lease lease;
  lease.meta.ns = candidate_.ns;
  lease.meta.name = candidate_.name;
  lease.holder = candidate_.identity;
  lease.duration_seconds = candidate_.timings.lease_duration.count();
  lease.acquire_time = lease.renew_time = now;
  const auto body =
      TRY(client_.create(resources::kLeases, candidate_.ns, api::encode_lease(lease), stop));
  auto created = TRY(api::decode_lease(body));
  observe(std::move(created));
  return true;
}

Result<bool> LeaderElector::claim(const std::stop_token& stop) {
  api::Lease lease = *observed_;
  lease.renew_time = format_rfc3339_micro(clock_.wall_precise());
  lease.duration_seconds = candidate_.timings.lease_duration.count();
  if (lease.holder != candidate_.identity) {
    lease.holder = candidate_.identity;
    lease.acquire_time = lease.renew_time;
    ++lease.transitions;
  }
  return write(std::move(lease), stop);
}

Result<bool> LeaderElector::write(api::Lease lease, const std::stop_token& stop) {
  const auto body =
      TRY(client_.update(resources::kLeases, lease.meta.key(), api::encode_lease(lease), stop));
  auto written = TRY(api::decode_lease(body));
  observe(std::move(written));
  return true;
}

Result<bool> LeaderElector::give_up(const std::stop_token& stop) {
  TRY(fetch(stop));
  if (observed_->holder != candidate_.identity) return false;
  api::Lease lease = *observed_;
  lease.holder.clear();
  lease.duration_seconds = 1;
  lease.acquire_time = lease.renew_time = format_rfc3339_micro(clock_.wall_precise());
  return write(std::move(lease), stop);
}

void LeaderElector::release() {
  const auto released = within(clock_.steady() + kReleaseTime, {},
                               [this](std::stop_token cut) { return give_up(cut); });
  if (released) {
    log::info("lease released", {{"lease", key().text()}});
  } else {
    log::warn("lease not released, the next replica waits until it expires",
              {{"lease", key().text()}, {"error", released.error().message}});
  }
}

// Runs `attempt` with a token that `stop` and `deadline` stop: a request that hangs must not make
// us believe that we lead for longer than the lease lasts.
Result<bool> LeaderElector::within(SteadyTime deadline, const std::stop_token& stop,
                                   const Attempt& attempt) {
  std::stop_source cut;
  {
    MutexLock lock(mutex_);
    cut_ = cut;
    deadline_ = deadline;
  }
  changed_.notify_all();
  const std::stop_callback chain(stop, [&cut] { cut.request_stop(); });
  auto result = attempt(cut.get_token());
  {
    MutexLock lock(mutex_);
    deadline_.reset();
  }
  if (!result && cut.stop_requested() && !stop.stop_requested()) {
    return fail(ErrorKind::Unavailable, "no answer in time: " + result.error().message);
  }
  return result;
}

void LeaderElector::cut_late_requests(const std::stop_token& stop) {
  MutexLock lock(mutex_);
  while (!stop.stop_requested()) {
    const auto now = clock_.steady();
    if (!deadline_ || now < *deadline_) {
      clock_.wait(changed_, lock, stop, deadline_.value_or(now + std::chrono::hours(1)));
      continue;
    }
    deadline_.reset();
    std::stop_source late = cut_;
    lock.unlock();
    late.request_stop();
    lock.lock();
  }
}

void LeaderElector::report(const Error& error) {
  if (lost_a_race(error.kind)) return;
  if (std::exchange(reported_, error.kind) == error.kind) return;
  std::string_view remedy;
  if (error.kind == ErrorKind::Forbidden) {
    remedy =
        "; allow get, create and update of leases.coordination.k8s.io there (manifests/rbac), or "
        "set --operator-namespace";
  } else if (error.kind == ErrorKind::NotFound) {
    remedy = "; create the namespace, or set --operator-namespace to one that exists";
  }
  log::warn("leader election failing, will keep trying",
            {{"lease", key().text()},
             {"kind", to_string(error.kind)},
             {"error", error.message + std::string(remedy)}});
}

}  // namespace apitoken::kube
