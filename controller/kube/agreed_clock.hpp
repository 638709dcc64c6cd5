// AgreedClock: the wall time on which this machine and the API server agree. The whole operator
// reads its time here. The transport reports the Date header of each answer, so that a jump of
// either clock cannot expire, mint or delete anything by mistake:
// - If both clocks agree within kPrecision, the agreed time is the machine's.
// - If they differ by no more than the tolerance, it is the machine's time moved by the difference.
// - If they differ by more, one of them is wrong and nobody can tell which. The agreed time then
//   continues from the last agreement by the steady clock (before any agreement: from the server's
//   Date), and doubt() forbids minting, rotating and deleting.
// The agreed time never goes back by less than the tolerance, so an expired token stays expired.
// Thread-safe; sends no requests.
#pragma once

#include <optional>

#include "base/mutex.hpp"
#include "kube/answer_listener.hpp"

namespace apitoken::kube {

class AgreedClock final : public Clock, public AnswerListener {
 public:
  static constexpr Seconds kPrecision{2};
  // The Date of an answer that took longer is too imprecise to use.
  static constexpr Seconds kMaxRoundTrip{10};

  // `machine` outlives it.
  AgreedClock(const Clock& machine, Seconds tolerance) : machine_(machine), tolerance_(tolerance) {}

  std::chrono::system_clock::time_point wall_precise() const override;
  SteadyTime steady() const override { return machine_.steady(); }
  void wait(std::condition_variable_any& cv, std::unique_lock<std::mutex>& lock,
            std::stop_token stop, SteadyTime deadline) const override {
    machine_.wait(cv, lock, std::move(stop), deadline);
  }

  void answered(const AnswerHead& head) override;

  // How far the machine's clock is ahead of the server's; negative if it is behind; zero within
  // kPrecision. Empty before the first answer.
  std::optional<Seconds> skew() const;
  // The skew if it exceeds the tolerance: nothing may be minted, rotated or deleted now.
  std::optional<Seconds> doubt() const;

 private:
  using Time = std::chrono::system_clock::time_point;
  struct Reading {
    WallTime date;
    SteadyTime asked;
    SteadyTime came;
  };
  struct Agreement {
    Time wall;
    SteadyTime at;
  };
  // Both clocks of the machine at one instant.
  struct Now {
    Time wall;
    SteadyTime steady;
  };

  Now look() const { return {machine_.wall_precise(), machine_.steady()}; }
  std::optional<Time::duration> difference(const Now& now) const REQUIRES(mutex_);
  Time time_at(const Now& now) const REQUIRES(mutex_);

  const Clock& machine_;
  const Seconds tolerance_;
  mutable Mutex mutex_;
  std::optional<Reading> reading_ GUARDED_BY(mutex_);
  mutable std::optional<Agreement> agreement_ GUARDED_BY(mutex_);
  mutable Time latest_ GUARDED_BY(mutex_){};
};

}  // namespace apitoken::kube
