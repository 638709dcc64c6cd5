// Which Secrets hold what we wrote, and those met outside of the watch.
#include "reconcile/secret_trust.hpp"

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

TEST(SecretTrust, TrustsExactlyTheVersionThatWasWritten) {
  SecretTrust trust;
  EXPECT_EQ(trust.trusts(meta("u", "1")), std::nullopt);
  trust.trust(meta("u", "1"));
  EXPECT_EQ(trust.trusts(meta("u", "1")), true);
  EXPECT_EQ(trust.trusts(meta("u", "2")), false);
  EXPECT_EQ(trust.trusts(meta("other", "1")), std::nullopt);  // one of the same name, made anew
  trust.trust(meta("u", "2"));
  EXPECT_EQ(trust.trusts(meta("u", "1")), false);
  trust.forget("u");
  EXPECT_EQ(trust.trusts(meta("u", "2")), std::nullopt);
}

TEST(SecretTrust, WhatWasFoundOutsideIsTakenOnce) {
  SecretTrust trust;
  trust.found_outside({meta("u", "1"), {}, {}, {}, {}});
  trust.found_outside({meta("u", "2"), {}, {}, {}, {}});
  EXPECT_FALSE(trust.take_outside({"team-b", "ci"}));
  const auto taken = trust.take_outside({"team-a", "ci"});
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->meta.resource_version, "2");
  EXPECT_FALSE(trust.take_outside({"team-a", "ci"}));
}

}  // namespace
}  // namespace apitoken::reconcile
