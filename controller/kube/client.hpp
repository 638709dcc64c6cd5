// Client: the verbs of the Kubernetes API over a Transport. It turns every unsuccessful answer into
// an Error that names verb and resource, counts requests, and limits how many are in flight.
// Workers, reflectors and the leader election call it on any thread. It never retries and reads no
// clock.
#pragma once

#include <functional>

#include "api/meta.hpp"
#include "kube/request_limit.hpp"
#include "kube/resource.hpp"
#include "kube/transport.hpp"

namespace apitoken::kube {

inline constexpr std::string_view kJsonAccept = "application/json";
// Metadata instead of whole objects:
// https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches
inline constexpr std::string_view kMetadataAccept =
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
inline constexpr std::string_view kMetadataListAccept =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

class RequestObserver {
 public:
  virtual ~RequestObserver() = default;
  // Called once per finished request, on any thread. `method` is "GET" and so on; `code` is the
  // status, or "<error>" if there was no answer.
  virtual void request_done(std::string_view method, std::string_view code) = 0;
};

class Client {
 public:
  static constexpr int kMaxInFlight = 64;  // not counting watches

  // Both outlive the client. `write_query` is appended to every create, patch and update; it names
  // the field manager and the field validation.
  Client(Transport& transport, RequestObserver& observer,
         std::string write_query = operator_query());

  // Each returns the body of a 2xx answer. Errors: by status (see error_of), and the transport's.
  Result<std::string> get(const Resource& resource, const api::ObjectKey& key, std::stop_token stop,
                          std::string_view accept = kJsonAccept);
  Result<std::string> create(const Resource& resource, std::string_view ns, std::string_view body,
                             std::stop_token stop, std::string_view accept = kJsonAccept);
  Result<std::string> merge_patch(const Resource& resource, const api::ObjectKey& key,
                                  std::string_view subresource, std::string_view body,
                                  std::stop_token stop, std::string_view accept = kJsonAccept);
  Result<std::string> update(const Resource& resource, const api::ObjectKey& key,
                             std::string_view body, std::stop_token stop);
  // Deletes with background propagation. Only the object with this uid and, unless it is empty,
  // this resourceVersion is deleted.
  Status remove(const Resource& resource, const api::ObjectKey& key, std::string_view uid,
                std::string_view resource_version, std::stop_token stop);

  // `query` is percent-encoded and has no question mark: "limit=500&labelSelector=a%3Db".
  Result<std::string> list(const Resource& resource, std::string_view ns, std::string_view query,
                           std::string_view accept, std::stop_token stop);
  // Adds `watch=true` to `query` and passes the stream's bytes to `receive` on this thread;
  // `receive` returns false to end the stream. See Transport::stream for when this returns.
  Result<HttpResponse> watch(const Resource& resource, std::string_view ns, std::string_view query,
                             std::string_view accept, std::stop_token stop,
                             const std::function<bool(std::string_view)>& receive);

 private:
  static std::string operator_query();
  struct Call;
  Result<std::string> send(const Call& call, HttpRequest request, std::stop_token stop);
  Result<HttpResponse> check_status(const Call& call, Method method, Result<HttpResponse> answer);

  Transport& transport_;
  RequestObserver& observer_;
  const std::string write_query_;
  RequestLimit limit_{kMaxInFlight};
};

// The Error for an answer outside of 2xx. Its message is `what` (verb and object, for example
// "create secrets in team-a") followed by the server's message.
Error error_of(const HttpResponse& response, std::string_view what);

}  // namespace apitoken::kube
