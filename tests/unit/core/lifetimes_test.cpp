// What a token asks for, what its type gives, and what the platform allows.
#include "core/lifetimes.hpp"

#include <gtest/gtest.h>

namespace apitoken::core {
namespace {

using namespace std::chrono_literals;

api::ApiTokenSpec spec(std::optional<std::string> type = {}, std::optional<std::string> ttl = {}) {
  api::ApiTokenSpec result;
  result.type = std::move(type);
  result.ttl = std::move(ttl);
  return result;
}

TEST(Lifetimes, DefaultsComeFromTheType) {
  EXPECT_EQ(grant_ttl(spec(), {}).ttl, 8760h);
  EXPECT_EQ(grant_ttl(spec("Permanent"), {}).ttl, 8760h);
  EXPECT_EQ(grant_ttl(spec("Temporary"), {}).ttl, 8h);
  EXPECT_EQ(grant_ttl(spec("Temporary", "90m"), {}).ttl, 90min);
}

TEST(Lifetimes, SmallestDefaultAndCeilingWin) {
  LifetimeRule rule;
  rule.narrow({720h, {}}, "a");
  rule.narrow({{}, 2000h}, "b");
  rule.narrow({900h, 1000h}, "c");
  rule.narrow({{}, 1000h}, "d");
  EXPECT_EQ(rule.default_ttl, 720h);
  EXPECT_EQ(rule.max, 1000h);
  EXPECT_EQ(rule.max_config, "c");
  EXPECT_EQ(grant_ttl(spec(), rule).ttl, 720h);
  const GrantedTtl granted = grant_ttl(spec({}, "8760h"), rule);
  EXPECT_EQ(granted.ttl, 1000h);
  EXPECT_EQ(granted.asked, 8760h);
  EXPECT_TRUE(granted.cut());
  EXPECT_FALSE(grant_ttl(spec({}, "1000h"), rule).cut());
}

TEST(Lifetimes, CeilingAloneCutsTheDefaultToo) {
  LifetimeRule rule;
  rule.narrow({{}, 1h}, "a");
  EXPECT_EQ(grant_ttl(spec(), rule).ttl, 1h);
}

TEST(Lifetimes, RecordsOfTemporaryTokensGoAfterAnHour) {
  EXPECT_FALSE(delete_after_expiry(spec()));
  EXPECT_EQ(delete_after_expiry(spec("Temporary")), 1h);
  auto kept = spec("Temporary");
  kept.ttl_after_expired = "0s";
  EXPECT_EQ(delete_after_expiry(kept), 0s);
  kept.ttl_after_expired = "forever";  // a problem of the spec; deletes nothing
  EXPECT_FALSE(delete_after_expiry(kept));
}

}  // namespace
}  // namespace apitoken::core
