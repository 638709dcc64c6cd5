// Upstream: sends one viewer's requests to the API server, by fixed verbs on named objects, and
// turns each refusal into a Problem for the browser. Routes call it on the workers' threads; a call
// waits for its answer. It keeps nothing and never retries.
//
// kube::Client does the same for the operator, which needs an ErrorKind where a browser needs the
// fields that the server named.
#pragma once

#include <functional>
#include <stop_token>
#include <type_traits>

#include "api/meta.hpp"
#include "kube/client.hpp"
#include "kube/decode_body.hpp"
#include "portal/problem.hpp"

namespace apitoken::portal {

// Counts the requests of all viewers.
class UpstreamObserver : public kube::RequestObserver {
 public:
  // How long the API server took to answer, watches apart. Any thread.
  virtual void request_took(std::chrono::nanoseconds time) { static_cast<void>(time); }
};

// Decodes the object in the body of an answer. Errors: 502 if that fails.
template <typename Decode>
auto decode_answer(std::string_view body, Decode decode)
    -> Expected<typename std::invoke_result_t<Decode, api::Json>::value_type> {
  auto decoded = kube::decode_body(body, std::move(decode));
  if (!decoded) return refuse(problem_of(decoded.error()));
  return *std::move(decoded);
}

class Upstream {
 public:
  static constexpr int kPageSize = 250;  // objects; a page of ApiTokens may have a megabyte

  // `program` is the field manager of writes. Both references outlive it.
  Upstream(kube::Transport& transport, UpstreamObserver& observer, std::string program)
      : transport_(transport), observer_(observer), program_(std::move(program)) {}

  // Each returns the body of a 2xx answer. Names must have been checked (see names.hpp).
  Expected<std::string> get(const kube::Resource& resource, const api::ObjectKey& key,
                            std::stop_token stop, std::string_view accept = kube::kJsonAccept);
  // `query` is encoded already.
  Expected<std::string> list(const kube::Resource& resource, std::string_view ns,
                             std::string_view query, std::stop_token stop,
                             std::string_view accept = kube::kJsonAccept);
  // Lists page after page and calls `take` for each object, until it returns false.
  Expected<void> for_each(const kube::Resource& resource, std::string_view ns,
                          const std::stop_token& stop, std::string_view accept,
                          const std::function<bool(api::Json object)>& take);
  Expected<std::string> create(const kube::Resource& resource, std::string_view ns,
                               std::string_view body, std::stop_token stop, bool dry_run = false);
  Expected<std::string> merge_patch(const kube::Resource& resource, const api::ObjectKey& key,
                                    std::string_view body, std::stop_token stop);
  Expected<std::string> update(const kube::Resource& resource, const api::ObjectKey& key,
                               std::string_view body, std::stop_token stop);
  // Removes only the object of that uid.
  Expected<void> remove(const kube::Resource& resource, const api::ObjectKey& key,
                        std::string_view uid, std::stop_token stop);
  // A path outside of the resources, such as "/version".
  Expected<std::string> get_path(std::string target, std::stop_token stop);

 private:
  Expected<std::string> send(kube::HttpRequest request, std::string_view ns, std::stop_token stop);
  std::string write_query(bool dry_run) const;

  kube::Transport& transport_;
  UpstreamObserver& observer_;
  const std::string program_;
};

}  // namespace apitoken::portal
