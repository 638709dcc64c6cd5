// Pauses requests, and refuses writes of a replica that does not lead.
#include "kube/guarded_transport.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/sleep.hpp"
#include "kube/resource.hpp"

namespace apitoken::kube {
namespace {

// Whether the request's path is the collection of `resource` or an object in it.
bool is_about(const HttpRequest& request, const Resource& resource) {
  const std::string_view path =
      std::string_view(request.target).substr(0, request.target.find('?'));
  if (!path.starts_with("/apis/" + std::string(resource.group) + "/")) return false;
  const std::string plural = "/" + std::string(resource.plural);
  return path.ends_with(plural) || path.find(plural + "/") != path.npos;
}

}  // namespace

bool GuardedTransport::is_for_leader(const HttpRequest& request) {
  return request.method != Method::Get && !is_about(request, resources::kLeases) &&
         !is_about(request, resources::kTokenReviews) &&
         !is_about(request, resources::kSubjectAccessReviews);
}

Status GuardedTransport::await_turn(const HttpRequest& request, const std::stop_token& stop) {
  if (is_about(request, resources::kLeases)) return {};
  for (auto until = paused_until(); clock_.steady() < until && !stop.stop_requested();
       until = paused_until())
    sleep_until(clock_, stop, until);
  if (stop.stop_requested()) return fail(ErrorKind::Canceled, "canceled");
  if (is_for_leader(request) && !may_write_()) {
    return fail(ErrorKind::Canceled, "not sent: this replica no longer leads");
  }
  return {};
}

SteadyTime GuardedTransport::paused_until() const {
  const MutexLock lock(mutex_);
  return paused_until_;
}

Result<HttpResponse> GuardedTransport::heed(Result<HttpResponse> answer) {
  if (answer && answer->status == 429 && answer->retry_after) {
    const MutexLock lock(mutex_);
    paused_until_ =
        std::max(paused_until_, clock_.steady() + std::min(*answer->retry_after, kMaxPause));
  }
  return answer;
}

Result<HttpResponse> GuardedTransport::send(const HttpRequest& request, std::stop_token stop) {
  TRY(await_turn(request, stop));
  return heed(inner_->send(request, std::move(stop)));
}

Result<HttpResponse> GuardedTransport::stream(
    const HttpRequest& request, std::stop_token stop,
    const std::function<bool(std::string_view)>& receive) {
  TRY(await_turn(request, stop));
  return heed(inner_->stream(request, std::move(stop), receive));
}

}  // namespace apitoken::kube
