// DuplicateHashes: reports that the statuses of two ApiTokens claim one token hash, which happens
// only if a status was copied. The older object keeps the hash (see verify::TokenIndex); a Warning
// Event and a log line name both. Workers call it in each pass. Thread-safe; no I/O.
#pragma once

#include <set>
#include <string>

#include "base/mutex.hpp"
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
  bool is_new(const std::string& fact);

  const verify::TokenIndex& index_;
  notify::Dispatcher& dispatcher_;
  Mutex mutex_;
  std::set<std::string> reported_ GUARDED_BY(mutex_);
};

}  // namespace apitoken::reconcile
