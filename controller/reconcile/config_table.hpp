// ConfigTable: the TokenExpiryConfigs of the store, each read once. The reflector's thread rebuilds
// it on a change; workers and the dispatcher read a snapshot. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "core/expiry_config.hpp"
#include "reconcile/stores.hpp"

namespace apitoken::reconcile {

using ConfigList = std::vector<core::ExpiryConfig>;

class ConfigTable {
 public:
  // Reads all configs of `stores` anew.
  void rebuild(const Stores& stores);
  // Never null; immutable.
  std::shared_ptr<const ConfigList> snapshot() const;

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const ConfigList> list_ =
      std::make_shared<const ConfigList>();  // guarded by mutex_
};

const core::ExpiryConfig* find_config(const ConfigList& list, std::string_view name);

bool matches(const core::ExpiryConfig& config, const api::ApiToken& token, const Stores& stores);

// Those of `list` that apply to `token`; valid while `list` lives.
std::vector<const core::ExpiryConfig*> matching(const ConfigList& list, const api::ApiToken& token,
                                                const Stores& stores);

}  // namespace apitoken::reconcile
