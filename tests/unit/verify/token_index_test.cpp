#include "verify/token_index.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "base/base64.hpp"
#include "kube/agreed_clock.hpp"
#include "support/manual_clock.hpp"
#include "support/tokens.hpp"
#include "verify/verifier.hpp"

namespace apitoken::verify {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

class Index : public testing::Test {
 protected:
  Index() {
    store.set_listener([this](const auto& change) { index.follow(change); });
  }
  void see(api::ApiToken token) { store.observe("", std::move(token)); }
  bool valid(std::string_view value) const { return index.find(core::sha256(value)).has_value(); }

  ManualClock machine{kNow};
  kube::AgreedClock clock{machine, minutes(5)};
  kube::Store<api::ApiToken> store;
  TokenIndex index{store, clock};
};

TEST_F(Index, AValueIsValidUntilTheSecondOfItsExpiry) {
  see(token_of("good"));
  EXPECT_TRUE(valid("good"));
  EXPECT_FALSE(valid("goo"));
  EXPECT_FALSE(valid("other"));
  machine.advance(hours(1) - std::chrono::milliseconds(1));
  EXPECT_TRUE(valid("good"));
  machine.advance(std::chrono::milliseconds(1));
  EXPECT_FALSE(valid("good"));
}

TEST_F(Index, AClockThatIsSetBackMakesNoExpiredValueValid) {
  see(token_of("good"));
  machine.advance(hours(2));
  EXPECT_FALSE(valid("good"));
  machine.set_wall(kNow);
  EXPECT_FALSE(valid("good"));
}

// 400 days ahead for a moment: every later verification was refused until a restart.
TEST_F(Index, AClockThatWasFarAheadForAMomentRefusesNothingAfterwards) {
  clock.answered({.status = 200, .date = kNow, .asked = clock.steady(), .came = clock.steady()});
  see(token_of("good"));
  EXPECT_TRUE(valid("good"));
  machine.set_wall(kNow + hours(24 * 400));
  EXPECT_TRUE(valid("good"));
  machine.set_wall(kNow);
  EXPECT_TRUE(valid("good"));
}

TEST_F(Index, AValueMintedAfterAClockWasSetBackIsValidAtOnce) {
  const auto answer = [&](WallTime date) {
    clock.answered({.status = 200, .date = date, .asked = clock.steady(), .came = clock.steady()});
  };
  answer(kNow);
  EXPECT_EQ(index.now(), kNow);
  machine.set_wall(kNow - minutes(4));
  auto token = token_of("young");
  token.status.issued_at = clock.wall();
  token.status.expires_at = clock.wall() + minutes(2);
  see(token);
  EXPECT_TRUE(valid("young"));
}

TEST_F(Index, AClockThatIsSetBackMakesNoPreviousValueValid) {
  auto token = token_of("new");
  token.status.previous = previous_of("old", kNow + minutes(5));
  see(token);
  machine.advance(minutes(6));
  EXPECT_FALSE(valid("old"));
  machine.set_wall(kNow);
  EXPECT_FALSE(valid("old"));
  EXPECT_TRUE(valid("new"));
  EXPECT_EQ(index.now(), kNow + minutes(6));
}

TEST_F(Index, AChangeSeenAfterTheExpiryIsRememberedToo) {
  see(token_of("good"));
  machine.advance(hours(2));
  EXPECT_FALSE(valid("good"));
  see(token_of("good", "ci", "2"));
  machine.set_wall(kNow);
  EXPECT_FALSE(valid("good"));
}

TEST_F(Index, ThePreviousValueIsValidUntilItsOwnEnd) {
  auto token = token_of("new");
  token.status.previous = previous_of("old", kNow + minutes(5));
  see(token);
  ASSERT_TRUE(valid("old"));
  EXPECT_TRUE(index.find(core::sha256("old"))->previous);
  EXPECT_FALSE(index.find(core::sha256("new"))->previous);
  machine.advance(minutes(5));
  EXPECT_FALSE(valid("old"));
  EXPECT_TRUE(valid("new"));
}

TEST_F(Index, ARotationReplacesThePreviousHashes) {
  see(token_of("first"));
  auto rotated = token_of("second", "ci", "2");
  rotated.status.previous = previous_of("first", kNow + minutes(5));
  see(rotated);
  EXPECT_TRUE(valid("first"));
  EXPECT_TRUE(valid("second"));
  auto again = token_of("third", "ci", "3");
  again.status.previous = previous_of("second", kNow + minutes(5));
  see(again);
  EXPECT_FALSE(valid("first"));
  EXPECT_EQ(index.size(), 2u);
}

TEST_F(Index, RevocationCountsBeforeTheStatusFollows) {
  auto token = token_of("good", "ci", "2");
  token.status.previous = previous_of("old", kNow + minutes(5));
  see(token_of("good"));
  token.spec.revoked = true;
  see(token);
  EXPECT_FALSE(valid("good"));
  EXPECT_FALSE(valid("old"));
  EXPECT_EQ(index.size(), 0u);
}

TEST_F(Index, DeletionCountsFromItsRequest) {
  see(token_of("good"));
  auto token = token_of("good", "ci", "2");
  token.meta.deleted = kNow;
  see(token);
  EXPECT_FALSE(valid("good"));
}

TEST_F(Index, ADeletedObjectsValuesAreNotValid) {
  see(token_of("good"));
  store.observe_removal("", token_of("good", "ci", "2").meta);
  EXPECT_FALSE(valid("good"));
  EXPECT_EQ(index.size(), 0u);
}

TEST_F(Index, AListReplacesTheObjectsOfTheWatch) {
  see(token_of("gone", "a", "1"));
  see(token_of("stays", "b", "2"));
  std::vector<kube::Kept<api::ApiToken>> listed{
      kube::Kept<api::ApiToken>(token_of("stays", "b", "2")),
      kube::Kept<api::ApiToken>(token_of("comes", "c", "3"))};
  store.replace("", std::move(listed), "9");
  EXPECT_FALSE(valid("gone"));
  EXPECT_TRUE(valid("stays"));
  EXPECT_TRUE(valid("comes"));
}

TEST_F(Index, AnswersToOwnWritesCountAtOnce) {
  see(token_of("first"));
  store.put(token_of("second", "ci", "2"));
  EXPECT_FALSE(valid("first"));
  EXPECT_TRUE(valid("second"));
}

TEST_F(Index, ChangesThatComeOutOfOrderEndInThePresentState) {
  const auto one = std::make_shared<const api::ApiToken>(token_of("one", "ci", "1"));
  const auto two = std::make_shared<const api::ApiToken>(token_of("two", "ci", "2"));
  const auto three = std::make_shared<const api::ApiToken>(token_of("three", "ci", "3"));
  store.set_listener({});
  see(*one);
  index.follow({nullptr, one});
  see(*two);
  see(*three);
  index.follow({two, three});
  index.follow({one, two});
  EXPECT_FALSE(valid("one"));
  EXPECT_FALSE(valid("two"));
  EXPECT_TRUE(valid("three"));
  EXPECT_EQ(index.size(), 1u);
}

TEST_F(Index, AHashThatTwoApiTokensClaimBelongsToTheOlder) {
  auto victim = token_of("same", "victim", "1");
  victim.meta.created = kNow - hours(2);
  auto copy = token_of("other", "copy", "2");
  copy.meta.created = kNow - hours(1);
  copy.status.previous = previous_of("same", kNow + hours(9));
  see(copy);
  see(victim);
  const auto owner = [&] { return index.find(core::sha256("same"))->token->meta.name; };
  EXPECT_EQ(owner(), "victim");
  copy.meta.resource_version = "3";
  copy.status.token_hash = core::token_hash("same");
  copy.status.expires_at = kNow + hours(9);
  see(copy);
  EXPECT_EQ(owner(), "victim");
  EXPECT_EQ(index.claimants(core::sha256("same")).size(), 2u);
  machine.advance(hours(1));
  EXPECT_FALSE(valid("same")) << "the copy does not extend the validity";
}

TEST_F(Index, AStatusWithoutHashOrExpiryIsIgnored) {
  auto token = token_of("good");
  token.status.token_hash = "sha256:short";
  see(token);
  token = token_of("good", "b");
  token.status.expires_at.reset();
  see(token);
  EXPECT_EQ(index.size(), 0u);
}

TEST_F(Index, MayBeReadDuringChanges) {
  see(token_of("stays", "stays"));
  std::jthread asking([this](std::stop_token stop) {
    while (!stop.stop_requested()) EXPECT_TRUE(valid("stays"));
  });
  for (int i = 0; i < 2000; ++i)
    see(token_of("v" + std::to_string(i), "t" + std::to_string(i % 300), std::to_string(i + 1)));
}

class Verifying : public Index {
 protected:
  Verifier verifier{index, [this](std::string_view kid) { return kid == key; },
                    [this](const api::ApiToken& token, WallTime when) {
                      used.push_back(token.meta.name);
                      used_at = when;
                    }};
  std::string key;  // the only one that is held
  std::vector<std::string> used;
  WallTime used_at{};
};

TEST_F(Verifying, FindsTheUserOfAToken) {
  see(token_of("good"));
  const auto verified = verifier.verify("good");
  ASSERT_TRUE(verified);
  EXPECT_EQ(verified->user(), "alice@example.com");
  EXPECT_EQ(verified->token_id, "7Gk2xQ9a");
  EXPECT_EQ(verified->groups, (std::vector<std::string_view>{"deployers", "readers"}));
  EXPECT_EQ(used, std::vector<std::string>{"ci"});
  EXPECT_EQ(used_at, kNow);
}

TEST_F(Verifying, FindsTheIdOfThePreviousValue) {
  auto token = token_of("new");
  token.status.previous = previous_of("old", kNow + minutes(5));
  see(token);
  EXPECT_EQ(verifier.verify("old")->token_id, "former00");
}

TEST_F(Verifying, ATokenWithAReservedUserOrGroupIsNotValid) {
  auto reserved = token_of("root", "root");
  reserved.spec.user = "system:admin";
  see(reserved);
  EXPECT_FALSE(verifier.verify("root"));
  int version = 1;
  for (const char* group : {"system:masters", "system:", "kubeadm:cluster-admins"}) {
    auto token = token_of("good", "ci", std::to_string(++version));
    token.spec.groups = {"deployers", group};
    see(token);
    EXPECT_FALSE(verifier.verify("good")) << group;
  }
  EXPECT_TRUE(used.empty());
}

TEST_F(Verifying, GroupsThatAFlagReservesAreRefusedToo) {
  const core::ReservedNames ops{{"ops"}, {}};
  const Verifier strict(
      index, [](std::string_view) { return true; }, [](const api::ApiToken&, WallTime) {}, ops);
  auto token = token_of("good");
  token.spec.groups = {"ops"};
  see(token);
  EXPECT_FALSE(strict.verify("good"));
  EXPECT_TRUE(verifier.verify("good"));
}

TEST_F(Verifying, ARobotSpeaksOnlyForItsOwnNamespace) {
  int version = 1;
  for (const auto& [user, speaks] :
       std::vector<std::pair<std::string, bool>>{{"robot:team-a:ci", true},
                                                 {"robot:team-b:ci", false},
                                                 {"robot:team:ci", false},
                                                 {"robot:team-a", false},
                                                 {"robot:", false}}) {
    auto token = token_of("good", "ci", std::to_string(++version));
    token.spec.user = user;
    see(token);
    EXPECT_EQ(verifier.verify("good").has_value(), speaks) << user;
  }
}

TEST_F(Verifying, NeverReturnsANameThatAHeaderWouldChange) {
  auto token = token_of("good");
  token.spec.groups = {" system:masters", "\tsystem:masters", "deployers ",   " ", "", "bad\ngroup",
                       "bad\u200bgroup",  "bad\u0085group",   "the deployers"};
  see(token);
  EXPECT_EQ(verifier.verify("good")->groups, std::vector<std::string_view>{"the deployers"});
  int version = 1;
  for (const char* user : {"", " ", " system:admin", "  system:admin", "\tsystem:admin", "alice ",
                           "alice\r", "\x7f", "alice\u202e", "alice\u0085"}) {
    auto changed = token_of("changed", "changed", std::to_string(++version));
    changed.spec.user = user;
    see(changed);
    EXPECT_FALSE(verifier.verify("changed")) << '"' << user << '"';
  }
}

TEST_F(Verifying, AJwtIsValidWhileItsKeyIsInTheSet) {
  const auto value = base64url_encode(R"({"alg":"ES256","kid":"first"})") + ".e30.c2lnbmF0dXJl";
  see(token_of(value));
  key = "first";
  EXPECT_TRUE(verifier.verify(value));
  key = "second";
  EXPECT_FALSE(verifier.verify(value));
  EXPECT_EQ(used.size(), 1u);
}

TEST_F(Verifying, ATokenIsForTheAudiencesItNamesOrForAll) {
  see(token_of("any", "any"));
  auto token = token_of("some", "some");
  token.spec.audiences = {"https://a", "https://b"};
  see(token);
  EXPECT_TRUE(verifier.verify("any", {{"https://x"}}));
  EXPECT_TRUE(verifier.verify("some", {{"https://x", "https://b"}}));
  EXPECT_FALSE(verifier.verify("some", {{"https://x"}}));
  EXPECT_TRUE(verifier.verify("some"));
}

}  // namespace
}  // namespace apitoken::verify
