// Reads TokenExpiryConfigs and labels of namespaces.
#include "portal/settings.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "api/token_expiry_config.hpp"
#include "base/duration.hpp"
#include "base/rfc3339.hpp"

namespace apitoken::portal {
namespace {

constexpr int kPageSize = 500;

// Calls `take` for each object of all pages.
Expected<void> for_each(Viewer& viewer, const kube::Resource& resource, std::string_view accept,
                        const std::stop_token& stop, const std::function<void(api::Json)>& take) {
  std::string next;
  do {
    std::string query = fmt::format("limit={}", kPageSize);
    if (!next.empty()) query += "&continue=" + kube::percent_encode(next);
    const auto page = viewer.upstream().list(resource, "", query, stop, accept);
    if (!page) return refuse(page.error());
    api::JsonParser parser;
    const auto root = parser.parse(*page);
    if (!root) return refuse(problem_of(root.error()));
    for (const api::Json item : api::read_array(*root, "items")) take(item);
    const auto meta = api::member(*root, "metadata");
    next = meta ? api::read_string(*meta, "continue", "").value_or("") : "";
  } while (!next.empty());
  return {};
}

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
  auto read = for_each(viewer, kube::resources::kTokenExpiryConfigs, kube::kJsonAccept, stop,
                       [&](api::Json item) {
                         if (const auto config = api::decode_token_expiry_config(item))
                           settings.configs_.push_back(core::read_config(*config));
                       });
  if (!read) return refuse(std::move(read.error()));
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
  const auto body =
      viewer.upstream().get(kube::resources::kNamespaces, {"", ns}, stop, kube::kMetadataAccept);
  if (!body) return refuse(body.error());
  api::JsonParser parser;
  const auto object = parser.parse(*body);
  if (!object) return refuse(problem_of(object.error()));
  const auto meta = api::decode_meta(*object);
  if (!meta) return refuse(problem_of(meta.error()));
  return meta->labels;
}

Expected<std::map<std::string, api::StringMap>> read_all_namespace_labels(Viewer& viewer,
                                                                          std::stop_token stop) {
  std::map<std::string, api::StringMap> labels;
  auto read = for_each(viewer, kube::resources::kNamespaces, kube::kMetadataListAccept, stop,
                       [&](api::Json item) {
                         if (auto meta = api::decode_meta(item))
                           labels[meta->name] = std::move(meta->labels);
                       });
  if (!read) return refuse(std::move(read.error()));
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
