// OwnWrites: the versions of Secrets that are known to hold the value that we wrote, and Secrets
// that the watch does not show. Workers call it on any thread. Thread-safe; no I/O. It holds no
// value and no hash.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "api/secret.hpp"
#include "base/mutex.hpp"
#include "kube/client.hpp"

namespace apitoken::reconcile {

class OwnWrites {
 public:
  // Call it if we wrote this version of the Secret, or read it and found our value.
  void record(const api::ObjectMeta& secret);
  // Whether we wrote this version. Empty if this process has not seen the Secret yet; its
  // managedFields then show the writer.
  std::optional<bool> is_ours(const api::ObjectMeta& secret) const;
  void remove(const std::string& uid);

  // Keeps a Secret that the watch does not show, because it is somebody else's or lost our label,
  // for the next pass over its name; take_unwatched() removes it.
  void found_unwatched(api::SecretMeta secret);
  std::optional<api::SecretMeta> take_unwatched(const api::ObjectKey& key);

 private:
  mutable Mutex mutex_;
  std::map<std::string, std::string, std::less<>> versions_ GUARDED_BY(mutex_);  // by uid
  std::map<api::ObjectKey, api::SecretMeta> unwatched_ GUARDED_BY(mutex_);
};

// Reads a Secret that the watch may not show, and passes it to found_unwatched(). A missing Secret
// is not an error. Errors: those of the client.
Status look_for_unwatched(OwnWrites& own_writes, kube::Client& client, const api::ObjectKey& key,
                          std::stop_token stop);

}  // namespace apitoken::reconcile
