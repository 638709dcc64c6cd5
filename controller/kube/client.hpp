// Client: the verbs of the Kubernetes API over a Transport. It turns every answer that is no
// success into an Error that says which verb on which resource failed, counts requests, and bounds
// how many are in flight. Workers, reflectors and the leader election call it, from any thread; it
// never retries and never reads a clock.
#pragma once

#include <functional>

#include "api/meta.hpp"
#include "kube/request_limit.hpp"
#include "kube/resource.hpp"
#include "kube/transport.hpp"

namespace apitoken::kube {

// Metadata alone instead of whole objects:
// https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches
inline constexpr std::string_view kJsonAccept = "application/json";
inline constexpr std::string_view kMetadataAccept =
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
inline constexpr std::string_view kMetadataListAccept =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

class RequestObserver {
 public:
  virtual ~RequestObserver() = default;
  // A request is over. `method` is "GET" and so on; `code` the status, or "<error>" where there was
  // no answer. Any thread.
  virtual void request_done(std::string_view method, std::string_view code) = 0;
};

class Client {
 public:
  static constexpr int kMaxInFlight = 64;  // watches apart

  // Both outlive the client. `write_query` goes with every create, patch and update: who writes,
  // and how strictly.
  Client(Transport& transport, RequestObserver& observer,
         std::string write_query = operator_query());

  // Each returns the body of a 2xx answer, else an Error by status (see error_of) or the
  // transport's own.
  Result<std::string> get(const Resource& resource, const api::ObjectKey& key, std::stop_token stop,
                          std::string_view accept = kJsonAccept);
  Result<std::string> create(const Resource& resource, std::string_view ns, std::string_view body,
                             std::stop_token stop, std::string_view accept = kJsonAccept);
  Result<std::string> merge_patch(const Resource& resource, const api::ObjectKey& key,
                                  std::string_view subresource, std::string_view body,
                                  std::stop_token stop, std::string_view accept = kJsonAccept);
  Result<std::string> update(const Resource& resource, const api::ObjectKey& key,
                             std::string_view body, std::stop_token stop);
  // Deletes in the background, and only the object of that uid and (where given) that
  // resourceVersion.
  Status remove(const Resource& resource, const api::ObjectKey& key, std::string_view uid,
                std::string_view resource_version, std::stop_token stop);

  // `query` is encoded already, without the question mark: "limit=500&labelSelector=a%3Db".
  Result<std::string> list(const Resource& resource, std::string_view ns, std::string_view query,
                           std::string_view accept, std::stop_token stop);
  // `receive` gets the stream's bytes, on this thread, and returns false to end it. See
  // Transport::stream for when this returns. `watch=true` is added to `query`.
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

// What an answer outside of 2xx means. `what` is the verb and the object ("create secrets in
// team-a"); the server's own message follows it.
Error error_of(const HttpResponse& response, std::string_view what);

}  // namespace apitoken::kube
