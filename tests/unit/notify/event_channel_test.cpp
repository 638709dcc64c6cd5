// Events: best effort for Normal ones, retries for Warnings, one Event for one fact.
#include "notify/event_channel.hpp"

#include <gmock/gmock.h>

#include <condition_variable>
#include <map>
#include <mutex>

#include "support/manual_clock.hpp"

namespace apitoken::notify {
namespace {

using namespace std::chrono_literals;
using Fate = EventResult::Fate;

// Keeps what it is given; fails as scripted. With `crowd`, a call waits until that many are under
// way.
class RecordingSink final : public EventSink {
 public:
  Status create(const api::Event& event, std::stop_token) override {
    std::unique_lock lock(mutex);
    ++calls;
    if (crowd > 0 && !arrived.wait_for(lock, 10s, [&] { return calls >= crowd; }))
      return fail(ErrorKind::Internal, "nobody else came");
    arrived.notify_all();
    if (error) return std::unexpected(*error);
    if (!created.emplace(event.name, 1).second) return fail(ErrorKind::AlreadyExists, "exists");
    return {};
  }
  Status repeat(const api::Event& event, int count, std::stop_token) override {
    std::lock_guard lock(mutex);
    ++calls;
    if (error) return std::unexpected(*error);
    if (!created.contains(event.name)) return fail(ErrorKind::NotFound, "gone");
    created[event.name] = count;
    return {};
  }
  std::optional<Error> error;
  std::map<std::string, int> created;  // name -> count
  int calls = 0;
  int crowd = 0;

 private:
  std::mutex mutex;
  std::condition_variable arrived;
};

class EventChannelTest : public ::testing::Test {
 protected:
  static api::Event event(std::string name, bool warning = true) {
    return {"team-a", std::move(name), {}, warning, "ExpiringSoon", "Remind", "note"};
  }
  std::vector<EventResult> write() { return channel_.write_due({}); }

  ManualClock clock_{WallTime(1000s)};
  RecordingSink sink_;
  EventChannel channel_{sink_, clock_};
};

TEST_F(EventChannelTest, WarningsAreTriedUntilAccepted) {
  sink_.error = Error{ErrorKind::Unavailable, "down"};
  channel_.post(event("a"), false, 7);
  EXPECT_EQ(write().at(0).fate, Fate::Failed);
  EXPECT_TRUE(write().empty());
  EXPECT_EQ(channel_.next_due() - clock_.steady(), 1s);
  clock_.advance(1s);
  EXPECT_EQ(write().at(0).fate, Fate::Failed);
  EXPECT_EQ(channel_.next_due() - clock_.steady(), 2s);
  clock_.advance(1h);
  sink_.error.reset();
  const auto results = write();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].tag, 7u);
  EXPECT_EQ(results[0].fate, Fate::Written);
  EXPECT_EQ(channel_.pending(), 0u);
  EXPECT_EQ(channel_.next_due(), SteadyTime::max());
}

TEST_F(EventChannelTest, AnOutagePausesAllInsteadOfTryingEach) {
  sink_.error = Error{ErrorKind::Unavailable, "down"};
  for (int i = 0; i < 30; ++i) channel_.post(event("e" + std::to_string(i)), false, 0);
  write();
  EXPECT_LE(sink_.calls, int(EventChannel::kAtOnce));
  EXPECT_EQ(channel_.pending(), 30u);
  EXPECT_EQ(channel_.next_due() - clock_.steady(), 1s);
  clock_.advance(2s);
  sink_.calls = 0;
  write();
  EXPECT_EQ(sink_.calls, 1) << "one tries whether the API server answers again";
  clock_.advance(1h);
  sink_.error.reset();
  EXPECT_EQ(write().size(), 1u);
  EXPECT_EQ(write().size(), 29u);
}

// One after the other, 10,000 Events would take minutes.
TEST_F(EventChannelTest, EventsAreWrittenSeveralAtATime) {
  sink_.crowd = EventChannel::kAtOnce;
  for (int i = 0; i < 12; ++i) channel_.post(event("e" + std::to_string(i)), false, 0);
  write();
  EXPECT_EQ(sink_.created.size(), 12u);
}

