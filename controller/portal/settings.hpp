// The TokenExpiryConfigs and labels of namespaces that a viewer may read, for what is computed from
// them: warnings of a token, ceilings, the preview of settings. Workers' threads.
#pragma once

#include <map>

#include "core/warnings.hpp"
#include "portal/viewer.hpp"

namespace apitoken::portal {

class Settings {
 public:
  // All configs, as the viewer. Errors: 403 as a rule.
  static Expected<Settings> read(Viewer& viewer, std::stop_token stop);

  const std::vector<core::ExpiryConfig>& configs() const { return configs_; }
  // Puts a config in the place of the one of its name, or adds it.
  void replace(core::ExpiryConfig config);
  // The namespaces' labels decide whether some config applies.
  bool asks_for_namespaces() const;

 private:
  std::vector<core::ExpiryConfig> configs_;
};

// Labels of one namespace. Errors: 403 where the viewer may not read it.
Expected<api::StringMap> read_namespace_labels(Viewer& viewer, const std::string& ns,
                                               std::stop_token stop);
// Of all namespaces, by name.
Expected<std::map<std::string, api::StringMap>> read_all_namespace_labels(Viewer& viewer,
                                                                          std::stop_token stop);

nlohmann::json to_json(const core::Warning& warning);
nlohmann::json to_json(const std::vector<core::Warning>& warnings);

}  // namespace apitoken::portal
