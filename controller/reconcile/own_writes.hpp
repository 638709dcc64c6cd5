// OwnWrites: which versions of which Secrets are known to hold the value that we wrote, and
// Secrets met unwatched of the watch. Workers on any thread; thread-safe; no I/O. It holds no value
// and no hash.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "api/secret.hpp"
#include "kube/client.hpp"

namespace apitoken::reconcile {

class OwnWrites {
 public:
  // The Secret was written by us, or read and found to hold our value, at this version.
  void record(const api::ObjectMeta& secret);
  // Trusted: this version. Nothing: never seen by this process, so that its managedFields have to
  // tell.
  std::optional<bool> is_ours(const api::ObjectMeta& secret) const;
  void forget(const std::string& uid);

  // A Secret that the watch does not show (somebody else's, or one that lost our label), for the
  // next pass of its name.
  void found_unwatched(api::SecretMeta secret);
  std::optional<api::SecretMeta> take_unwatched(const api::ObjectKey& key);

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string, std::less<>> versions_;  // by uid; guarded by mutex_
  std::map<api::ObjectKey, api::SecretMeta> unwatched_;       // guarded by mutex_
};

// Asks the API server for such a Secret, and hands it to found_unwatched(). That there is none is
// no error; errors are those of the client.
Status look_for_unwatched(OwnWrites& own_writes, kube::Client& client, const api::ObjectKey& key,
                          std::stop_token stop);

}  // namespace apitoken::reconcile
