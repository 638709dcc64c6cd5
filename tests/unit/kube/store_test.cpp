#include "kube/store.hpp"

#include <gmock/gmock.h>

#include <thread>

namespace apitoken::kube {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Thing {
  api::ObjectMeta meta;
};

Thing thing(std::string ns, std::string name, std::string version, std::string uid = "u") {
  Thing result;
  result.meta.ns = std::move(ns);
  result.meta.name = std::move(name);
  result.meta.uid = std::move(uid);
  result.meta.resource_version = std::move(version);
  return result;
}

std::vector<Kept<Thing>> things(std::vector<Thing> all) {
  std::vector<Kept<Thing>> result;
  for (auto& one : all) result.emplace_back(std::make_shared<const Thing>(std::move(one)));
  return result;
}

std::vector<std::string> texts(const std::vector<Change<Thing>>& changes) {
  std::vector<std::string> result;
  for (const auto& [before, after] : changes) {
    const auto& meta = (after ? after : before)->meta;
    result.push_back(meta.key().text() + " " + (before ? before->meta.resource_version : "-") +
                     ">" + (after ? after->meta.resource_version : "-"));
  }
  std::ranges::sort(result);
  return result;
}

std::vector<std::string> texts(const std::vector<KeptChange<Thing>>& kept) {
  std::vector<Change<Thing>> changes;
  for (const auto& change : kept) changes.push_back(change.unpacked());
  return texts(changes);
}

std::vector<std::string> contents(const Store<Thing>& store) {
  std::vector<std::string> result;
  store.for_each([&](const Thing& one) {
    result.push_back(one.meta.key().text() + "@" + one.meta.resource_version);
  });
  return result;
}

TEST(Store, HoldsObjectsByNamespaceAndName) {
  Store<Thing> store;
  EXPECT_TRUE(store.put(thing("b", "x", "1")));
  EXPECT_TRUE(store.put(thing("a", "y", "2")));
  EXPECT_TRUE(store.put(thing("a", "x", "3")));
  EXPECT_THAT(contents(store), ElementsAre("a/x@3", "a/y@2", "b/x@1"));
  EXPECT_EQ(store.get({"a", "y"})->meta.resource_version, "2");
  EXPECT_EQ(store.get({"a", "z"}), nullptr);
  EXPECT_EQ(store.size(), 3U);
  EXPECT_EQ(store.all().size(), 3U);
}

TEST(Store, TheNewerVersionWinsInAnyOrder) {
  Store<Thing> store;
  EXPECT_TRUE(store.put(thing("a", "x", "9")));
  EXPECT_FALSE(store.put(thing("a", "x", "9")));
  EXPECT_TRUE(store.put(thing("a", "x", "10")));
  EXPECT_FALSE(store.observe("", thing("a", "x", "9")));
  EXPECT_EQ(texts(std::vector{*store.observe("", thing("a", "x", "11"))}),
            std::vector<std::string>{"a/x 10>11"});
}

TEST(Store, AnOwnWriteDoesNotRestoreAnObjectThatTheWatchSawRemoved) {
  Store<Thing> store;
  store.replace("", things({thing("a", "x", "5")}), "5");
  ASSERT_TRUE(store.observe_removal("", thing("a", "x", "8").meta));
  EXPECT_FALSE(
      store.put(thing("a", "x", "7")));  // our patch, answered after the deletion was watched
  EXPECT_EQ(store.size(), 0U);
  EXPECT_TRUE(store.put(thing("a", "x", "9", "u2")));  // a new one is another matter
}

TEST(Store, ABookmarkCountsAsSeen) {
  Store<Thing> store;
  store.replace("a", {}, "5");
  store.observe_version("a", "8");
  EXPECT_FALSE(store.put(thing("a", "x", "7")));
  EXPECT_TRUE(
      store.put(thing("b", "x", "7")));  // of a namespace that this reflector does not watch
}

TEST(Store, RemovesOnlyTheObjectOfThatUid) {
  Store<Thing> store;
  store.put(thing("a", "x", "5"));
  EXPECT_FALSE(store.remove({"a", "x"}, "other", "9"));
  EXPECT_FALSE(store.remove({"a", "x"}, "u", "4"));
  EXPECT_FALSE(store.remove({"a", "y"}, "u", "9"));
  EXPECT_TRUE(store.remove({"a", "x"}, "u", "5"));
  store.put(thing("a", "x", "6"));
  EXPECT_TRUE(store.remove({"a", "x"}, "u", ""));
}

TEST(Store, AListReportsAddedChangedAndRemovedObjects) {
  Store<Thing> store;
  store.replace(
      "", things({thing("a", "same", "1"), thing("a", "changed", "2"), thing("b", "gone", "3")}),
      "3");
  const auto changes = store.replace(
      "", things({thing("a", "same", "1"), thing("a", "changed", "5"), thing("a", "new", "6")}),
      "7");
  EXPECT_THAT(texts(changes), ElementsAre("a/changed 2>5", "a/new ->6", "b/gone 3>-"));
  EXPECT_THAT(contents(store), ElementsAre("a/changed@5", "a/new@6", "a/same@1"));
}

TEST(Store, AListKeepsOwnWritesThatAreNewer) {
  Store<Thing> store;
  store.put(thing("a", "created", "9"));
  store.put(thing("a", "patched", "8"));
  EXPECT_THAT(store.replace("", things({thing("a", "patched", "5")}), "7"), IsEmpty());
  EXPECT_THAT(contents(store), ElementsAre("a/created@9", "a/patched@8"));
}

TEST(Store, AListOfANamespaceChangesNoOther) {
  Store<Thing> store;
  store.replace("a", things({thing("a", "x", "1")}), "1");
  store.replace("b", things({thing("b", "x", "2")}), "2");
  EXPECT_THAT(texts(store.replace("a", {}, "5")), ElementsAre("a/x 1>-"));
  EXPECT_THAT(contents(store), ElementsAre("b/x@2"));
}

TEST(Store, AListOlderThanTheWatchComesFromARestoredBackupAndCounts) {
  Store<Thing> store;
  store.replace("", things({thing("a", "x", "100"), thing("a", "y", "90")}), "100");
  EXPECT_THAT(texts(store.replace("", things({thing("a", "x", "40")}), "50")),
              ElementsAre("a/x 100>40", "a/y 90>-"));
  EXPECT_THAT(contents(store), ElementsAre("a/x@40"));
}

TEST(Store, AListThatPassedTheVersionsOfBeforeARestoreCountsToo) {
  Store<Thing> store;
  store.replace("", things({thing("a", "x", "100"), thing("a", "y", "90")}), "100");
  EXPECT_FALSE(store.is_older("", "110"));
  EXPECT_THAT(texts(store.replace("", things({thing("a", "x", "40")}), "110")),
              ElementsAre("a/x 100>40", "a/y 90>-"));
}

TEST(Store, ReadersAndWritersDoNotDisturbEachOther) {
  Store<Thing> store;
  {
    std::vector<std::jthread> threads;
    for (int writer = 0; writer < 2; ++writer) {
      threads.emplace_back([&, writer] {
        for (int i = 1; i <= 500; ++i)
          store.put(thing("a", "n" + std::to_string(i % 7), std::to_string(2 * i + writer)));
      });
    }
    threads.emplace_back([&](std::stop_token) {
      for (int i = 0; i < 500; ++i) {
        std::size_t seen = 0;
        store.for_each([&](const Thing&) { ++seen; });
        EXPECT_LE(seen, 7U);
        const auto one = store.get({"a", "n1"});
        EXPECT_TRUE(!one || one->meta.name == "n1");
      }
    });
  }
  EXPECT_EQ(store.size(), 7U);
}

TEST(Store, CallsItsListenerForEveryChangeWithoutTheLock) {
  Store<Thing> store;
  std::vector<Change<Thing>> changes;
  store.set_listener([&](const Change<Thing>& change) {
    changes.push_back(change);
    EXPECT_LE(store.size(), 2U);  // would never return if the lock were held
  });
  store.observe("", thing("a", "x", "1"));
  store.put(thing("a", "x", "2"));
  store.put(thing("a", "x", "2"));
  store.replace("", things({thing("a", "y", "3")}), "4");
  store.observe_removal("", thing("a", "y", "5").meta);
  EXPECT_EQ(texts(changes),
            (std::vector<std::string>{"a/x ->1", "a/x 1>2", "a/x 2>-", "a/y ->3", "a/y 3>-"}));
}

}  // namespace
}  // namespace apitoken::kube
