// AgreedClock: the wall time on which this machine and the API server agree. Each answer's Date is
// a second opinion; a clock that jumps, on either side, changes nothing that cannot be undone:
// - While both agree within kPrecision, it is the machine's time.
// - While they differ by no more than the tolerance, it is the machine's time moved to where the
// server's may be.
// - Beyond the tolerance nobody can tell which one is wrong. Then time goes on from the last
// instant of agreement by
//   the steady clock (before any agreement it is the server's), and is_in_doubt() forbids what
//   cannot be undone.
// It never goes back by less than the tolerance: a token that has expired stays so. All of the
// operator takes its time here; thread-safe. It asks nobody for anything: the transport tells of
// answers.
#pragma once

#include <mutex>
#include <optional>

#include "kube/answer_listener.hpp"

namespace apitoken::kube {

class AgreedClock final : public Clock, public AnswerListener {
 public:
  static constexpr Seconds kPrecision{2};
  static constexpr Seconds kMaxRoundTrip{
      10};  // an answer that took longer says too little about its time

  // `machine` outlives it.
  AgreedClock(const Clock& machine, Seconds tolerance) : machine_(machine), tolerance_(tolerance) {}

  std::chrono::system_clock::time_point wall_precise() const override;
  SteadyTime steady() const override { return machine_.steady(); }
  void wait(std::condition_variable_any& cv, std::unique_lock<std::mutex>& lock,
            std::stop_token stop, SteadyTime deadline) const override {
    machine_.wait(cv, lock, std::move(stop), deadline);
  }

  void answered(const AnswerHead& head) override;

  // How far the machine's clock is ahead of the server's, negative if it is behind; zero within
  // what a Date can tell. Nothing before the first answer.
  std::optional<Seconds> skew() const;
  // The skew, if it is beyond the tolerance: nothing may be minted, rotated or deleted now.
  std::optional<Seconds> doubt() const;
  // When the server was last heard.
  std::optional<SteadyTime> last_answer() const;

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
  // The caller holds mutex_.
  std::optional<Time::duration> difference(const Now& now) const;
  Time time_at(const Now& now) const;

  const Clock& machine_;
  const Seconds tolerance_;
  mutable std::mutex mutex_;
  // All below are guarded by mutex_.
  std::optional<Reading> reading_;
  mutable std::optional<Agreement> agreement_;
  mutable Time latest_{};
};

}  // namespace apitoken::kube
