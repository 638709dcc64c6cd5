// ConfigTable: the TokenExpiryConfigs of the store, parsed once. The reflector's thread rebuilds it
// after a change; workers and the dispatcher read a snapshot. Thread-safe.
#pragma once

#include <memory>
#include <vector>

#include "base/mutex.hpp"
#include "core/expiry_config.hpp"
#include "reconcile/stores.hpp"

namespace apitoken::reconcile {

using ConfigList = std::vector<core::ExpiryConfig>;

class ConfigTable {
 public:
  // Parses all configs of `stores` again.
  void rebuild(const Stores& stores);
  // Never null; immutable.
  std::shared_ptr<const ConfigList> snapshot() const;

 private:
  mutable Mutex mutex_;
  std::shared_ptr<const ConfigList> list_ GUARDED_BY(mutex_) = std::make_shared<const ConfigList>();
};

// Null if `list` has no config of that name.
const core::ExpiryConfig* find_config(const ConfigList& list, std::string_view name);

// The configs of `list` that apply to `token`; valid while `list` lives.
std::vector<const core::ExpiryConfig*> matching(const ConfigList& list, const api::ApiToken& token,
                                                const Stores& stores);

}  // namespace apitoken::reconcile
