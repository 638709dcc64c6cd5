// The outbox: batches, retries, and what counts as delivered. Time is an argument, so hours pass in
// no time.
#include "notify/outbox.hpp"

#include <gmock/gmock.h>

#include <set>

#include "base/rfc3339.hpp"

namespace apitoken::notify {
namespace {

using namespace std::chrono_literals;
using enum Outbox::FailedAt;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const WallTime kStart = *parse_rfc3339("2026-11-24T08:00:00Z");
const WallTime kExpiry = *parse_rfc3339("2026-12-01T08:00:00Z");

class OutboxTest : public ::testing::Test {
 protected:
  static core::Notice notice(std::string name, Seconds before = 168h) {
    return {{"uid-" + name, kExpiry, "default", before},
            "team-a",
            name,
            name + "@example.com",
            "id",
            "Permanent",
            ""};
  }
  static core::ConfigRoute mails(std::vector<std::string> recipients, Seconds digest = 5min) {
    return {"default", true, true, std::move(recipients), false, digest, {}, ""};
  }
  Now now() const {
    return {kStart + std::chrono::floor<Seconds>(elapsed_), SteadyTime(1h) + elapsed_};
  }
  void pass(std::chrono::milliseconds time) { elapsed_ += time; }
  void submit(const core::Notice& n, const core::ConfigRoute& route) {
    ASSERT_TRUE(outbox_.submit(n, route, now()));
    outbox_.event_finished(*outbox_.event_tag(n.key), now().wall);
  }
  std::optional<Outbox::Attempt> attempt() {
    const auto next = outbox_.next_batch(now().steady);
    return next ? outbox_.begin_attempt(*next) : std::nullopt;
  }
  void finish(const Outbox::Attempt& a, SendResult result) {
    outbox_.attempt_finished(a.turn, result, now());
  }
  void accept(const Outbox::Attempt& a) { finish(a, {a.envelope, {}}); }
  void fail_attempt(const Outbox::Attempt& a) {
    outbox_.attempt_failed(a.turn, {ErrorKind::Unavailable, "down"}, Server, now());
  }
  DeliveryReport report() const { return outbox_.report("default"); }

