#include "kube/fair_queue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <list>
#include <random>
#include <set>

namespace apitoken::kube {
namespace {

using Key = FairQueue::Key;

std::string next(FairQueue& queue) {
  const auto taken = queue.pop();
  return taken ? taken->key.ns + "/" + taken->key.name : "";
}

TEST(FairQueue, GivesTheKeysOfANamespaceInOrderEachOnce) {
  FairQueue queue;
  EXPECT_TRUE(queue.push({"a", "2"}, Urgency::Value, {}));
  EXPECT_TRUE(queue.push({"a", "1"}, Urgency::Value, {}));
  EXPECT_FALSE(queue.push({"a", "2"}, Urgency::Value, {}));
  EXPECT_EQ(queue.size(), 2U);
  EXPECT_EQ(next(queue), "a/2");
  EXPECT_EQ(next(queue), "a/1");
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(next(queue), "");
}

TEST(FairQueue, ASingleKeyOfAnotherNamespaceComesNextBeforeManyOthers) {
  FairQueue queue;
  for (int i = 0; i < 5000; ++i) queue.push({"mass", std::to_string(i)}, Urgency::Value, {});
  EXPECT_EQ(next(queue), "mass/0");
  queue.push({"aaa", "one"}, Urgency::Value, {});
  queue.push({"zzz", "one"}, Urgency::Value, {});
  std::set<std::string> soon{next(queue), next(queue)};
  EXPECT_EQ(soon, (std::set<std::string>{"aaa/one", "zzz/one"}));
  EXPECT_EQ(next(queue), "mass/1");
}

TEST(FairQueue, GivesMoreUrgentKeysFirst) {
  FairQueue queue;
  queue.push({"a", "status"}, Urgency::Cosmetic, {});
  queue.push({"a", "notice"}, Urgency::Notice, {});
  queue.push({"a", "value"}, Urgency::Value, {});
  EXPECT_EQ(next(queue), "a/value");
  EXPECT_EQ(next(queue), "a/notice");
  EXPECT_EQ(next(queue), "a/status");
}

TEST(FairQueue, AWaitingKeyIsRaisedAndNeverLowered) {
  FairQueue queue;
  const SteadyTime first{std::chrono::seconds(1)};
  queue.push({"a", "x"}, Urgency::Cosmetic, first);
  queue.push({"a", "y"}, Urgency::Notice, {});
  EXPECT_FALSE(queue.push({"a", "x"}, Urgency::Value, SteadyTime(std::chrono::seconds(9))));
  EXPECT_FALSE(queue.push({"a", "x"}, Urgency::Cosmetic, {}));
  const auto taken = queue.pop();
  EXPECT_EQ(taken->key.name, "x");
  EXPECT_EQ(taken->urgency, Urgency::Value);
  EXPECT_EQ(taken->since, first) << "the waiting time counts from the first addition";
  EXPECT_EQ(next(queue), "a/y");
  EXPECT_TRUE(queue.empty());
}

TEST(FairQueue, ManyUrgentKeysDoNotStarveTheOthers) {
  FairQueue queue;
  queue.push({"a", "notice"}, Urgency::Notice, {});
  queue.push({"a", "status"}, Urgency::Cosmetic, {});
  std::set<std::string> others;
  unsigned turns = 0;
  for (; others.size() < 2 && turns < 100; ++turns) {
    queue.push({"mass", std::to_string(turns)}, Urgency::Value, {});
    const std::string key = next(queue);
    if (key.starts_with("a/")) others.insert(key);
  }
  EXPECT_EQ(others.size(), 2U);
  EXPECT_LE(turns, FairQueue::kMaxPassedOver + 3);
}

// A simple model of the queue.
class Model {
 public:
  void push(const Key& key, Urgency urgency) {
    const auto found = std::ranges::find(waiting_, key, &Entry::key);
    if (found == waiting_.end()) {
      waiting_.push_back({key, urgency});
    } else if (urgency < found->urgency) {
      waiting_.erase(found);
      waiting_.push_back({key, urgency});
    }
  }
  Urgency urgency(const Key& key) const {
    return std::ranges::find(waiting_, key, &Entry::key)->urgency;
  }
  bool is_first_of_its_namespace(const Key& key, Urgency urgency) const {
    return std::ranges::find_if(waiting_, [&](const Entry& e) {
             return e.key.ns == key.ns && e.urgency == urgency;
           })->key == key;
  }
  std::set<std::string> namespaces(Urgency urgency) const {
    std::set<std::string> names;
    for (const Entry& entry : waiting_) {
      if (entry.urgency == urgency) names.insert(entry.key.ns);
    }
    return names;
  }
  bool has_more_urgent(Urgency urgency) const {
    return std::ranges::any_of(waiting_, [&](const Entry& e) { return e.urgency < urgency; });
  }
  void remove(const Key& key) {
    waiting_.remove_if([&](const Entry& e) { return e.key == key; });
  }
  std::size_t size() const { return waiting_.size(); }

 private:
  struct Entry {
    Key key;
    Urgency urgency;
  };
  std::list<Entry> waiting_;
};

// Random additions and takings. Each key that comes must be the first of its namespace; between two
// turns of a namespace each other one that waited all the while must have had one; a less urgent
// key may only come when it was passed over often enough.
TEST(FairQueue, KeepsItsOrderInARandomRun) {
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    FairQueue queue;
    Model model;
    std::map<std::pair<Urgency, std::string>, std::set<std::string>>
        owed;  // turns others must have before this one
    std::array<unsigned, 3> passed_over{};
    for (int step = 0; step < 3000; ++step) {
      const bool adds = random() % 100 < (step / 500 % 2 == 0 ? 60U : 40U);
      if (adds) {
        const Key key{std::string(1, static_cast<char>('a' + random() % 5)),
                      std::to_string(random() % 40)};
        const auto urgency = static_cast<Urgency>(random() % 3);
        model.push(key, urgency);
        queue.push(key, urgency, {});
      } else if (const auto taken = queue.pop()) {
        ASSERT_EQ(model.urgency(taken->key), taken->urgency);
        ASSERT_TRUE(model.is_first_of_its_namespace(taken->key, taken->urgency));
        const auto lane = static_cast<std::size_t>(taken->urgency);
        if (model.has_more_urgent(taken->urgency)) {
          ASSERT_GE(passed_over[lane], FairQueue::kMaxPassedOver);
        }
        for (const auto urgency : {Urgency::Value, Urgency::Notice, Urgency::Cosmetic}) {
          auto& count = passed_over[static_cast<std::size_t>(urgency)];
          if (!model.namespaces(urgency).empty()) ++count;
          ASSERT_LE(count, FairQueue::kMaxPassedOver + 3);
        }
        passed_over[lane] = 0;
        const auto others = model.namespaces(taken->urgency);
        auto& mine = owed[{taken->urgency, taken->key.ns}];
        for (const std::string& ns : mine)
          ASSERT_FALSE(others.contains(ns)) << ns << " was passed over";
        mine = others;
        mine.erase(taken->key.ns);
        for (auto& [whose, debt] : owed) {
          if (whose.first == taken->urgency) debt.erase(taken->key.ns);
        }
        model.remove(taken->key);
        // A namespace without waiting keys has no claim to a turn.
        for (auto& [whose, debt] : owed) {
          const auto waiting = model.namespaces(whose.first);
          std::erase_if(debt, [&](const std::string& ns) { return !waiting.contains(ns); });
        }
      }
      ASSERT_EQ(queue.size(), model.size());
    }
  }
}

}  // namespace
}  // namespace apitoken::kube
