// Events through kube::Client.
#include "notify/kube_event_sink.hpp"

#include "kube/client.hpp"

namespace apitoken::notify {
namespace {

Status without_body(Result<std::string> answer) {
  if (!answer) return std::unexpected(std::move(answer.error()));
  return {};
}

}  // namespace

Status KubeEventSink::create(const api::Event& event, std::stop_token stop) {
  const std::string body = api::encode_event(event, clock_.wall_precise(), instance_);
  return without_body(
      client_.create(kube::resources::kEvents, event.ns, body, stop, kube::kMetadataAccept));
}

Status KubeEventSink::repeat(const api::Event& event, int count, std::stop_token stop) {
  const std::string body = api::encode_event_series(count, clock_.wall_precise());
  return without_body(client_.merge_patch(kube::resources::kEvents, {event.ns, event.name}, "",
                                          body, stop, kube::kMetadataAccept));
}

}  // namespace apitoken::notify
