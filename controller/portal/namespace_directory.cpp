// Lists namespaces, and remembers their names for a minute.
#include "portal/namespace_directory.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "kube/cpprest_transport.hpp"
#include "kube/resource.hpp"

namespace apitoken::portal {

NamespaceDirectory::NamespaceDirectory(std::unique_ptr<kube::Credentials> credentials,
                                       kube::RequestObserver& observer, const Clock& clock)
    : credentials_(std::move(credentials)),
      transport_(kube::make_cpprest_transport(*credentials_, "apitoken-portal")),
      client_(*transport_, observer),
      clock_(clock) {}

std::vector<std::string> NamespaceDirectory::names(const std::stop_token& stop) {
  {
    const MutexLock lock(mutex_);
    if (clock_.steady() < ask_at_) return names_;
    ask_at_ = clock_.steady() + kFresh;
  }
  auto listed = list(stop);
  if (listed) {
    failure_log_.succeeded();
  } else {
    failure_log_.failed(listed.error());
  }
  const MutexLock lock(mutex_);
  if (listed) names_ = std::move(*listed);
  return names_;
}

Result<std::vector<std::string>> NamespaceDirectory::list(const std::stop_token& stop) {
  std::vector<std::string> names;
  std::string next;
  do {
    auto query = std::string("limit=500");
    if (!next.empty()) query += "&continue=" + kube::percent_encode(next);
    const auto page =
        TRY(client_.list(kube::resources::kNamespaces, "", query, kube::kMetadataListAccept, stop));
    const auto document = nlohmann::json::parse(page, nullptr, false);
    if (!document.is_object()) return fail(ErrorKind::Decode, "the list of namespaces is no JSON");
    for (const auto& item : document.value("items", nlohmann::json::array())) {
      auto name = item.value("metadata", nlohmann::json::object()).value("name", "");
      if (!name.empty()) names.push_back(std::move(name));
    }
    next = document.value("metadata", nlohmann::json::object()).value("continue", "");
  } while (!next.empty());
  return names;
}

}  // namespace apitoken::portal
