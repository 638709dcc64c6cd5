// DuplicateHashes: says that the statuses of two ApiTokens claim one token hash, which only a
// copied status can bring about. The older object keeps the hash (see verify::TokenIndex); a
// Warning Event and the log name both. Workers ask on each pass, on any thread; thread-safe; no
// I/O.
#pragma once

#include <mutex>
#include <set>
#include <string>

#include "notify/dispatcher.hpp"
#include "verify/token_index.hpp"

namespace apitoken::reconcile {

class DuplicateHashes {
 public:
  // Both outlive it.
  DuplicateHashes(const verify::TokenIndex& index, notify::Dispatcher& dispatcher)
      : index_(index), dispatcher_(dispatcher) {}

  // Reports each other ApiToken that claims a hash of this one, once.
  void look_for(const api::ApiToken& token);

 private:
  void look_for(const std::string& hash);
  void report(const api::ApiToken& older, const api::ApiToken& younger, const std::string& hash);
  bool is_news(const std::string& fact);

  const verify::TokenIndex& index_;
  notify::Dispatcher& dispatcher_;
  std::mutex mutex_;
  std::set<std::string> reported_;  // guarded by mutex_
};

}  // namespace apitoken::reconcile
