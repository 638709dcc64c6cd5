// Writes the uses one after the other.
#include "reconcile/last_use_writer.hpp"

#include "base/sleep.hpp"
#include "base/thread_name.hpp"
#include "kube/classify_error.hpp"
#include "kube/decode_body.hpp"

namespace apitoken::reconcile {

void LastUseWriter::run(const std::stop_token& stop) {
  name_thread("last use");
  while (auto use = used_.take(stop)) {
    const bool done = write(*use, stop);
    if (!done) used_.put_back(std::move(*use));
    const auto pause = done ? SteadyDuration(kPause) : SteadyDuration(kRetryAfter);
    sleep_until(clock_, stop, clock_.steady() + pause);
  }
}

bool LastUseWriter::write(const verify::UsedTokens::Use& use, std::stop_token stop) {
  const auto token = store_.get(use.key);
  if (!token || token->meta.uid != use.uid || verify::UsedTokens::is_recorded(*token, use.when))
    return true;
  const auto answer =
      client_.merge_patch(kube::resources::kApiTokens, use.key, "status",
                          api::encode_last_used_patch(token->meta, use.when), std::move(stop));
  if (!answer) {
    const auto fate = kube::classify_error(answer.error().kind);
    if (fate == kube::Fate::Canceled || fate == kube::Fate::StaleView) return true;
    failure_log_.failed(answer.error());
    return false;
  }
  failure_log_.succeeded();
  // An answer that cannot be decoded is ignored: the watch brings the same change.
  if (auto written = kube::decode_body(answer, api::decode_api_token))
    store_.put(std::move(*written));
  return true;
}

}  // namespace apitoken::reconcile
