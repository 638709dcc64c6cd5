// Timers: at most one instant a key (of several the earliest), with a tag. Workqueue owns one for
// each of its clocks and holds its mutex around each call; its tag is the urgency.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace apitoken::kube {

template <typename Key, typename Time, typename Tag>
class Timers {
 public:
  struct Due {
    Key key;
    Tag tag;
  };

  // True if `key` is now the first that becomes due. Of two tags for one instant the smaller
  // counts.
  bool set(const Key& key, Time time, Tag tag) {
    const auto [at, fresh] = by_key_.try_emplace(key, Instant{time, tag});
    if (!fresh) {
      if (at->second.time == time) at->second.tag = std::min(at->second.tag, tag);
      if (at->second.time <= time) return false;
      by_time_.erase({at->second.time, &at->first});
      at->second = {time, tag};
    }
    by_time_.emplace(time, &at->first);
    return by_time_.begin()->second == &at->first;
  }
  void cancel(const Key& key) {
    const auto at = by_key_.find(key);
    if (at == by_key_.end()) return;
    by_time_.erase({at->second.time, &at->first});
    by_key_.erase(at);
  }
  std::optional<Time> first() const {
    return by_time_.empty() ? std::nullopt : std::optional(by_time_.begin()->first);
  }
  // Removes and returns a key whose time has come.
  std::optional<Due> take_due(Time now) {
    if (by_time_.empty() || by_time_.begin()->first > now) return {};
    auto node = by_key_.extract(*by_time_.begin()->second);
    by_time_.erase(by_time_.begin());
    return Due{std::move(node.key()), node.mapped().tag};
  }
  bool empty() const { return by_key_.empty(); }

 private:
  struct Instant {
    Time time;
    Tag tag;
  };

  std::map<Key, Instant> by_key_;
  // Points at keys of by_key_, whose addresses are stable.
  std::set<std::pair<Time, const Key*>> by_time_;
};

}  // namespace apitoken::kube
