// Timers: at most one instant a key, of several the earliest. The workqueue holds one for each of its clocks, under its
// lock.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>

namespace apitoken::kube {

template <typename Key, typename Time>
class Timers {
 public:
  // True where it is now the first of all to come.
  bool set(const Key& key, Time time) {
    const auto [at, fresh] = by_key_.try_emplace(key, time);
    if (!fresh) {
      if (at->second <= time) return false;
      by_time_.erase({at->second, &at->first});
      at->second = time;
    }
    by_time_.emplace(time, &at->first);
    return by_time_.begin()->second == &at->first;
  }
  void cancel(const Key& key) {
    const auto at = by_key_.find(key);
    if (at == by_key_.end()) return;
    by_time_.erase({at->second, &at->first});
    by_key_.erase(at);
  }
  std::optional<Time> first() const { return by_time_.empty() ? std::nullopt : std::optional(by_time_.begin()->first); }
  // Removes and returns a key whose time has come.
  std::optional<Key> take_due(Time now) {
    if (by_time_.empty() || by_time_.begin()->first > now) return {};
    auto node = by_key_.extract(*by_time_.begin()->second);
    by_time_.erase(by_time_.begin());
    return std::move(node.key());
  }
  bool empty() const { return by_key_.empty(); }

 private:
  std::map<Key, Time> by_key_;
  std::set<std::pair<Time, const Key*>> by_time_;  // points at keys of by_key_, which stay where they are
};

}  // namespace apitoken::kube