TEST_F(EventChannelTest, NormalEventsWaitWhileTheOperatorIsBusyForAMinuteAtMost) {
  channel_.post(event("issued", false), false, 1);
  channel_.post(event("rotated", false), false, 4);
  channel_.post(event("warning"), false, 2);
  channel_.write_due({}, true);
  EXPECT_THAT(sink_.created, ::testing::ElementsAre(::testing::Key("warning")));
  EXPECT_GT(channel_.next_due(), clock_.steady());  // no hot loop
  clock_.advance(1s);
  channel_.write_due({}, true);
  EXPECT_EQ(sink_.calls, 1);
  channel_.post(event("later", false), false, 3);
  clock_.advance(60s);
  channel_.write_due({}, true);
  EXPECT_EQ(sink_.created.size(), 4u);
}

TEST_F(EventChannelTest, AForbiddenEventDoesNotDelayOthers) {
  sink_.error = Error{ErrorKind::Forbidden, "create events in team-a: not allowed"};
  channel_.post(event("a"), false, 1);
  channel_.post(event("b"), false, 2);
  write();
  EXPECT_EQ(sink_.calls, 2);
  EXPECT_EQ(channel_.pending(), 2u);
}

TEST_F(EventChannelTest, EventsOfADeletedNamespaceAreDropped) {
  sink_.error = Error{ErrorKind::Forbidden,
                      "events \"a\" is forbidden: unable to create new content in namespace team-a "
                      "because it is being terminated"};
  channel_.post(event("a"), false, 1);
  EXPECT_EQ(write().at(0).fate, Fate::Gone);
  sink_.error = Error{ErrorKind::NotFound, "namespaces \"team-a\" not found"};
  channel_.post(event("b"), false, 1);
  EXPECT_EQ(write().at(0).fate, Fate::Gone);
  EXPECT_EQ(channel_.pending(), 0u);
}

TEST_F(EventChannelTest, NormalEventsAreTriedOnce) {
  sink_.error = Error{ErrorKind::Unavailable, "down"};
  channel_.post(event("a", false), false, 0);
  write();
  EXPECT_EQ(channel_.pending(), 0u);
}

TEST_F(EventChannelTest, AnEventThatExistsCountsAsWritten) {
  sink_.created["a"] = 1;
  channel_.post(event("a"), false, 3);
  EXPECT_EQ(write().at(0).fate, Fate::Written);
}

TEST_F(EventChannelTest, ARepeatIsCountedAtMostOnceAMinute) {
  channel_.post(event("a"), true, 0);
  write();
  for (int i = 0; i < 5; ++i) channel_.post(event("a"), true, 0);
  write();
  EXPECT_EQ(sink_.calls, 1);
  clock_.advance(61s);
  channel_.post(event("a"), true, 0);
  write();
  EXPECT_EQ(sink_.calls, 2);
  EXPECT_EQ(sink_.created["a"], 7);
}

TEST_F(EventChannelTest, ARepeatOfAnEventThatTheServerDeletedStartsItsSeriesAgain) {
  channel_.post(event("a"), true, 0);
  write();
  sink_.created.clear();
  clock_.advance(2h);
  channel_.post(event("a"), true, 0);
  write();
  EXPECT_EQ(sink_.created["a"], 1);
}

TEST_F(EventChannelTest, AnEventThatIsNotRepeatableIsWrittenOnce) {
  channel_.post(event("a"), false, 0);
  channel_.post(event("a"), false, 9);
  const auto results = write();
  EXPECT_EQ(sink_.calls, 1);
  EXPECT_EQ(results.at(1).fate, Fate::Written);
}

TEST_F(EventChannelTest, CanceledEventsAreNotWritten) {
  channel_.post(event("a"), false, 1);
  channel_.post(event("b"), false, 2);
  channel_.cancel({1});
  write();
  EXPECT_EQ(sink_.created.size(), 1u);
  EXPECT_TRUE(sink_.created.contains("b"));
}

}  // namespace
}  // namespace apitoken::notify
