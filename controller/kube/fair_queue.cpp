// The keys that wait: a lane for each urgency, and in it a line for each namespace.
#include "kube/fair_queue.hpp"

#include <algorithm>

namespace apitoken::kube {

bool FairQueue::push(const Key& key, Urgency urgency, SteadyTime since) {
  const auto [at, fresh] = waiting_.try_emplace(key, Place{urgency, 0, since});
  if (!fresh) {
    if (at->second.urgency <= urgency) return false;
    leave(at);
    at->second.urgency = urgency;
  }
  enter(at);
  return fresh;
}

void FairQueue::enter(Waiting::iterator at) {
  at->second.number = ++numbers_;
  lane(at->second.urgency).lines[at->first.ns].emplace(at->second.number, at);
}

void FairQueue::leave(Waiting::iterator at) {
  auto& lines = lane(at->second.urgency).lines;
  const auto line = lines.find(at->first.ns);
  line->second.erase(at->second.number);
  if (line->second.empty()) lines.erase(line);
}

// The most urgent lane with keys, unless a less urgent lane was passed over too often.
FairQueue::Lane& FairQueue::next_lane() {
  const auto waits = [](const Lane& lane) { return !lane.lines.empty(); };
  const auto due = std::ranges::find_if(
      lanes_, [&](const Lane& lane) { return waits(lane) && lane.passed_over >= kMaxPassedOver; });
  Lane& chosen = due != lanes_.end() ? *due : *std::ranges::find_if(lanes_, waits);
  for (Lane& lane : lanes_) {
    if (waits(lane)) ++lane.passed_over;
  }
  chosen.passed_over = 0;
  return chosen;
}

std::optional<FairQueue::Taken> FairQueue::pop() {
  if (waiting_.empty()) return {};
  Lane& lane = next_lane();
  auto line = lane.lines.upper_bound(lane.last_served);
  if (line == lane.lines.end()) line = lane.lines.begin();
  lane.last_served = line->first;
  const auto at = line->second.begin()->second;
  leave(at);
  Taken taken{at->first, at->second.urgency, at->second.since};
  waiting_.erase(at);
  return taken;
}

}  // namespace apitoken::kube
