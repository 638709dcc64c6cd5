// Sends the verbs of the Kubernetes API as HTTP requests, and counts them.
#include "kube/client.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace apitoken::kube {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kMergePatch = "application/merge-patch+json";

// Holds one place of the request limit while it lives.
class Turn {
 public:
  Turn(RequestLimit& limit, std::stop_token stop)
      : limit_(limit), taken_(limit.enter(std::move(stop))) {}
  ~Turn() {
    if (taken_) limit_.leave();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  explicit operator bool() const { return taken_; }

 private:
  RequestLimit& limit_;
  const bool taken_;
};

}  // namespace

// The request as messages describe it.
struct Client::Call {
  std::string_view verb;
  const Resource& resource;
  std::string_view ns;
  std::string_view name{};
  std::string_view subresource{};

  std::string text() const {
    std::string result = fmt::format("{} {}", verb, name_of(resource));
    if (!subresource.empty()) result.append("/").append(subresource);
    if (!name.empty()) result.append(" ").append(name);
    if (!ns.empty()) result.append(" in ").append(ns);
    return result;
  }
};

std::string Client::operator_query() { return fmt::format("fieldManager={}", api::kFieldManager); }

Client::Client(Transport& transport, RequestObserver& observer, std::string write_query)
    : transport_(transport), observer_(observer), write_query_(std::move(write_query)) {}

Result<HttpResponse> Client::check_status(const Call& call, Method method,
                                          Result<HttpResponse> answer) {
  observer_.request_done(to_string(method), answer ? std::to_string(answer->status) : "<error>");
  if (!answer) {
    answer.error().message = fmt::format("{}: {}", call.text(), answer.error().message);
    return answer;
  }
  if (answer->status < 200 || answer->status >= 300)
    return std::unexpected(error_of(*answer, call.text()));
  return answer;
}

Result<std::string> Client::send(const Call& call, HttpRequest request, std::stop_token stop) {
  const Turn turn(limit_, stop);
  if (!turn) return fail(ErrorKind::Canceled, fmt::format("{}: canceled", call.text()));
  auto answer = TRY(check_status(call, request.method, transport_.send(request, stop)));
  return std::move(answer.body);
}

Result<std::string> Client::get(const Resource& resource, const api::ObjectKey& key,
                                std::stop_token stop, std::string_view accept) {
  return send({"get", resource, key.ns, key.name},
              {.method = Method::Get,
               .target = path_of(resource, key.ns, key.name),
               .accept = std::string(accept)},
              std::move(stop));
}

Result<std::string> Client::create(const Resource& resource, std::string_view ns,
                                   std::string_view body, std::stop_token stop,
                                   std::string_view accept) {
  return send({"create", resource, ns},
              {.method = Method::Post,
               .target = path_of(resource, ns) + '?' + write_query_,
               .accept = std::string(accept),
               .content_type = std::string(kJson),
               .body = body},
              std::move(stop));
}

Result<std::string> Client::merge_patch(const Resource& resource, const api::ObjectKey& key,
                                        std::string_view subresource, std::string_view body,
                                        std::stop_token stop, std::string_view accept) {
  return send({"patch", resource, key.ns, key.name, subresource},
              {.method = Method::Patch,
               .target = path_of(resource, key.ns, key.name, subresource) + '?' + write_query_,
               .accept = std::string(accept),
               .content_type = std::string(kMergePatch),
               .body = body},
              std::move(stop));
}

Result<std::string> Client::update(const Resource& resource, const api::ObjectKey& key,
                                   std::string_view body, std::stop_token stop) {
  return send({"update", resource, key.ns, key.name},
              {.method = Method::Put,
               .target = path_of(resource, key.ns, key.name) + '?' + write_query_,
               .content_type = std::string(kJson),
               .body = body},
              std::move(stop));
}

Status Client::remove(const Resource& resource, const api::ObjectKey& key, std::string_view uid,
                      std::string_view resource_version, std::stop_token stop) {
  nlohmann::json options = {
      {"apiVersion", "v1"}, {"kind", "DeleteOptions"}, {"propagationPolicy", "Background"}};
  if (!uid.empty()) options["preconditions"]["uid"] = uid;
  if (!resource_version.empty()) options["preconditions"]["resourceVersion"] = resource_version;
  const std::string body = options.dump();
  const auto answer = send({"delete", resource, key.ns, key.name},
                           {.method = Method::Delete,
                            .target = path_of(resource, key.ns, key.name),
                            .accept = std::string(kMetadataAccept) + ",application/json",
                            .content_type = std::string(kJson),
                            .body = body},
                           std::move(stop));
  return answer ? Status{} : std::unexpected(answer.error());
}

Result<std::string> Client::list(const Resource& resource, std::string_view ns,
                                 std::string_view query, std::string_view accept,
                                 std::stop_token stop) {
  return send({"list", resource, ns},
              {.method = Method::Get,
               .target = path_of(resource, ns).append("?").append(query),
               .accept = std::string(accept)},
              std::move(stop));
}

Result<HttpResponse> Client::watch(const Resource& resource, std::string_view ns,
                                   std::string_view query, std::string_view accept,
                                   std::stop_token stop,
                                   const std::function<bool(std::string_view)>& receive) {
  const HttpRequest request{.method = Method::Get,
                            .target = path_of(resource, ns).append("?watch=true&").append(query),
                            .accept = std::string(accept)};
  return check_status({"watch", resource, ns}, Method::Get,
                      transport_.stream(request, std::move(stop), receive));
}

}  // namespace apitoken::kube