  Outbox outbox_;
  std::chrono::milliseconds elapsed_{0};
};

TEST_F(OutboxTest, ANoticeWithoutMailIsDeliveredByItsEvent) {
  const auto n = notice("a");
  core::ConfigRoute route{.config = "default", .recipients = {}};
  EXPECT_TRUE(outbox_.submit(n, route, now()));
  EXPECT_THAT(outbox_.take_delivered(), IsEmpty());
  pass(2s);
  outbox_.event_finished(*outbox_.event_tag(n.key), now().wall);
  EXPECT_THAT(outbox_.take_delivered(),
              ElementsAre(DeliveredNotice{{"team-a", "a"}, n.key, kStart + 2s, {}}));
  EXPECT_THAT(outbox_.delivered("uid-a"), SizeIs(1));
  EXPECT_FALSE(outbox_.submit(n, route, now()));
  outbox_.remove_delivered("uid-a", {n.key});
  EXPECT_THAT(outbox_.delivered("uid-a"), IsEmpty());
}

TEST_F(OutboxTest, ABatchCollectsThenGoesOnce) {
  submit(notice("a"), mails({"ops@example.com"}));
  pass(4min);
  submit(notice("b"), mails({"ops@example.com"}));
  submit(notice("c"), mails({"sec@example.com"}));
  EXPECT_FALSE(attempt());
  pass(1min);
  const auto first = attempt();
  ASSERT_TRUE(first);
  EXPECT_THAT(first->notices, SizeIs(2));
  accept(*first);
  EXPECT_FALSE(attempt());
  const auto delivered = outbox_.take_delivered();
  ASSERT_THAT(delivered, SizeIs(2));
  EXPECT_EQ(delivered[0].sent_at, kStart + 5min);
  EXPECT_EQ(report().pending_notices, 1);
  EXPECT_EQ(report().last_success, kStart + 5min);
  EXPECT_EQ(report().oldest_pending, kStart + 4min);
}

TEST_F(OutboxTest, WithoutDigestTimeItGoesAtOnce) {
  submit(notice("a"), mails({"ops@example.com"}, 0s));
  EXPECT_TRUE(attempt());
}

TEST_F(OutboxTest, AShorterDigestTimeHoldsForWhatWaitsAlready) {
  submit(notice("a"), mails({"ops@example.com"}, 60min));
  EXPECT_FALSE(outbox_.submit(notice("a"), mails({"ops@example.com"}, 5s), now()));
  pass(5s);
  EXPECT_TRUE(attempt());
}

TEST_F(OutboxTest, AFrozenBatchStaysAsItIsAndNewNoticesFormTheNext) {
  submit(notice("a"), mails({"ops@example.com"}, 0s));
  auto first = attempt();
  fail_attempt(*first);
  submit(notice("b"), mails({"ops@example.com"}, 0s));
  EXPECT_FALSE(attempt()) << "the server is down: nothing is tried before the retry";
  pass(31s);
  std::vector<std::size_t> sizes;
  while (const auto next = attempt()) {
    sizes.push_back(next->notices.size());
    accept(*next);
  }
  EXPECT_THAT(sizes, ElementsAre(1, 1));
  EXPECT_THAT(outbox_.take_delivered(), SizeIs(2));
}

TEST_F(OutboxTest, RetriesDoubleUpToAnHourForOneServer) {
  submit(notice("a"), mails({"ops@example.com"}, 0s));
  submit(notice("b"), mails({"sec@example.com"}, 0s));
  int tries = 0;
  for (int second = 0; second < 24 * 3600; ++second) {
    if (const auto next = attempt()) {
      ++tries;
      fail_attempt(*next);
    }
    pass(1s);
  }
  EXPECT_GE(tries, 28);
  EXPECT_LE(tries, 31);
  EXPECT_EQ(report().last_error, "down");
  EXPECT_EQ(report().failing_since, kStart);
  EXPECT_EQ(report().pending_notices, 2);
}

TEST_F(OutboxTest, AMailThatIsRefusedDoesNotHoldUpTheOthers) {
  submit(notice("a"), mails({"ops@example.com"}, 0s));
  submit(notice("b"), mails({"sec@example.com"}, 0s));
  fail_attempt(*attempt());
  pass(30s);
  const auto next = attempt();
  ASSERT_TRUE(next);
  EXPECT_THAT(next->target.recipients, ElementsAre("sec@example.com"));
}

TEST_F(OutboxTest, RetryNowTriesAtOnce) {
  submit(notice("a"), mails({"ops@example.com"}, 0s));
  for (int i = 0; i < 8; ++i) {
    fail_attempt(*attempt());
    outbox_.retry_now("default", now().steady);
  }
  EXPECT_TRUE(attempt());
}

TEST_F(OutboxTest, MissingSettingsPauseWithoutFreezing) {
  submit(notice("a"), mails({"ops@example.com"}, 0s));
  const auto next = outbox_.next_batch(now().steady);
  outbox_.attempt_failed(*next, {ErrorKind::NotFound, "Secret smtp is missing"}, Settings, now());
  EXPECT_TRUE(report().settings_failed);
  EXPECT_EQ(report().error_kind, ErrorKind::NotFound);
  submit(notice("b"), mails({"ops@example.com"}, 0s));
  EXPECT_FALSE(outbox_.next_batch(now().steady));
  outbox_.retry_now("default", now().steady);
  EXPECT_THAT(attempt()->notices, SizeIs(2));
}

TEST_F(OutboxTest, ARetryAskedForDuringAnAttemptFollowsItAtOnce) {
  submit(notice("a"), mails({"ops@example.com"}, 0s));
  const auto under_way = attempt();
  outbox_.retry_now("default", now().steady);
  fail_attempt(*under_way);
  const auto again = attempt();
  ASSERT_TRUE(again) << "the attempt may have begun with the previous settings";
  finish(*again, {{}, {{"ops@example.com", 451, "451 later", false}}});
  EXPECT_FALSE(attempt());
  pass(30s);
  const auto refused = attempt();
  ASSERT_TRUE(refused);
  outbox_.retry_now("default", now().steady);
  finish(*refused, {{}, {{"ops@example.com", 451, "451 later", false}}});
  EXPECT_TRUE(attempt());
}

TEST_F(OutboxTest, ARetryAskedForDuringALoginFollowsItAtOnce) {
  submit(notice("a"), mails({}, 0s));
  outbox_.request_login("default", now().steady);
  const auto first = outbox_.next_login(now().steady);
  ASSERT_TRUE(first);
  outbox_.retry_now("default", now().steady);
  outbox_.login_failed(*first, {ErrorKind::Unauthorized, "535 no"}, Server, now());
  const auto again = outbox_.next_login(now().steady);
  ASSERT_TRUE(again);
  outbox_.login_failed(*again, {ErrorKind::Unauthorized, "535 no"}, Server, now());
  EXPECT_FALSE(outbox_.next_login(now().steady));
}

TEST_F(OutboxTest, OneRefusedRecipientDoesNotKeepOthersFromTheirs) {
  submit(notice("a"), mails({"ops@example.com", "gone@example.com"}, 0s));
  finish(*attempt(), {{"ops@example.com"}, {{"gone@example.com", 550, "550 no such user", true}}});
  EXPECT_THAT(outbox_.take_delivered(), SizeIs(1));
  EXPECT_FALSE(attempt());
  EXPECT_EQ(outbox_.next_due(), SteadyTime::max());
  ASSERT_THAT(report().refused, SizeIs(1));
  EXPECT_EQ(report().refused[0].address, "gone@example.com");
  EXPECT_EQ(report().last_error, "");
}

TEST_F(OutboxTest, RecipientsRefusedForTheMomentAreTriedAlone) {
  submit(notice("a"), mails({"ops@example.com", "grey@example.com"}, 0s));
  finish(*attempt(), {{"ops@example.com"}, {{"grey@example.com", 451, "451 later", false}}});
  EXPECT_THAT(outbox_.take_delivered(), IsEmpty()) << "a crash now must not lose the second copy";
  pass(30s);
  const auto again = attempt();
  ASSERT_TRUE(again);
  EXPECT_THAT(again->envelope, ElementsAre("grey@example.com"));
  EXPECT_THAT(again->target.recipients, SizeIs(2));
  accept(*again);
  EXPECT_THAT(outbox_.take_delivered(), SizeIs(1));
  EXPECT_THAT(report().refused, IsEmpty());
}

TEST_F(OutboxTest, ThoseWhoAreNeverTakenHoldUpTheLedgerForMinutesNotForEver) {
  submit(notice("a"), mails({"ops@example.com", "full@example.com"}, 0s));
  finish(*attempt(), {{"ops@example.com"}, {{"full@example.com", 452, "452 full", false}}});
  Seconds delivered_after{-1};
  int tries = 1;
  for (Seconds t = 0s; t < 240h; t += 10s, pass(10s)) {
    if (!outbox_.take_delivered().empty()) delivered_after = t;
    if (const auto next = attempt()) {
      ++tries;
      finish(*next, {{}, {{"full@example.com", 452, "452 full", false}}});
    }
  }
  EXPECT_GT(delivered_after, 5min);
  EXPECT_LT(delivered_after, 20min);
  EXPECT_EQ(tries, 100);
  EXPECT_EQ(outbox_.next_due(), SteadyTime::max());
}

TEST_F(OutboxTest, ABatchThatEverybodyRefusesIsKept) {
  submit(notice("a"), mails({"gone@example.com"}, 0s));
  finish(*attempt(), {{}, {{"gone@example.com", 550, "550 no such user", true}}});
  EXPECT_THAT(outbox_.take_delivered(), IsEmpty());
  EXPECT_THAT(report().last_error, HasSubstr("gone@example.com first: 550 no such user"));
  // The list is mended: the notice follows it.
  EXPECT_FALSE(outbox_.submit(notice("a"), mails({"ops@example.com"}, 0s), now()));
  const auto next = attempt();
  ASSERT_TRUE(next);
  EXPECT_THAT(next->envelope, ElementsAre("ops@example.com"));
  accept(*next);
  EXPECT_THAT(outbox_.take_delivered(), SizeIs(1));
  EXPECT_EQ(outbox_.next_due(), SteadyTime::max());
}

TEST_F(OutboxTest, WithNoValidAddressTheMailWaitsForOne) {
  submit(notice("a"), mails({}, 0s));
  EXPECT_EQ(outbox_.next_due(), SteadyTime::max());
  EXPECT_EQ(report().pending_notices, 1);
  outbox_.submit(notice("a"), mails({"ops@example.com"}, 0s), now());
  EXPECT_TRUE(attempt());
}

TEST_F(OutboxTest, SmtpTakenOutOfTheConfigLeavesTheEventAlone) {
  submit(notice("a"), mails({"ops@example.com"}));
  outbox_.submit(notice("a"), {.config = "default", .recipients = {}}, now());
  EXPECT_THAT(outbox_.take_delivered(), SizeIs(1));
  EXPECT_EQ(outbox_.next_due(), SteadyTime::max());
}

TEST_F(OutboxTest, ANearerReminderReplacesAPendingOne) {
  submit(notice("a", 168h), mails({"ops@example.com"}));
  ASSERT_TRUE(outbox_.submit(notice("a", 24h), mails({"ops@example.com"}), now()));
  pass(5min);
  const auto next = attempt();
  ASSERT_THAT(next->notices, SizeIs(1));
  EXPECT_EQ(next->notices[0].key.before, 24h);
  EXPECT_EQ(report().pending_notices, 1);
}

TEST_F(OutboxTest, ANearerReminderDoesNotChangeAFrozenBatch) {
  submit(notice("a", 168h), mails({"ops@example.com"}, 0s));
  const auto first = attempt();
  submit(notice("a", 24h), mails({"ops@example.com"}, 0s));
  accept(*first);
  accept(*attempt());
  EXPECT_THAT(outbox_.take_delivered(), SizeIs(2));
}

TEST_F(OutboxTest, TheEventOfAReplacedNoticeIsNotWritten) {
  const auto old = notice("a", 168h);
  outbox_.submit(old, mails({"ops@example.com"}), now());
  const auto tag = *outbox_.event_tag(old.key);
  outbox_.submit(notice("a", 24h), mails({"ops@example.com"}), now());
  EXPECT_THAT(outbox_.take_canceled_events(), ElementsAre(tag));
  outbox_.event_finished(tag, now().wall);  // it was under way: harmless
  EXPECT_EQ(report().pending_notices, 1);
}

TEST_F(OutboxTest, NoticesOfARevokedTokenAreCancelled) {
  submit(notice("a"), mails({"ops@example.com"}, 0s));
  submit(notice("b"), mails({"ops@example.com"}, 0s));
  fail_attempt(*attempt());
  outbox_.cancel_notices("uid-a");
  pass(31s);
  const auto next = attempt();
  ASSERT_THAT(next->notices, SizeIs(1));
  outbox_.cancel_notices("uid-b");
  accept(*next);  // it was under way
  EXPECT_THAT(outbox_.take_delivered(), IsEmpty());
  EXPECT_EQ(report().pending_notices, 0);
  EXPECT_EQ(outbox_.next_due(), SteadyTime::max());
}

TEST_F(OutboxTest, OfADeletedTokenOnlyItsExpiryIsDelivered) {
  submit(notice("a", 0s), mails({"ops@example.com"}, 0s));
  submit(notice("b", 1h), mails({"ops@example.com"}, 0s));
  outbox_.token_deleted("uid-a");
  EXPECT_THAT(outbox_.take_canceled_events(), IsEmpty());
  outbox_.token_deleted("uid-b");
  const auto next = attempt();
  ASSERT_TRUE(next);
  ASSERT_THAT(next->notices, SizeIs(1));
  EXPECT_EQ(next->notices[0].name, "a");
  accept(*next);
  EXPECT_THAT(outbox_.take_delivered(), IsEmpty()) << "there is no ledger to enter it in";
  EXPECT_THAT(outbox_.delivered("uid-a"), IsEmpty());
  EXPECT_EQ(report().pending_notices, 0);
}

TEST_F(OutboxTest, ARemovedConfigTakesItsNoticesAlong) {
  submit(notice("a"), mails({"ops@example.com"}, 0s));
  outbox_.remove_config("default");
  EXPECT_FALSE(attempt());
  EXPECT_EQ(report(), DeliveryReport{});
}

TEST_F(OutboxTest, TheUserGetsAMailOfTheirOwn) {
  auto route = mails({"ops@example.com"}, 0s);
  route.email_token_user = true;
  route.user_domains = {"example.com"};
  submit(notice("alice"), route);
  submit(notice("bob"), route);
  auto robot = notice("robot");
  robot.user = "robot";  // no address
  submit(robot, route);
  std::map<std::string, std::size_t> sizes;
  while (const auto next = attempt()) {
    sizes[next->envelope.at(0)] = next->notices.size();
    accept(*next);
    if (sizes.size() == 1) {
      EXPECT_THAT(outbox_.take_delivered(), SizeIs(1))
          << "only the robot's is delivered: two wait for their users' mails";
    }
  }
  EXPECT_EQ(sizes, (std::map<std::string, std::size_t>{
                       {"ops@example.com", 3}, {"alice@example.com", 1}, {"bob@example.com", 1}}));
  EXPECT_THAT(outbox_.take_delivered(), SizeIs(2));
}

TEST_F(OutboxTest, AUserOfAnotherDomainOrWithoutAMailboxGetsNone) {
  auto route = mails({"ops@example.com"}, 0s);
  route.email_token_user = true;
  route.user_domains = {"example.com"};
  route.user_prefix = "oidc:";
  for (const auto* user : {"alice@evil.example", "alice@sub.example.com", "IAM#alice@example.com",
                           "oidc:IAM#a@example.com"}) {
    auto n = notice(user);
    n.user = user;
    submit(n, route);
  }
  auto person = notice("carol");
  person.user = "oidc:carol@EXAMPLE.com";
  submit(person, route);
  std::vector<std::vector<std::string>> envelopes;
  while (const auto next = attempt()) {
    envelopes.push_back(next->envelope);
    EXPECT_EQ(next->target.channel == Channel::UserMail,
              next->envelope.at(0) == "carol@example.com");
    accept(*next);
  }
  EXPECT_THAT(envelopes, ::testing::UnorderedElementsAre(ElementsAre("ops@example.com"),
                                                         ElementsAre("carol@example.com")));
}

// Such as a server that takes 50 recipients a mail, or none at all where one of them is not
// allowed.
TEST_F(OutboxTest, AMailToManyThatIsRefusedIsNarrowedDown) {
  std::vector<std::string> everybody;
  for (int i = 0; i < 20; ++i) everybody.push_back("u" + std::to_string(i) + "@example.com");
  submit(notice("a"), mails(everybody, 0s));
  std::set<std::string> got;
  int tries = 0;
  while (const auto next = attempt()) {
    ASSERT_LT(++tries, 40);
    EXPECT_EQ(next->target.recipients, everybody);
    const bool bad = std::ranges::find(next->envelope, "u13@example.com") != next->envelope.end();
    if (bad || next->envelope.size() > 8) {
      finish(*next, {{}, {}, Refusal{"", 554, "554 not to these", true}});
    } else {
      got.insert(next->envelope.begin(), next->envelope.end());
      accept(*next);
    }
  }
  EXPECT_EQ(got.size(), 19u);
  EXPECT_LE(tries, 16);
  EXPECT_THAT(outbox_.take_delivered(), SizeIs(1));
  ASSERT_THAT(report().refused, SizeIs(1));
  EXPECT_EQ(report().refused[0].address, "u13@example.com");
  EXPECT_EQ(report().refused[0].text, "554 not to these");
}

TEST_F(OutboxTest, AMailThatIsRefusedToOneAloneIsTriedLater) {
  submit(notice("a"), mails({"ops@example.com"}, 0s));
  finish(*attempt(), {{}, {}, Refusal{"", 554, "554 not wanted", true}});
  EXPECT_FALSE(attempt());
  EXPECT_THAT(report().last_error, HasSubstr("ops@example.com first: 554 not wanted"));
  pass(30s);
  EXPECT_TRUE(attempt());
}

TEST_F(OutboxTest, ALoginIsTriedOnceAndAgainOnlyAfterAPause) {
  const auto login = [&] { return outbox_.next_login(now().steady); };
  EXPECT_FALSE(login());
  outbox_.request_login("default", now().steady);
  ASSERT_TRUE(login());
  EXPECT_EQ(login()->config, "default");
  EXPECT_FALSE(outbox_.next_login(now().steady, {"default"}));
  int tries = 0;
  for (Seconds t = 0s; t < 6h; t += 10s, pass(10s)) {
    const auto turn = login();
    if (!turn) continue;
    ++tries;
    outbox_.login_failed(*turn, {ErrorKind::Unavailable, "down"}, Server, now());
  }
  EXPECT_GE(tries, 10);
  EXPECT_LE(tries, 14);
  EXPECT_EQ(report().last_error, "down");
  outbox_.login_worked({"default", 0, 0});
  EXPECT_EQ(report().last_error, "");
  EXPECT_TRUE(report().login_works);
  EXPECT_EQ(outbox_.next_due(), SteadyTime::max());
}

TEST_F(OutboxTest, ARefusedPasswordIsNotTriedEveryMinute) {
  outbox_.request_login("default", now().steady);
  int tries = 0;
  for (Seconds t = 0s; t < 24h; t += 60s, pass(60s)) {
    const auto turn = outbox_.next_login(now().steady);
    if (!turn) continue;
    ++tries;
    outbox_.login_failed(*turn, {ErrorKind::Unauthorized, "535"}, Server, now());
  }
  EXPECT_LE(tries, 24);
}

TEST_F(OutboxTest, SettingsThatChangeWhileTheyAreReadAreReadAgain) {
  submit(notice("a"), mails({"ops@example.com"}, 0s));
  const auto turn = outbox_.next_batch(now().steady);
  outbox_.retry_now("default", now().steady);
  outbox_.attempt_failed(*turn, {ErrorKind::NotFound, "Secret smtp is missing"}, Settings, now());
  EXPECT_TRUE(attempt());
}

TEST_F(OutboxTest, SettingsThatChangeDuringALoginAreTriedWhenItEnds) {
  outbox_.request_login("default", now().steady);
  for (const bool works : {false, true}) {
    const auto turn = outbox_.next_login(now().steady);
    ASSERT_TRUE(turn);
    outbox_.retry_now("default", now().steady);
    outbox_.request_login("default", now().steady);
    if (works) {
      outbox_.login_worked(*turn);
    } else {
      outbox_.login_failed(*turn, {ErrorKind::Unauthorized, "535"}, Server, now());
    }
    EXPECT_TRUE(outbox_.next_login(now().steady)) << works;
  }
}

// One mail to the list and one to each user: the work for each stays small.
TEST_F(OutboxTest, TensOfThousandsOfNoticesAreServedInSeconds) {
  auto route = mails({"ops@example.com"}, 0s);
  route.email_token_user = true;
  route.user_domains = {"example.com"};
  constexpr int kMany = 20'000;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < kMany; ++i) submit(notice("t" + std::to_string(i)), route);
  EXPECT_EQ(report().pending_notices, kMany);
  int mails_sent = 0;
  while (const auto next = attempt()) {
    accept(*next);
    ++mails_sent;
    ASSERT_TRUE(mails_sent > kMany || outbox_.oldest_pending());
  }
  EXPECT_EQ(mails_sent, kMany + 1);
  EXPECT_THAT(outbox_.take_delivered(), SizeIs(kMany));
  for (int i = 0; i < kMany; ++i) outbox_.token_deleted("uid-t" + std::to_string(i));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 60s) << "quadratic work takes minutes";
}

TEST_F(OutboxTest, AMailTakesThePlaceOfALogin) {
  submit(notice("a"), mails({"ops@example.com"}, 0s));
  outbox_.request_login("default", now().steady);
  ASSERT_TRUE(attempt());
  EXPECT_FALSE(outbox_.next_login(now().steady, {}));
}

TEST_F(OutboxTest, ABusyConfigHoldsUpNoOther) {
  submit(notice("a"), mails({"ops@example.com"}, 0s));
  auto other = notice("b");
  other.key.config = "second";
  auto route = mails({"ops@example.com"}, 0s);
  route.config = "second";
  submit(other, route);
  const auto next = outbox_.next_batch(now().steady, {"default"});
  ASSERT_TRUE(next);
  EXPECT_EQ(next->config, "second");
  EXPECT_FALSE(outbox_.next_batch(now().steady, {"default", "second"}));
  EXPECT_EQ(outbox_.next_due({"default", "second"}, {}), SteadyTime::max());
}

}  // namespace
}  // namespace apitoken::notify
