// Parses all TokenExpiryConfigs once, and finds those that apply to a token.
#include "reconcile/config_table.hpp"

#include <algorithm>

namespace apitoken::reconcile {

void ConfigTable::rebuild(const Stores& stores) {
  ConfigList list;
  for (const auto& config : stores.configs.all()) {
    if (!config->meta.deleted) list.push_back(core::read_config(*config));
  }
  auto shared = std::make_shared<const ConfigList>(std::move(list));
  MutexLock lock(mutex_);
  list_ = std::move(shared);
}

std::shared_ptr<const ConfigList> ConfigTable::snapshot() const {
  MutexLock lock(mutex_);
  return list_;
}

const core::ExpiryConfig* find_config(const ConfigList& list, std::string_view name) {
  const auto found = std::ranges::find(list, name, &core::ExpiryConfig::name);
  return found == list.end() ? nullptr : &*found;
}

std::vector<const core::ExpiryConfig*> matching(const ConfigList& list, const api::ApiToken& token,
                                                const Stores& stores) {
  std::vector<const core::ExpiryConfig*> result;
  if (list.empty()) return result;
  const auto ns = stores.namespaces.get({"", token.meta.ns});
  const api::StringMap none;
  for (const core::ExpiryConfig& config : list) {
    if (core::applies(config, token.meta.labels, ns ? ns->meta.labels : none))
      result.push_back(&config);
  }
  return result;
}

}  // namespace apitoken::reconcile
