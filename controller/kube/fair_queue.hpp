// FairQueue: the keys that wait for a worker, each once. More urgent keys come first. Among keys of
// one urgency the namespaces take turns, so that a tenant with much work delays another tenant by
// one key a turn. Within a namespace, keys keep their order. Workqueue owns the only one and holds
// its mutex around each call. Time is an input.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "api/meta.hpp"
#include "base/clock.hpp"
#include "base/urgency.hpp"

namespace apitoken::kube {

class FairQueue {
 public:
  using Key = api::ObjectKey;
  // A less urgent key gets a turn after at most this many more urgent ones, so none starves.
  static constexpr unsigned kMaxPassedOver = 16;

  struct Taken {
    Key key;
    Urgency urgency;
    SteadyTime since;  // when it was first added
  };

  // True if the key was not waiting yet. A waiting key keeps its place, unless `urgency` is greater
  // than its own: then it moves to the end of its namespace's line at that urgency.
  bool push(const Key& key, Urgency urgency, SteadyTime since);
  // The next key; empty if no key waits.
  std::optional<Taken> pop();

  bool empty() const { return waiting_.empty(); }
  std::size_t size() const { return waiting_.size(); }

 private:
  struct Place {
    Urgency urgency;
    std::uint64_t number;  // counts up: its place in the line of its namespace
    SteadyTime since;
  };
  using Waiting = std::map<Key, Place>;
  using Line = std::map<std::uint64_t, Waiting::iterator>;
  // The keys of one urgency.
  struct Lane {
    std::map<std::string, Line> lines;  // by namespace; no line is empty
    std::string last_served;            // the namespace that had the last turn
    unsigned passed_over = 0;           // keys taken from other lanes while keys waited here
  };

  void enter(Waiting::iterator at);
  void leave(Waiting::iterator at);
  Lane& lane(Urgency urgency) { return lanes_[static_cast<std::size_t>(urgency)]; }
  Lane& next_lane();

  Waiting waiting_;
  std::array<Lane, 3> lanes_;  // by Urgency
  std::uint64_t numbers_ = 0;
};

}  // namespace apitoken::kube
