// The dispatcher's threads as a whole, with a scripted mail server and API server and a clock moved
// by hand.
#include "notify/dispatcher.hpp"

#include <gmock/gmock.h>

#include <map>
#include <thread>

#include "base/rfc3339.hpp"
#include "support/manual_clock.hpp"

namespace apitoken::notify {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::SizeIs;

const WallTime kStart = *parse_rfc3339("2026-11-24T08:00:00Z");
const WallTime kExpiry = *parse_rfc3339("2026-12-01T08:00:00Z");

// All that a dispatcher works with: records what it is given, answers as scripted.
class Surroundings final : public EventSink,
                           public MailChannel,
                           public MailSettingsSource,
                           public DeliveryListener,
                           public WorkloadGauge,
                           public NotifyObserver {
 public:
  Status create(const api::Event& event, std::stop_token) override {
    std::lock_guard lock(mutex);
    if (event_error) return std::unexpected(*event_error);
    events.push_back(event);
    return {};
  }
  Status repeat(const api::Event&, int, std::stop_token) override { return {}; }
  Result<SendResult> send(const MailSettings&, const Mail& mail, std::stop_token stop) override {
    std::unique_lock lock(mutex);
    ++attempts;
    if (hangs || mail.recipients.front() == "hangs@example.com") {
      std::condition_variable_any().wait(lock, stop, [] { return false; });
      return fail(ErrorKind::Canceled, "stopped");
    }
    if (mail_error) return std::unexpected(*mail_error);
    mails.push_back(mail);
    return SendResult{mail.recipients, {}};
  }
  Status try_login(const MailSettings&, std::chrono::milliseconds, std::stop_token) override {
    std::lock_guard lock(mutex);
    ++logins;
    if (mail_error) return std::unexpected(*mail_error);
    return {};
  }
  void rest() override {
    std::lock_guard lock(mutex);
    ++rests;
  }
  Result<MailSettings> mail_settings(const std::string&, std::stop_token) override {
    std::lock_guard lock(mutex);
    if (settings_error) return std::unexpected(*settings_error);
    MailSettings settings;
    settings.from = {"API tokens", "tokens@example.com"};
    return settings;
  }
  void on_delivered(const DeliveredNotice& notice) override {
    std::lock_guard lock(mutex);
    delivered.push_back(notice);
  }
  bool is_busy() const override { return false; }
  void on_report_changed(const std::string&) override {
    std::lock_guard lock(mutex);
    ++reports;
  }
  void notices_attempted(std::string_view channel, std::string_view result,
                         std::size_t count) override {
    std::lock_guard lock(mutex);
    counts[std::string(channel) + " " + std::string(result)] += count;
  }

  std::mutex mutex;  // guards all below
  std::vector<api::Event> events;
  std::vector<Mail> mails;
  std::vector<DeliveredNotice> delivered;
  std::map<std::string, std::size_t> counts;
  std::optional<Error> event_error;
  std::optional<Error> mail_error;
  std::optional<Error> settings_error;
  bool hangs = false;
  int attempts = 0;
  int logins = 0;
  int rests = 0;
  int reports = 0;
};

class DispatcherTest : public ::testing::Test {
 protected:
  static core::Notice notice(std::string name, Seconds before = 168h) {
    return {{"uid-" + name, kExpiry, "default", before},
            "team-a",
            name,
            "alice@example.com",
            "id",
            "Permanent",
            ""};
  }
  static core::ConfigRoute mails(Seconds digest = 0s) {
    return {"default", true, true, {"ops@example.com"}, false, digest, {}, ""};
  }
  void start() {
    thread_ = std::jthread([this](std::stop_token stop) { dispatcher_.run(stop); });
  }
  // Waits for a state that the dispatcher's thread brings about.
  template <typename Condition>
  void wait_for(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (true) {
      {
        std::lock_guard lock(around_.mutex);
        if (condition()) return;
      }
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      std::this_thread::sleep_for(1ms);
    }
  }
  void set(auto change) {
    std::lock_guard lock(around_.mutex);
    change();
  }

