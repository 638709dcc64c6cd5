// The verbs that the portal uses.
#include "portal/upstream.hpp"

#include <fmt/format.h>

#include "kube/resource.hpp"

namespace apitoken::portal {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kMergePatch = "application/merge-patch+json";

}  // namespace

// Strict: a cluster that is too old for a field refuses it, instead of dropping it silently.
std::string Upstream::write_query(bool dry_run) const {
  return "?fieldManager=" + program_ + "&fieldValidation=Strict" + (dry_run ? "&dryRun=All" : "");
}

Expected<std::string> Upstream::send(kube::HttpRequest request, std::string_view ns,
                                     std::stop_token stop) {
  const auto asked = std::chrono::steady_clock::now();
  auto answer = transport_.send(request, std::move(stop));
  observer_.request_took(std::chrono::steady_clock::now() - asked);
  observer_.request_done(kube::to_string(request.method),
                         answer ? std::to_string(answer->status) : "<error>");
  if (answer && answer->status >= 200 && answer->status < 300) return std::move(answer->body);
  auto problem = answer ? problem_of(answer->status, answer->body, answer->retry_after)
                        : problem_of(answer.error());
  problem.ns = ns;
  return refuse(std::move(problem));
}

Expected<std::string> Upstream::get(const kube::Resource& resource, const api::ObjectKey& key,
                                    std::stop_token stop, std::string_view accept) {
  return send({.target = kube::path_of(resource, key.ns, key.name), .accept = std::string(accept)},
              key.ns, std::move(stop));
}

Expected<std::string> Upstream::list(const kube::Resource& resource, std::string_view ns,
                                     std::string_view query, std::stop_token stop,
                                     std::string_view accept) {
  return send({.target = kube::path_of(resource, ns).append("?").append(query),
               .accept = std::string(accept)},
              ns, std::move(stop));
}

Expected<void> Upstream::for_each(const kube::Resource& resource, std::string_view ns,
                                  const std::stop_token& stop, std::string_view accept,
                                  const std::function<bool(api::Json object)>& take) {
  std::string next;
  do {
    std::string query = fmt::format("limit={}", kPageSize);
    if (!next.empty()) query += "&continue=" + kube::percent_encode(next);
    const auto page = TRY(list(resource, ns, query, stop, accept));
    api::JsonParser parser;
    const auto root = parser.parse(page);
    if (!root) return refuse(problem_of(root.error()));
    for (const api::Json item : api::read_array(*root, "items")) {
      if (!take(item)) return {};
    }
    const auto meta = api::member(*root, "metadata");
    next = meta ? api::read_string(*meta, "continue", "").value_or("") : "";
  } while (!next.empty());
  return {};
}

Expected<std::string> Upstream::create(const kube::Resource& resource, std::string_view ns,
                                       std::string_view body, std::stop_token stop, bool dry_run) {
  return send({.method = kube::Method::Post,
               .target = kube::path_of(resource, ns) + write_query(dry_run),
               .content_type = std::string(kJson),
               .body = body},
              ns, std::move(stop));
}

Expected<std::string> Upstream::merge_patch(const kube::Resource& resource,
                                            const api::ObjectKey& key, std::string_view body,
                                            std::stop_token stop) {
  return send({.method = kube::Method::Patch,
               .target = kube::path_of(resource, key.ns, key.name) + write_query(false),
               .content_type = std::string(kMergePatch),
               .body = body},
              key.ns, std::move(stop));
}

Expected<std::string> Upstream::update(const kube::Resource& resource, const api::ObjectKey& key,
                                       std::string_view body, std::stop_token stop) {
  return send({.method = kube::Method::Put,
               .target = kube::path_of(resource, key.ns, key.name) + write_query(false),
               .content_type = std::string(kJson),
               .body = body},
              key.ns, std::move(stop));
}

Expected<void> Upstream::remove(const kube::Resource& resource, const api::ObjectKey& key,
                                std::string_view uid, std::stop_token stop) {
  const auto options = dump(nlohmann::json{{"apiVersion", "v1"},
                                           {"kind", "DeleteOptions"},
                                           {"propagationPolicy", "Background"},
                                           {"preconditions", {{"uid", uid}}}});
  TRY(send({.method = kube::Method::Delete,
            .target = kube::path_of(resource, key.ns, key.name),
            .accept = std::string(kube::kMetadataAccept) + ",application/json",
            .content_type = std::string(kJson),
            .body = options},
           key.ns, std::move(stop)));
  return {};
}

Expected<std::string> Upstream::get_path(std::string target, std::stop_token stop) {
  return send({.target = std::move(target)}, "", std::move(stop));
}

}  // namespace apitoken::portal
