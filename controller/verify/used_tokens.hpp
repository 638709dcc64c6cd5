// UsedTokens: remembers which tokens were used since their status last said so. The HTTPS threads
// note uses; while this replica leads, reconcile/last_use_writer takes and writes them. A follower
// keeps its notes until it leads. Thread-safe; no I/O.
#pragma once

#include <condition_variable>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_map>

#include "api/api_token.hpp"
#include "base/clock.hpp"
#include "base/mutex.hpp"

namespace apitoken::verify {

class UsedTokens {
 public:
  static constexpr std::chrono::minutes kEvery{10};    // uses closer to the status's are not noted
  static constexpr std::size_t kMaxPending = 100'000;  // tokens; further uses are not noted

  struct Use {
    std::string uid;
    api::ObjectKey key;
    WallTime when{};
  };

  // Whether the status says that the token was used at `when`, or less than kEvery before.
  static bool is_recorded(const api::ApiToken& token, WallTime when);

  // Any thread; quick.
  void note(const api::ApiToken& token, WallTime when);

  // Waits for a use and takes it. Empty once `stop` is requested.
  std::optional<Use> take(const std::stop_token& stop);
  // Returns a use that was taken and could not be written; a later use of the token replaces it.
  void put_back(Use use);

  std::size_t pending() const;

 private:
  struct Noted {
    api::ObjectKey key;
    WallTime when{};
  };

  mutable Mutex mutex_;
  std::condition_variable_any noted_;
  std::unordered_map<std::string, Noted> pending_ GUARDED_BY(mutex_);  // by uid
};

}  // namespace apitoken::verify
