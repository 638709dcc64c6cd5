#include "portal/sessions.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "kube/cpprest_transport.hpp"
#include "support/manual_clock.hpp"

namespace apitoken::portal {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
const WallTime kNow{Seconds(1'795'000'000)};

class Unobserved final : public UpstreamObserver {
  void request_done(std::string_view, std::string_view) override {}
};

class SessionsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { kube::prepare_cpprest(); }

  // Nobody listens there, and nobody is asked.
  SignedIn somebody(std::optional<Seconds> life = {}) {
    Bearer bearer{SecretString("bearer"), {}, {}};
    if (life) bearer.expires_at = clock.wall() + *life;
    auto credentials =
        std::make_unique<BearerCredentials>(server, std::move(bearer), nullptr, clock);
    auto* const own = credentials.get();
    return {std::make_shared<Viewer>(std::move(credentials), "test", observer, clock), own};
  }
  std::string begin(Sessions& sessions, const std::string& user, std::optional<Seconds> life = {}) {
    return std::string(sessions.begin(somebody(life), user).value().reveal());
  }

  ManualClock clock{kNow};
  Unobserved observer;
  ApiServer server{"https://127.0.0.1:1", "127.0.0.1", ""};
};

TEST_F(SessionsTest, AreFoundByTheirIdAndByNothingElse) {
  Sessions sessions({}, clock);
  const auto alice = begin(sessions, "alice");
  const auto bob = begin(sessions, "bob");
  EXPECT_EQ(alice.size(), 43U);
  EXPECT_NE(sessions.find(alice), sessions.find(bob));
  EXPECT_NE(sessions.find(alice), nullptr);
  for (const auto& id :
       {std::string(), std::string("x"), Sessions::hash_of(alice), alice.substr(1), alice + "="})
    EXPECT_EQ(sessions.find(id), nullptr) << id;
}

TEST_F(SessionsTest, EndAfterAnHourWithoutUse) {
  Sessions sessions({}, clock);
  const auto id = begin(sessions, "alice");
  for (int i = 0; i < 3; ++i) {
    clock.advance(minutes(59));
    EXPECT_NE(sessions.find(id), nullptr);
  }
  clock.advance(minutes(60));
  EXPECT_EQ(sessions.find(id), nullptr);
}

TEST_F(SessionsTest, EndAtTheLatestAfterEightHoursAndSaySoBefore) {
  Sessions sessions({}, clock);
  const auto id = begin(sessions, "alice");
  const auto viewer = sessions.find(id);
  EXPECT_EQ(viewer->ends_at(), kNow + hours(8));
  EXPECT_EQ(viewer->warn_at(), kNow + hours(8) - minutes(5));
  for (int i = 0; i < 15; ++i) {
    clock.advance(minutes(31));
    EXPECT_NE(sessions.find(id), nullptr);
  }
  clock.advance(minutes(15));
  EXPECT_EQ(sessions.find(id), nullptr);
}

TEST_F(SessionsTest, EndWithTheTokenIfThatIsSooner) {
  Sessions sessions({}, clock);
  const auto id = begin(sessions, "alice", minutes(10));
  const auto viewer = sessions.find(id);
  EXPECT_EQ(viewer->ends_at(), kNow + minutes(10));
  EXPECT_EQ(viewer->warn_at(), kNow + minutes(5));
  clock.advance(minutes(10));
  EXPECT_EQ(sessions.find(id), nullptr);
}

TEST_F(SessionsTest, SigningOutEndsStreamsAndWipesTheBearer) {
  Sessions sessions({}, clock);
  const auto id = begin(sessions, "alice");
  const auto viewer = sessions.find(id);
  EXPECT_EQ(sessions.end(*viewer), "alice");
  EXPECT_EQ(sessions.find(id), nullptr);
  EXPECT_TRUE(viewer->ended().stop_requested());
  EXPECT_FALSE(viewer->credentials().bearer_token());
  EXPECT_EQ(sessions.end(*viewer), "");
}

TEST_F(SessionsTest, ASignInEndsTheSessionThatItReplaces) {
  Sessions sessions({}, clock);
  const auto old = begin(sessions, "alice");
  const auto other = begin(sessions, "alice");
  sessions.end_by_hash(Sessions::hash_of(old));
  sessions.end_by_hash("unknown");
  EXPECT_EQ(sessions.find(old), nullptr);
  EXPECT_NE(sessions.find(other), nullptr);
}

TEST_F(SessionsTest, ManyOfOneUserPushOutTheirOwnOldestAlone) {
  Sessions sessions({.most_of_user = 2}, clock);
  const auto bob = begin(sessions, "bob");
  const auto first = begin(sessions, "alice");
  clock.advance(Seconds(1));
  const auto second = begin(sessions, "alice");
  clock.advance(Seconds(1));
  const auto third = begin(sessions, "alice");
  EXPECT_EQ(sessions.find(first), nullptr);
  EXPECT_NE(sessions.find(second), nullptr);
  EXPECT_NE(sessions.find(third), nullptr);
  EXPECT_NE(sessions.find(bob), nullptr);
}

TEST_F(SessionsTest, AFullPortalRefusesUntilASessionEnds) {
  Sessions sessions({.most = 2}, clock);
  begin(sessions, "alice");
  clock.advance(minutes(30));
  const auto bob = begin(sessions, "bob");
  const auto refused = sessions.begin(somebody(), "carol");
  EXPECT_EQ(refused.error().kind, ErrorKind::Throttled);
  clock.advance(minutes(30));  // alice's was not used for an hour
  const auto carol = begin(sessions, "carol");
  EXPECT_NE(sessions.find(bob), nullptr);
  EXPECT_NE(sessions.find(carol), nullptr);
  EXPECT_EQ(sessions.size(), 2U);
}

TEST_F(SessionsTest, ByHeaderEachTokenHasAViewerOfItsOwn) {
  Sessions sessions({.most = 2}, clock);
  int made = 0;
  const auto make = [&] {
    ++made;
    return somebody();
  };
  const auto alice = sessions.find_or_begin("token-a", make);
  EXPECT_EQ(sessions.find_or_begin("token-a", make), alice);
  clock.advance(Seconds(1));
  const auto bob = sessions.find_or_begin("token-b", make);
  EXPECT_NE(alice, bob);
  EXPECT_EQ(made, 2);
  clock.advance(Seconds(1));
  sessions.find_or_begin("token-c", make);  // makes room: alice's was not used for longest
  EXPECT_TRUE(alice->ended().stop_requested());
  EXPECT_FALSE(bob->ended().stop_requested());
  EXPECT_EQ(sessions.find_or_begin("token-b", make), bob);
}

TEST_F(SessionsTest, ATokenIsNoSessionId) {
  Sessions sessions({}, clock);
  sessions.find_or_begin("token-a", [&] { return somebody(); });
  EXPECT_EQ(sessions.find("token-a"), nullptr);
}

TEST_F(SessionsTest, TheSweepEndsExpiredSessionsWithoutARequest) {
  Sessions sessions({}, clock);
  const auto id = begin(sessions, "alice", minutes(10));
  const auto viewer = sessions.find(id);
  std::jthread sweeping([&](std::stop_token stop) { sessions.sweep(std::move(stop)); });
  clock.advance(minutes(10) + Sessions::kSweep);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!viewer->ended().stop_requested() && std::chrono::steady_clock::now() < deadline) {
    clock.advance(Sessions::kSweep);
    std::this_thread::yield();
  }
  EXPECT_TRUE(viewer->ended().stop_requested());
  EXPECT_EQ(sessions.size(), 0U);
}

}  // namespace
}  // namespace apitoken::portal
