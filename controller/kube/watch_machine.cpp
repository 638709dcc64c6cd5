// Decides whether a reflector lists, watches or waits next.
#include "kube/watch_machine.hpp"

#include <limits>
#include <utility>

#include "kube/resource_version.hpp"

namespace apitoken::kube {
namespace {

// Whether the next watch may resume at the last version: the connection failed, not the version.
bool can_resume(ErrorKind kind) {
  return kind == ErrorKind::Unavailable || kind == ErrorKind::Internal ||
         kind == ErrorKind::Throttled || kind == ErrorKind::Unauthorized ||
         kind == ErrorKind::Forbidden || kind == ErrorKind::Canceled;
}

}  // namespace

Report WatchMachine::listed(std::string_view resource_version) {
  version_ = resource_version;
  has_moved_ = false;
  step_ = Step::Watch;
  delay_ = {};
  list_failures_ = 0;
  // If watches fail, a list that succeeds in between does not end the failure.
  return watch_failures_ == 0 ? over() : Report::Nothing;
}

Report WatchMachine::list_failed(const Error& error, std::uint32_t random) {
  step_ = Step::List;
  // The continue token expired: list again at once.
  if (error.kind == ErrorKind::Gone && list_failures_ == 0) {
    list_failures_ = 1;
    delay_ = {};
    return Report::Nothing;
  }
  wait_after(list_failures_, &error, random);
  return began(error.kind);
}

void WatchMachine::relist() {
  step_ = Step::List;
  delay_ = {};
}

void WatchMachine::checked(std::string_view server_version) {
  delay_ = {};
  step_ = version_older(server_version, version_) ? Step::List : Step::Watch;
}

Report WatchMachine::check_failed(const Error& error, std::uint32_t random) {
  if (!can_resume(error.kind) || error.kind == ErrorKind::Unavailable) {
    step_ = Step::List;
    version_.clear();
  }
  wait_after(watch_failures_, &error, random);
  return began(error.kind);
}

Report WatchMachine::saw(std::string_view resource_version, Lived lived) {
  if (!resource_version.empty() && resource_version != version_) {
    version_ = resource_version;
    has_moved_ = true;
  }
  if (lived < kStable) return Report::Nothing;
  watch_failures_ = 0;
  return over();
}

Report WatchMachine::watch_ended(Lived lived, std::uint32_t random) {
  step_ = Step::Watch;
  delay_ = {};
  if (!end_watch(lived) && lived < kTooShort) {
    if (++short_ends_ < 2) return Report::Nothing;
    wait_after(watch_failures_, nullptr, random);
    return began(ErrorKind::Unavailable);
  }
  short_ends_ = 0;
  return lived < kStable ? Report::Nothing : over();
}

Report WatchMachine::watch_failed(const Error& error, Lived lived, std::uint32_t random) {
  if (!can_resume(error.kind)) return watch_refused(error, lived, random);
  end_watch(lived);
  step_ = Step::Check;
  wait_after(watch_failures_, &error, random);
  return began(error.kind);
}

Report WatchMachine::watch_refused(const Error& error, Lived lived, std::uint32_t random) {
  if (lived >= kStable) watch_failures_ = 0;
  step_ = Step::List;
  version_.clear();
  // After a long quiet time the version may be too old: list again at once.
  if (error.kind == ErrorKind::Gone && watch_failures_ == 0) {
    watch_failures_ = 1;
    delay_ = {};
    return Report::Nothing;
  }
  wait_after(watch_failures_, &error, random);
  return began(error.kind);
}

bool WatchMachine::end_watch(Lived lived) {
  const bool moved = std::exchange(has_moved_, false);
  if (moved || lived >= kStable) watch_failures_ = 0;
  return moved;
}

void WatchMachine::wait_after(std::uint32_t& failures, const Error* error, std::uint32_t random) {
  delay_ = kBackoff.jittered(failures, random);
  if (error && error->retry_after && *error->retry_after > std::chrono::seconds(0)) {
    delay_ = std::min<std::chrono::milliseconds>(*error->retry_after, kMaxRetryAfter);
  }
  if (failures < std::numeric_limits<std::uint32_t>::max()) ++failures;
}

Report WatchMachine::began(ErrorKind kind) {
  const auto bit = 1U << static_cast<unsigned>(kind);
  if (reported_ & bit) return Report::Nothing;
  reported_ |= bit;
  return Report::Began;
}

Report WatchMachine::over() {
  return std::exchange(reported_, 0) != 0 ? Report::Over : Report::Nothing;
}

}  // namespace apitoken::kube
