// When keys come, sign and go, as times.
#include "core/key_ring.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace apitoken::core {
namespace {

using namespace std::chrono_literals;
using Keys = std::vector<WallTime>;

constexpr WallTime kStart{Seconds(1'800'000'000)};
constexpr Seconds kMonth = 720h;

TEST(KeyRing, TheFirstKeySignsAtOnce) {
  const auto plan = plan_key_ring({}, kStart, kMonth);
  EXPECT_EQ(plan.add, kStart);
  EXPECT_EQ(plan.wake_at, kStart + 719h);
}

TEST(KeyRing, TheNextIsMadeAheadOfItsUse) {
  const Keys one{kStart};
  EXPECT_TRUE(plan_key_ring(one, kStart + 719h - 1s, kMonth).empty());
  const auto plan = plan_key_ring(one, kStart + 719h, kMonth);
  EXPECT_EQ(plan.add, kStart + 720h);
  EXPECT_EQ(plan.wake_at, kStart + 720h + 24h + 5min);  // the first one goes
}

TEST(KeyRing, ALateRotationIsPublishedAheadToo) {
  EXPECT_EQ(plan_key_ring(Keys{kStart}, kStart + 2000h, kMonth).add, kStart + 2001h);
}

TEST(KeyRing, AheadIsATenthOfTheRotationAndAtMostAnHour) {
  EXPECT_EQ(published_ahead(60s), 6s);
  EXPECT_EQ(published_ahead(5h), 30min);
  EXPECT_EQ(published_ahead(10h), 1h);
  EXPECT_EQ(published_ahead(kMonth), 1h);
}

TEST(KeyRing, AKeyGoesOnceItsLastTokenHasExpired) {
  const Keys two{kStart, kStart + 720h};
  EXPECT_EQ(plan_key_ring(two, kStart + 744h + 5min - 1s, kMonth).expired, 0u);
  const auto plan = plan_key_ring(two, kStart + 744h + 5min, kMonth);
  EXPECT_EQ(plan.expired, 1u);
  EXPECT_EQ(plan.wake_at, kStart + 1439h);
  EXPECT_EQ(plan_key_ring(Keys{kStart}, kStart + 719h - 1s, kMonth).wake_at, kStart + 719h);
}

TEST(KeyRing, TheYoungestKeyWhoseTimeHasComeSigns) {
  const Keys keys{kStart, kStart + 1h, kStart + 2h};
  EXPECT_EQ(signing_key(keys, kStart), 0u);
  EXPECT_EQ(signing_key(keys, kStart + 1h - 1s), 0u);
  EXPECT_EQ(signing_key(keys, kStart + 1h), 1u);
  EXPECT_EQ(signing_key(keys, kStart + 100h), 2u);
  EXPECT_EQ(signing_key(keys, kStart - 1h), 0u);  // the clock was set back
}

// For any rotation period and any interval between plans: a key is published before its first
// signature, stays while a token that it signed may be valid, and old keys do not accumulate.
TEST(KeyRing, NoTokenIsEverWithoutItsKey) {
  for (const Seconds rotation : {Seconds(60s), Seconds(1h), Seconds(25h), kMonth}) {
    for (const Seconds step : {Seconds(1s), Seconds(13min), Seconds(31h)}) {
      Keys keys;
      for (WallTime now = kStart; now < kStart + 3000 * step; now += step) {
        const auto plan = plan_key_ring(keys, now, rotation);
        const auto signer_before = keys.empty() ? kStart : keys[signing_key(keys, now)];
        for (std::size_t i = 0; i < plan.expired; ++i) ASSERT_LE(keys[i + 1] + 24h, now);
        keys.erase(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(plan.expired));
        if (plan.add && !keys.empty()) ASSERT_GE(*plan.add, now + published_ahead(rotation));
        if (plan.add) keys.push_back(*plan.add);
        ASSERT_EQ(keys[signing_key(keys, now)], signer_before);
        ASSERT_TRUE(plan_key_ring(keys, now, rotation).empty());
        ASSERT_GT(plan.wake_at, now);
        ASSERT_LE(static_cast<long>(keys.size()), 3 + 25h / std::min(rotation, Seconds(25h)));
      }
    }
  }
}

}  // namespace
}  // namespace apitoken::core
