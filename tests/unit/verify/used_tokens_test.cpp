// Which uses are noted, and what becomes of one that could not be written.
#include "verify/used_tokens.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "support/tokens.hpp"

namespace apitoken::verify {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

class UsedTokensTest : public testing::Test {
 protected:
  std::optional<UsedTokens::Use> take() { return used.take(stop.get_token()); }

  std::stop_source stop;
  UsedTokens used;
  api::ApiToken token = token_of("good");
};

TEST_F(UsedTokensTest, AUseWithinTenMinutesOfTheStatusIsNotNoted) {
  token.status.last_used_at = kNow;
  used.note(token, kNow - minutes(20));
  used.note(token, kNow);
  used.note(token, kNow + minutes(10) - seconds(1));
  EXPECT_EQ(used.pending(), 0u);
  used.note(token, kNow + minutes(10));
  EXPECT_EQ(used.pending(), 1u);
}

TEST_F(UsedTokensTest, OneUseIsKeptForAToken) {
  used.note(token, kNow + seconds(1));
  used.note(token, kNow);
  EXPECT_EQ(used.pending(), 1u);
  const auto use = take();
  ASSERT_TRUE(use);
  EXPECT_EQ(use->uid, "uid-ci");
  EXPECT_EQ(use->key, token.meta.key());
  EXPECT_EQ(use->when, kNow + seconds(1));
  EXPECT_EQ(used.pending(), 0u);
}

TEST_F(UsedTokensTest, AUseThatIsPutBackDoesNotReplaceALaterOne) {
  used.note(token, kNow);
  const auto failed = take();
  ASSERT_TRUE(failed);
  used.put_back(*failed);
  EXPECT_EQ(take()->when, kNow);
  used.note(token, kNow + seconds(5));
  used.put_back(*failed);
  EXPECT_EQ(used.pending(), 1u);
  EXPECT_EQ(take()->when, kNow + seconds(5));
}

TEST_F(UsedTokensTest, TakeWaitsForAUseOrAStop) {
  std::optional<UsedTokens::Use> first;
  std::optional<UsedTokens::Use> second;
  std::jthread taker([&] {
    first = take();
    second = take();
  });
  used.note(token, kNow);
  stop.request_stop();
  taker.join();
  EXPECT_FALSE(second);
  EXPECT_EQ(used.pending(), first ? 0u : 1u);
}

}  // namespace
}  // namespace apitoken::verify
