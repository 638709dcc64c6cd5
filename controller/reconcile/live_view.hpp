// LiveView: reads ApiTokens from the API server if the stores may be wrong about them. After a
// write of unknown result (its answer was lost), or one that met another version than planned, a
// plan made from the stores could mint over a value that people have fetched already. Gatherer and
// Executor share it, on the workers' threads. It holds no value.
#pragma once

#include <atomic>
#include <set>

#include "base/mutex.hpp"
#include "kube/client.hpp"
#include "reconcile/own_writes.hpp"
#include "reconcile/stores.hpp"

namespace apitoken::reconcile {

class LiveView {
 public:
  LiveView(kube::Client& client, Stores& stores, OwnWrites& own_writes)
      : client_(client), stores_(stores), own_writes_(own_writes) {}

  // While one exists, a new hash is being written to a status: readers of the API server may see it
  // before the stores have it.
  class Publishing {
   public:
    explicit Publishing(LiveView& live) : live_(live) { ++live_.unsure_; }
    ~Publishing() { --live_.unsure_; }
    Publishing(const Publishing&) = delete;
    Publishing& operator=(const Publishing&) = delete;

   private:
    LiveView& live_;
  };

  // Whether the API server may show a value whose hash the stores lack: while one is published, and
  // after a write of unknown result. Any thread; takes no lock.
  bool may_lack_a_value() const { return unsure_ > 0; }

  // Call it if a write for this ApiToken failed with `kind`. It marks the token as doubtful, unless
  // `kind` proves that nothing was written.
  void write_failed(const api::ObjectKey& token, ErrorKind kind);

  // The ApiToken is gone.
  void remove(const api::ObjectKey& token);

  // Call it before planning. If `token` is doubtful, reads it and its Secret into the stores.
  // Errors: Conflict if more than the status differs, so that the watch must bring the change;
  // those of reading.
  Status refresh_if_doubtful(const api::ApiToken& token, std::stop_token stop);

  // Call it before a value is replaced or a Secret deleted. Errors: Conflict if the ApiToken is no
  // longer at this version.
  // The write itself checks the Secret's version only, and the watches of the two kinds come at
  // different times: with a stale ApiToken, it could replace or delete the value that a newer
  // status publishes.
  Status confirm(const api::ObjectMeta& token, std::stop_token stop);

  // status.encryptedValue of the ApiToken, which the stores leave out. Errors: Conflict if the
  // ApiToken is no longer at this version, or has no such value.
  Result<std::string> encrypted_value(const api::ObjectMeta& token, std::stop_token stop);

 private:
  Status read_token(const api::ApiToken& known, std::stop_token stop);
  Status read_secret(const api::ApiToken& token, std::stop_token stop);
  // The JSON of a LIST by name, with at most one item. It needs no permission beyond the watch's.
  Result<std::string> list_one(const api::ObjectKey& token, std::string_view accept,
                               std::stop_token stop);

  kube::Client& client_;
  Stores& stores_;
  OwnWrites& own_writes_;
  mutable Mutex mutex_;
  std::set<api::ObjectKey> doubtful_ GUARDED_BY(mutex_);
  std::atomic<std::size_t> unsure_ = 0;  // doubtful_, and every Publishing
};

}  // namespace apitoken::reconcile
