#include "portal/bearer_credentials.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "support/manual_clock.hpp"

namespace apitoken::portal {
namespace {

const WallTime kNow{Seconds(1'795'000'000)};

class BearerTest : public testing::Test {
 protected:
  Bearer bearer(std::string token, Seconds life, std::string refresh = "") {
    return {SecretString(std::move(token)), clock.wall() + life, SecretString(std::move(refresh))};
  }
  // What the next request would carry; the error's message if it would carry nothing.
  static std::string next(BearerCredentials& credentials) {
    const auto token = credentials.bearer_token();
    return token ? std::string((*token)->reveal()) : token.error().message;
  }

  ManualClock clock{kNow};
  ApiServer server{"https://127.0.0.1:6443", "127.0.0.1", ""};
};

TEST_F(BearerTest, WithoutRefreshTokenTheTokenLastsUntilItsEnd) {
  BearerCredentials credentials(server, bearer("first", Seconds(60)), nullptr, clock);
  clock.advance(Seconds(59));
  EXPECT_EQ(next(credentials), "first");
  EXPECT_EQ(credentials.last_end(), kNow + Seconds(60));
  clock.advance(Seconds(1));
  EXPECT_EQ(next(credentials), "the session's token has expired");
}

TEST_F(BearerTest, ATokenThatDoesNotSayWhenItEndsGoesOn) {
  BearerCredentials credentials(server, {SecretString("opaque"), {}, {}}, nullptr, clock);
  clock.advance(std::chrono::hours(100));
  EXPECT_EQ(next(credentials), "opaque");
  EXPECT_EQ(credentials.last_end(), std::nullopt);
}

TEST_F(BearerTest, IsRenewedAtFourFifthsOfItsLife) {
  std::vector<std::string> used;
  BearerCredentials credentials(
      server, bearer("first", Seconds(100), "r1"),
      [&](std::string_view refresh, std::stop_token) -> Result<Bearer> {
        used.emplace_back(refresh);
        return bearer("second", Seconds(100), used.size() == 1 ? "r2" : "");
      },
      clock);
  clock.advance(Seconds(79));
  EXPECT_EQ(next(credentials), "first");
  clock.advance(Seconds(1));
  EXPECT_EQ(next(credentials), "second");
  EXPECT_EQ(credentials.last_end(), std::nullopt);
  clock.advance(Seconds(80));
  next(credentials);
  clock.advance(Seconds(80));
  next(credentials);  // an answer without refresh token leaves the present one
  EXPECT_EQ(used, (std::vector<std::string>{"r1", "r2", "r2"}));
}

TEST_F(BearerTest, AfterALongPauseTheRefreshTokenStillServes) {
  BearerCredentials credentials(
      server, bearer("first", Seconds(60), "r1"),
      [&](std::string_view, std::stop_token) -> Result<Bearer> {
        return bearer("second", Seconds(60), "r2");
      },
      clock);
  clock.advance(Seconds(3000));
  EXPECT_EQ(next(credentials), "second");
}

TEST_F(BearerTest, AnIssuerThatIsAwayIsAskedAgainTenSecondsLater) {
  int asked = 0;
  BearerCredentials credentials(
      server, bearer("first", Seconds(100), "r1"),
      [&](std::string_view, std::stop_token) -> Result<Bearer> {
        if (++asked == 1) return fail(ErrorKind::Unavailable, "away");
        return bearer("second", Seconds(100), "r2");
      },
      clock);
  clock.advance(Seconds(80));
  EXPECT_EQ(next(credentials), "first");
  EXPECT_EQ(next(credentials), "first");
  EXPECT_EQ(asked, 1);
  clock.advance(Seconds(10));
  EXPECT_EQ(next(credentials), "second");
}

TEST_F(BearerTest, ARefusedRefreshOrOneWithoutIdTokenLeavesTheTokenUntilItsEnd) {
  for (const bool refused : {true, false}) {
    int asked = 0;
    BearerCredentials credentials(
        server, bearer("first", Seconds(100), "r1"),
        [&](std::string_view, std::stop_token) -> Result<Bearer> {
          ++asked;
          if (refused) return fail(ErrorKind::Unauthorized, "invalid_grant");
          return Bearer{};
        },
        clock);
    const WallTime end = clock.wall() + Seconds(100);
    clock.advance(Seconds(80));
    EXPECT_EQ(next(credentials), "first");
    EXPECT_EQ(credentials.last_end(), end);
    clock.advance(Seconds(20));
    EXPECT_EQ(next(credentials), "the session's token has expired");
    EXPECT_EQ(asked, 1);
  }
}

TEST_F(BearerTest, A401RenewsAtOnceButNotAgainAndAgain) {
  int asked = 0;
  BearerCredentials credentials(
      server, bearer("first", Seconds(1000), "r1"),
      [&](std::string_view, std::stop_token) -> Result<Bearer> {
        ++asked;
        return bearer("renewed", Seconds(1000), "r2");
      },
      clock);
  clock.advance(Seconds(20));
  credentials.reject();
  EXPECT_EQ(next(credentials), "renewed");
  credentials.reject();
  next(credentials);
  EXPECT_EQ(asked, 1);
  clock.advance(BearerCredentials::kRetryAfter);
  credentials.reject();
  next(credentials);
  EXPECT_EQ(asked, 2);
}

TEST_F(BearerTest, OneRenewalAtATimeServesAllWhoWait) {
  std::atomic<int> asked = 0;
  std::atomic<bool> go = false;
  BearerCredentials credentials(
      server, bearer("first", Seconds(10), "r1"),
      [&](std::string_view, std::stop_token) -> Result<Bearer> {
        ++asked;
        go.wait(false);
        return bearer("second", Seconds(100), "r2");
      },
      clock);
  clock.advance(Seconds(8));
  std::vector<std::jthread> threads;
  std::atomic<int> with_first = 0, with_second = 0;
  const auto ask = [&] { ++(next(credentials) == "second" ? with_second : with_first); };
  threads.emplace_back(ask);
  while (asked == 0) std::this_thread::yield();
  ask();  // the present token still counts: nobody waits
  EXPECT_EQ(with_first, 1);
  clock.advance(Seconds(2));
  for (int i = 0; i < 4; ++i) threads.emplace_back(ask);
  go = true;
  go.notify_all();
  threads.clear();
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(with_second, 5);
}

TEST_F(BearerTest, ClosingWipesTheTokenAndEndsARenewal) {
  std::atomic<bool> begun = false;
  BearerCredentials credentials(
      server, bearer("first", Seconds(10), "r1"),
      [&](std::string_view, std::stop_token stop) -> Result<Bearer> {
        begun = true;
        while (!stop.stop_requested()) std::this_thread::yield();
        return bearer("too late", Seconds(100), "r2");
      },
      clock);
  clock.advance(Seconds(8));
  std::string sent;
  std::jthread request([&] { sent = next(credentials); });
  while (!begun) std::this_thread::yield();
  credentials.close();
  request.join();
  EXPECT_EQ(sent, "the session has ended");
  EXPECT_EQ(next(credentials), "the session has ended");
}

TEST_F(BearerTest, AMissingCaFileIsNamed) {
  server.ca_file = "/nonexistent/ca.crt";
  BearerCredentials credentials(server, bearer("first", Seconds(60)), nullptr, clock);
  const auto tls = credentials.tls();
  ASSERT_FALSE(tls);
  EXPECT_NE(tls.error().message.find("/nonexistent/ca.crt"), std::string::npos);
}

}  // namespace
}  // namespace apitoken::portal
