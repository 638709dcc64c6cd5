// Reads TokenExpiryConfigs and labels of namespaces.
#include "portal/settings.hpp"

#include <algorithm>

#include "api/token_expiry_config.hpp"
#include "base/duration.hpp"
#include "base/rfc3339.hpp"

namespace apitoken::portal {
namespace {

const char* to_text(core::Warning::State state) {
  switch (state) {
    case core::Warning::State::Done:
      return "done";
    case core::Warning::State::Due:
      return "due";
    case core::Warning::State::Future:
      break;
  }
  return "future";
}

}  // namespace

Expected<Settings> Settings::read(Viewer& viewer, std::stop_token stop) {
  Settings settings;
  const auto take = [&](api::Json item) {
    if (const auto config = api::decode_token_expiry_config(item))
      settings.configs_.push_back(core::read_config(*config));
    return true;
  };
  TRY(viewer.upstream().for_each(kube::resources::kTokenExpiryConfigs, "", stop, kube::kJsonAccept,
                                 take));
  return settings;
}

void Settings::replace(core::ExpiryConfig config) {
  const auto found = std::ranges::find(configs_, config.name, &core::ExpiryConfig::name);
  if (found == configs_.end()) {
    configs_.push_back(std::move(config));
  } else {
    *found = std::move(config);
  }
}

bool Settings::asks_for_namespaces() const {
  return std::ranges::any_of(
      configs_, [](const auto& config) { return config.namespace_selector.has_value(); });
}

Expected<api::StringMap> read_namespace_labels(Viewer& viewer, const std::string& ns,
                                               std::stop_token stop) {
  const auto body = TRY(
      viewer.upstream().get(kube::resources::kNamespaces, {"", ns}, stop, kube::kMetadataAccept));
  return TRY(decode_answer(body, api::decode_meta)).labels;
}

Expected<std::map<std::string, api::StringMap>> read_all_namespace_labels(Viewer& viewer,
                                                                          std::stop_token stop) {
  std::map<std::string, api::StringMap> labels;
  const auto take = [&](api::Json item) {
    if (auto meta = api::decode_meta(item)) labels[meta->name] = std::move(meta->labels);
    return true;
  };
  TRY(viewer.upstream().for_each(kube::resources::kNamespaces, "", stop, kube::kMetadataListAccept,
                                 take));
  return labels;
}

nlohmann::json to_json(const core::Warning& warning) {
  auto recipients = warning.recipients;
  if (!warning.own_mail.empty() &&
      std::ranges::find(recipients, warning.own_mail) == recipients.end())
    recipients.push_back(warning.own_mail);
  return {{"at", format_rfc3339(warning.at)},
          {"config", warning.config},
          {"before", warning.before == Seconds(0) ? "" : format_duration_short(warning.before)},
          {"recipients", std::move(recipients)},
          {"toUser", !warning.own_mail.empty()},
          {"state", to_text(warning.state)}};
}

nlohmann::json to_json(const std::vector<core::Warning>& warnings) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& warning : warnings) list.push_back(to_json(warning));
  return list;
}

}  // namespace apitoken::portal
