// LiveView: which ApiTokens must be read live before the next plan. A write whose outcome is
// unknown (its answer was lost) or that met another version than planned leaves the stores in
// doubt: planning from them could mint over a value that people have fetched already. Gatherer and
// Executor share it, on any worker thread; it holds no value.
#pragma once

#include <mutex>
#include <set>

#include "kube/client.hpp"
#include "reconcile/own_writes.hpp"
#include "reconcile/stores.hpp"

namespace apitoken::reconcile {

class LiveView {
 public:
  LiveView(kube::Client& client, Stores& stores, OwnWrites& own_writes)
      : client_(client), stores_(stores), own_writes_(own_writes) {}

  // A write about this ApiToken failed with `kind`. Kinds that prove that nothing was written
  // change nothing.
  void write_failed(const api::ObjectKey& token, ErrorKind kind);

  // Before planning: if the stores are in doubt about `token`, reads it and its Secret live into
  // them. Conflict: more than the status differs, so the watch has to bring it. Other errors are
  // those of reading.
  Status settle(const api::ApiToken& token, std::stop_token stop);

  // Before minting into a Secret that is there: Conflict unless the ApiToken still is at this
  // version. The Secret's own version is a precondition of its patch; nothing else keeps a stale
  // view of the ApiToken from minting over the value that its newer status publishes.
  Status confirm(const api::ObjectMeta& token, std::stop_token stop);

 private:
  Status read_token(const api::ApiToken& known, std::stop_token stop);
  Status read_secret(const api::ApiToken& token, std::stop_token stop);
  // A LIST by name, which needs no right that the watch does not need. The items' JSON, at most
  // one.
  Result<std::string> list_one(const api::ObjectKey& token, std::string_view accept,
                               std::stop_token stop);

  kube::Client& client_;
  Stores& stores_;
  OwnWrites& own_writes_;
  mutable std::mutex mutex_;
  std::set<api::ObjectKey> doubtful_;  // guarded by mutex_
};

}  // namespace apitoken::reconcile
