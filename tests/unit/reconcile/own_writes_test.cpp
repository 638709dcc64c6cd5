// Which versions of Secrets we wrote, and Secrets that the watch does not show.
#include "reconcile/own_writes.hpp"

#include <gtest/gtest.h>

namespace apitoken::reconcile {
namespace {

api::ObjectMeta meta(std::string uid, std::string version) {
  api::ObjectMeta result;
  result.ns = "team-a";
  result.name = "ci";
  result.uid = std::move(uid);
  result.resource_version = std::move(version);
  return result;
}

TEST(OwnWrites, KnowsExactlyTheVersionThatWasWritten) {
  OwnWrites own_writes;
  EXPECT_EQ(own_writes.is_ours(meta("u", "1")), std::nullopt);
  own_writes.record(meta("u", "1"));
  EXPECT_EQ(own_writes.is_ours(meta("u", "1")), true);
  EXPECT_EQ(own_writes.is_ours(meta("u", "2")), false);
  EXPECT_EQ(own_writes.is_ours(meta("other", "1")),
            std::nullopt);  // one of the same name, created again
  own_writes.record(meta("u", "2"));
  EXPECT_EQ(own_writes.is_ours(meta("u", "1")), false);
  own_writes.remove("u");
  EXPECT_EQ(own_writes.is_ours(meta("u", "2")), std::nullopt);
}

TEST(OwnWrites, TakesAnUnwatchedSecretOnce) {
  OwnWrites own_writes;
  own_writes.found_unwatched({meta("u", "1"), {}, {}, {}, {}});
  own_writes.found_unwatched({meta("u", "2"), {}, {}, {}, {}});
  EXPECT_FALSE(own_writes.take_unwatched({"team-b", "ci"}));
  const auto taken = own_writes.take_unwatched({"team-a", "ci"});
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->meta.resource_version, "2");
  EXPECT_FALSE(own_writes.take_unwatched({"team-a", "ci"}));
}

}  // namespace
}  // namespace apitoken::reconcile