  ManualClock clock_{kStart};
  Surroundings around_;
  Dispatcher dispatcher_{{around_, around_, around_, around_, around_, around_, clock_}};
  std::jthread thread_;
};

TEST_F(DispatcherTest, DeliversByEventAndMailThenReports) {
  dispatcher_.submit(notice("a"), mails());
  dispatcher_.submit(notice("a"), mails());
  start();
  wait_for([&] { return around_.delivered.size() == 1 && around_.rests > 0; });
  EXPECT_THAT(around_.events, SizeIs(1));
  EXPECT_EQ(around_.events[0].reason, "ExpiringSoon");
  ASSERT_THAT(around_.mails, SizeIs(1));
  EXPECT_THAT(
      around_.mails[0].message,
      HasSubstr("Subject: 1 API token expires within 7 days, on 2026-12-01 (team-a/a)\r\n"));
  EXPECT_EQ(around_.delivered[0].event_at, kStart);
  EXPECT_EQ(around_.delivered[0].sent_at, kStart);
  EXPECT_EQ(dispatcher_.delivered("uid-a"), around_.delivered);
  EXPECT_EQ(around_.counts,
            (std::map<std::string, std::size_t>{{"email sent", 1}, {"event sent", 1}}));
  EXPECT_EQ(dispatcher_.report("default").pending_notices, 0);
  EXPECT_EQ(dispatcher_.report("default").last_success, kStart);
  dispatcher_.remove_delivered("uid-a", {notice("a").key});
  EXPECT_THAT(dispatcher_.delivered("uid-a"), SizeIs(0));
}

TEST_F(DispatcherTest, WritesAnEventAtOnceWithoutItsThreads) {
  EXPECT_EQ(dispatcher_.write_event(notice("a"), {}), kStart);
  ASSERT_THAT(around_.events, SizeIs(1));
  EXPECT_EQ(around_.events[0].reason, "ExpiringSoon");
  EXPECT_EQ(around_.counts, (std::map<std::string, std::size_t>{{"event sent", 1}}));
  EXPECT_EQ(dispatcher_.oldest_pending(), std::nullopt);
  EXPECT_THAT(dispatcher_.delivered("uid-a"), SizeIs(0));
}

TEST_F(DispatcherTest, AnEventThatCannotBeWrittenAtOnceIsWrittenByTheThread) {
  around_.event_error = Error{ErrorKind::Forbidden, "no right to events"};
  EXPECT_EQ(dispatcher_.write_event(notice("a"), {}), std::nullopt);
  around_.event_error.reset();
  dispatcher_.submit(notice("a"), {});
  start();
  wait_for([&] { return around_.delivered.size() == 1; });
  EXPECT_THAT(around_.events, SizeIs(1));
}

// A nearer reminder cancels a pending one, and a delivered one must enter the ledger first.
TEST_F(DispatcherTest, WritesNoEventAtOnceForATokenWithOtherNotices) {
  dispatcher_.submit(notice("a", 720h), {});
  EXPECT_EQ(dispatcher_.write_event(notice("a"), {}), std::nullopt);
  start();
  wait_for([&] { return around_.delivered.size() == 1; });
  EXPECT_EQ(dispatcher_.write_event(notice("a"), {}), std::nullopt);
  dispatcher_.remove_delivered("uid-a", {notice("a", 720h).key});
  EXPECT_EQ(dispatcher_.write_event(notice("a"), {}), kStart);
}

TEST_F(DispatcherTest, CollectsForTheDigestAndMailsOnce) {
  start();
  for (int i = 0; i < 20; ++i) dispatcher_.submit(notice("t" + std::to_string(i)), mails(5min));
  wait_for([&] { return around_.events.size() == 20; });
  EXPECT_THAT(around_.mails, SizeIs(0));
  clock_.advance(5min);
  wait_for([&] { return around_.delivered.size() == 20; });
  EXPECT_THAT(around_.mails, SizeIs(1));
}

TEST_F(DispatcherTest, AServerThatIsDownGetsTheSameMailLater) {
  set([&] { around_.mail_error = Error{ErrorKind::Unavailable, "down"}; });
  dispatcher_.submit(notice("a"), mails());
  start();
  wait_for([&] { return around_.attempts == 1 && around_.reports > 0; });
  EXPECT_EQ(dispatcher_.report("default").last_error, "down");
  EXPECT_EQ(dispatcher_.oldest_pending(), kStart);
  set([&] { around_.mail_error.reset(); });
  clock_.advance(30s);
  wait_for([&] { return around_.delivered.size() == 1; });
  EXPECT_EQ(around_.delivered[0].sent_at, kStart + 30s);
  EXPECT_EQ(dispatcher_.oldest_pending(), std::nullopt);
  EXPECT_EQ(around_.counts["email error"], 1u);
}

TEST_F(DispatcherTest, MailWaitsForItsSecretAndGoesWithRetryNow) {
  set([&] { around_.settings_error = Error{ErrorKind::NotFound, "Secret smtp is missing"}; });
  dispatcher_.submit(notice("a"), mails());
  start();
  wait_for([&] { return dispatcher_.report("default").error_kind == ErrorKind::NotFound; });
  set([&] { around_.settings_error.reset(); });
  dispatcher_.retry_now("default");
  wait_for([&] { return around_.mails.size() == 1; });
}

TEST_F(DispatcherTest, StopsAtOnceWhileAServerHangs) {
  set([&] { around_.hangs = true; });
  dispatcher_.submit(notice("a"), mails());
  start();
  wait_for([&] { return around_.attempts == 1; });
  const auto begin = std::chrono::steady_clock::now();
  thread_.request_stop();
  thread_.join();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
  EXPECT_THAT(around_.delivered, SizeIs(0));
}

TEST_F(DispatcherTest, AMailServerThatHangsHoldsUpNoEvent) {
  set([&] { around_.hangs = true; });
  dispatcher_.submit(notice("a"), mails());
  start();
  wait_for([&] { return around_.attempts == 1; });
  dispatcher_.submit(notice("b"), {});
  wait_for([&] { return around_.delivered.size() == 1; });
  EXPECT_EQ(around_.delivered[0].key.token_uid, "uid-b");
  EXPECT_THAT(around_.events, SizeIs(2));
}

TEST_F(DispatcherTest, AServerThatHangsHoldsUpItsOwnConfigAlone) {
  auto stuck = notice("a");
  stuck.key.config = "hangs";
  dispatcher_.submit(stuck, {"hangs", true, true, {"hangs@example.com"}, false, 0s, {}, ""});
  start();
  wait_for([&] { return around_.attempts == 1; });
  dispatcher_.submit(notice("b"), mails());
  wait_for([&] { return around_.mails.size() == 1; });
  dispatcher_.request_test_mail({"hangs", "2026-11-24T08:00:00Z", {"ops@example.com"}}, 0s);
  dispatcher_.try_login("hangs");
  wait_for([&] { return around_.mails.size() == 2 && around_.logins == 1; });
}

TEST_F(DispatcherTest, ATestMailIsSentOnceARequestAndAnswered) {
  start();
  for (int i = 0; i < 3; ++i)
    dispatcher_.request_test_mail(
        {"default", "2026-11-24T08:00:00Z", {"ops@example.com", "sec@example.com"}}, 0s);
  wait_for([&] { return around_.mails.size() == 1 && around_.reports > 0; });
  EXPECT_THAT(around_.mails[0].message,
              HasSubstr("Subject: Test mail of TokenExpiryConfig default\r\n"));
  EXPECT_GT(around_.mails[0].within, 0ms);
  const auto answer = dispatcher_.test_mail("default");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->accepted, 2);
  EXPECT_EQ(answer->error, "");
  dispatcher_.request_test_mail({"default", "2026-11-24T08:00:00Z", {"ops@example.com"}}, 0s);
  set([&] {
    around_.settings_error = Error{ErrorKind::NotFound, "Secret smtp has no key server"};
  });
  dispatcher_.request_test_mail({"default", "2026-11-24T08:01:00Z", {"ops@example.com"}}, 60s);
  dispatcher_.submit(notice("a"), {});
  wait_for([&] { return around_.delivered.size() == 1; });
  EXPECT_EQ(dispatcher_.test_mail("default")->requested_at, "2026-11-24T08:00:00Z");
  clock_.advance(60s);
  wait_for(
      [&] { return dispatcher_.test_mail("default")->requested_at == "2026-11-24T08:01:00Z"; });
  EXPECT_EQ(dispatcher_.test_mail("default")->error, "Secret smtp has no key server");
  EXPECT_THAT(around_.mails, SizeIs(1));
}

