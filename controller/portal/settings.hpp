// Settings: the TokenExpiryConfigs and labels of namespaces that a viewer may read. Warnings of a
// token, ceilings and the preview are computed from them. Workers' threads.
#pragma once

#include <map>

#include "core/warnings.hpp"
#include "portal/viewer.hpp"

namespace apitoken::portal {

class Settings {
 public:
  // All configs, read as the viewer. Errors: usually 403.
  static Expected<Settings> read(Viewer& viewer, std::stop_token stop);

  const std::vector<core::ExpiryConfig>& configs() const { return configs_; }
  // Puts a config in the place of the one of its name, or adds it.
  void replace(core::ExpiryConfig config);
  // Whether some config applies depends on labels of namespaces.
  bool asks_for_namespaces() const;

 private:
  std::vector<core::ExpiryConfig> configs_;
};

// Labels of one namespace. Errors: 403 if the viewer may not read it.
Expected<api::StringMap> read_namespace_labels(Viewer& viewer, const std::string& ns,
                                               std::stop_token stop);
// Of all namespaces, by name.
Expected<std::map<std::string, api::StringMap>> read_all_namespace_labels(Viewer& viewer,
                                                                          std::stop_token stop);

nlohmann::json to_json(const core::Warning& warning);
nlohmann::json to_json(const std::vector<core::Warning>& warnings);

}  // namespace apitoken::portal