TEST_F(DispatcherTest, ALoginIsTriedWhereNoMailIsDue) {
  set([&] { around_.mail_error = Error{ErrorKind::Unauthorized, "535 wrong password"}; });
  dispatcher_.try_login("default");
  start();
  wait_for([&] { return around_.logins == 1 && around_.reports > 0; });
  EXPECT_EQ(dispatcher_.report("default").last_error, "535 wrong password");
  set([&] { around_.mail_error.reset(); });
  dispatcher_.try_login("default");
  wait_for([&] { return around_.logins == 2; });
  wait_for([&] { return dispatcher_.report("default").login_works; });
  EXPECT_EQ(dispatcher_.report("default").last_error, "");
}

TEST_F(DispatcherTest, NothingLeavesBeforeItRuns) {
  dispatcher_.submit(notice("a"), mails());
  dispatcher_.post_event({"team-a", "issued", {}, false, "Issued", "Issue", ""});
  EXPECT_THAT(around_.events, SizeIs(0));
  dispatcher_.cancel_notices("uid-a");
  start();
  wait_for([&] { return around_.events.size() == 1; });
  EXPECT_EQ(around_.events[0].reason, "Issued");
}

TEST_F(DispatcherTest, NormalEventsBeyondTheBurstAreDroppedAndWarningsNever) {
  for (int i = 0; i < 300; ++i) {
    dispatcher_.post_event({"team-a", "n" + std::to_string(i), {}, false, "Issued", "Issue", ""});
    dispatcher_.post_event(
        {"team-a", "w" + std::to_string(i), {}, true, "InvalidSpec", "Validate", ""});
  }
  auto quiet = notice("temporary", 0s);
  quiet.warning = false;
  dispatcher_.submit(quiet, {.config = "", .recipients = {}});
  start();
  wait_for([&] { return around_.delivered.size() == 1 && around_.events.size() == 400; });
  EXPECT_EQ(around_.delivered[0].event_at, std::nullopt);
}

TEST_F(DispatcherTest, WorkersMayCallItAllAtOnce) {
  start();
  {
    std::vector<std::jthread> workers;
    for (int w = 0; w < 4; ++w) {
      workers.emplace_back([this, w] {
        for (int i = 0; i < 50; ++i) {
          const std::string name = "t" + std::to_string(w) + "-" + std::to_string(i);
          dispatcher_.submit(notice(name), mails());
          if (i % 10 == 0) dispatcher_.cancel_notices("uid-" + name);
          (void)dispatcher_.delivered("uid-" + name);
          (void)dispatcher_.report("default");
          dispatcher_.retry_now("default");
        }
      });
    }
  }
  wait_for([&] { return around_.delivered.size() >= 180; });
  EXPECT_EQ(dispatcher_.report("default").pending_notices, 0);
}

}  // namespace
}  // namespace apitoken::notify
