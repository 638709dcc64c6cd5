#include "kube/reflector.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <future>

#include "support/captured_log.hpp"
#include "support/fake_transport.hpp"
#include "support/watched_clock.hpp"

namespace apitoken::kube {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Thing {
  api::ObjectMeta meta;
};

Result<Thing> decode(api::Json object) {
  auto meta = api::decode_meta(object);
  if (!meta) return std::unexpected(std::move(meta.error()));
  return Thing{std::move(*meta)};
}

std::string object(std::string_view name, int version) {
  return fmt::format(
      R"({{"metadata":{{"namespace":"ns","name":"{0}","uid":"uid-{0}","resourceVersion":"{1}"}}}})",
      name, version);
}

std::string list(int version, const std::vector<std::string>& items, std::string_view next = "") {
  return fmt::format(R"({{"items":[{}],"metadata":{{"resourceVersion":"{}","continue":"{}"}}}})",
                     fmt::join(items, ","), version, next);
}

std::string event(std::string_view type, const std::string& of) {
  return fmt::format("{{\"type\":\"{}\",\"object\":{}}}\n", type, of);
}

std::string error_event(int code) {
  return event("ERROR", fmt::format(R"({{"kind":"Status","code":{},"message":"no more"}})", code));
}

std::string bookmark(int version) {
  return event("BOOKMARK", fmt::format(R"({{"metadata":{{"resourceVersion":"{}"}}}})", version));
}

class ReflectorTest : public testing::Test {
 protected:
  void start(Watched watched = {.resource = resources::kApiTokens},
             std::function<Result<Thing>(api::Json)> decoder = decode) {
    reflector_ = std::make_unique<Reflector<Thing>>(
        client_, clock_, std::move(watched), store_, std::move(decoder),
        [this](const Change<Thing>& change) { note(change); }, &outage_);
    thread_ = std::jthread([this](std::stop_token stop) { reflector_->run(stop); });
  }
  void note(const Change<Thing>& change) {
    std::lock_guard lock(mutex_);
    const auto& meta = (change.after ? change.after : change.before)->meta;
    changes_.push_back((change.before ? change.after ? "~" : "-" : "+") + meta.name);
  }
  std::vector<std::string> changes() {
    std::lock_guard lock(mutex_);
    return changes_;
  }
  std::string target(std::size_t index) const { return transport_.requests().at(index).target; }
  [[nodiscard]] bool sent(std::size_t count) const {
    return eventually([&] { return transport_.count() >= count; });
  }
  // The reflector pauses for about `pause`; no request goes out meanwhile. Then the pause ends.
  void expect_pause(std::size_t requests, std::chrono::milliseconds pause) {
    ASSERT_TRUE(eventually([&] { return clock_.waited_for(pause, pause + pause / 10); }))
        << transport_.count();
    EXPECT_EQ(transport_.count(), requests);
    clock_.advance(pause + pause / 10 + 1ms);
  }

  CapturedLog log_;
  WatchedClock clock_;
  FakeTransport transport_;
  CountingObserver observer_;
  Client client_{transport_, observer_};
  Outage outage_{clock_};
  Store<Thing> store_;
  std::mutex mutex_;
  std::vector<std::string> changes_;  // guarded by mutex_
  std::unique_ptr<Reflector<Thing>> reflector_;
  std::jthread thread_;
};

TEST_F(ReflectorTest, ListsInPagesThenWatchesFromThere) {
  transport_.answer(200, list(10, {object("a", 1), object("b", 2)}, "next/1"));
  transport_.answer(200, list(10, {object("c", 3)}));
  transport_.stream_open({event("ADDED", object("d", 11)) + event("MODIFIED", object("a", 12)),
                          event("DELETED", object("b", 13)), bookmark(20)});
  start();
  ASSERT_TRUE(eventually([&] { return changes().size() == 6; }));
  EXPECT_THAT(changes(), ElementsAre("+a", "+b", "+c", "+d", "~a", "-b"));
  EXPECT_TRUE(reflector_->has_synced());
  EXPECT_EQ(reflector_->last_activity(), clock_.wall());
  EXPECT_EQ(store_.size(), 3U);
  EXPECT_EQ(target(0), "/apis/apitoken.dev/v1alpha1/apitokens?limit=500");
  EXPECT_EQ(target(1), "/apis/apitoken.dev/v1alpha1/apitokens?limit=500&continue=next%2F1");
  EXPECT_THAT(target(2), HasSubstr("?watch=true&allowWatchBookmarks=true&timeoutSeconds="));
  EXPECT_THAT(target(2), HasSubstr("&resourceVersion=10"));
}

TEST_F(ReflectorTest, TheNextPageIsFetchedWhileOneIsDecoded) {
  transport_.answer(200, list(10, {object("a", 1)}, "next"));
  transport_.answer(200, list(10, {object("b", 2)}));
  transport_.stream_open({});
  std::atomic<bool> fetched = false;
  start({.resource = resources::kApiTokens}, [&](api::Json json) {
    fetched = fetched || sent(2);  // waits for it within the first page
    return decode(json);
  });
  ASSERT_TRUE(eventually([&] { return store_.size() == 2; }));
  EXPECT_TRUE(fetched);
}

TEST_F(ReflectorTest, AfterAnOutageItTriesWithinAProbeDespiteALongBackoff) {
  constexpr std::size_t kFailures = 12;  // by its own backoff the next try would come 30 s later
  for (std::size_t i = 0; i < kFailures; ++i) {
    transport_.answer([this](const HttpRequest&, std::stop_token) -> Result<HttpResponse> {
      outage_.unanswered();
      return fail(ErrorKind::Unavailable, "refused");
    });
  }
  transport_.answer([this](const HttpRequest&, std::stop_token) -> Result<HttpResponse> {
    outage_.answered({.status = 403});
    return HttpResponse{403, "", {}};  // a server that has just started knows no permissions
  });
  transport_.answer(200, list(10, {object("a", 1)}));
  start();
  for (std::size_t i = 1; i <= kFailures; ++i) {
    ASSERT_TRUE(eventually([&] {
      return transport_.count() == i && clock_.waited_for(1ns, 800ms);
    })) << i;
    clock_.advance(800ms);
  }
  ASSERT_TRUE(sent(kFailures + 1));
  expect_pause(kFailures + 1, 800ms);
  EXPECT_TRUE(eventually([&] { return store_.size() == 1; }));
}

TEST_F(ReflectorTest, ListsMetadataAndBySelectorsIfConfigured) {
  transport_.answer(200, R"({"items":null,"metadata":{"resourceVersion":"3"}})");
  start({.resource = resources::kSecrets,
         .ns = "team-a",
         .metadata_only = true,
         .label_selector = "a=b",
         .field_selector = "metadata.name=x"});
  ASSERT_TRUE(sent(2));
  EXPECT_EQ(target(0),
            "/api/v1/namespaces/team-a/"
            "secrets?limit=500&labelSelector=a%3Db&fieldSelector=metadata.name%3Dx");
  EXPECT_THAT(target(1), HasSubstr("&labelSelector=a%3Db&fieldSelector=metadata.name%3Dx"));
  EXPECT_EQ(transport_.requests()[0].accept, kMetadataListAccept);
  EXPECT_EQ(transport_.requests()[1].accept, kMetadataAccept);
  EXPECT_TRUE(reflector_->has_synced());
}

TEST_F(ReflectorTest, ResumesFromTheLastBookmarkAfterACleanEnd) {
  transport_.answer(200, list(10, {}));
  transport_.stream({event("ADDED", object("a", 11)), bookmark(15)});
  start();
  ASSERT_TRUE(sent(3));
  EXPECT_THAT(target(2), HasSubstr("&resourceVersion=15"));
}

TEST_F(ReflectorTest, ARelistReportsRemovedObjects) {
  transport_.answer(200, list(10, {object("a", 1), object("b", 2)}));
  transport_.stream({error_event(410)});
  transport_.answer(200, list(20, {object("b", 2), object("c", 15)}));
  start();
  ASSERT_TRUE(eventually([&] { return changes().size() == 4; }));
  EXPECT_THAT(changes(), testing::UnorderedElementsAre("+a", "+b", "-a", "+c"));
  ASSERT_TRUE(sent(4));
  EXPECT_EQ(target(2), "/apis/apitoken.dev/v1alpha1/apitokens?limit=500");
  EXPECT_THAT(target(3), HasSubstr("&resourceVersion=20"));
}

TEST_F(ReflectorTest, AnHttp410OnTheWatchListsAgain) {
  transport_.answer(200, list(10, {}));
  transport_.stream([](std::stop_token, const auto&) {
    return HttpResponse{410, R"({"message":"too old"})", {}};
  });
  transport_.answer(200, list(20, {}));
  start();
  ASSERT_TRUE(sent(4));
  EXPECT_THAT(target(3), HasSubstr("&resourceVersion=20"));
}

TEST_F(ReflectorTest, AnotherErrorEventListsAgainAfterAPause) {
  transport_.answer(200, list(10, {}));
  transport_.stream({error_event(500) + event("ADDED", object("ignored", 11))});
  transport_.answer(200, list(20, {}));
  start();
  expect_pause(2, 800ms);
  ASSERT_TRUE(sent(4));
  EXPECT_THAT(changes(), IsEmpty());
  EXPECT_EQ(log_.count("watch failing"), 1);
}

TEST_F(ReflectorTest, ADroppedConnectionResumesAfterAPauseAndIsLoggedOnce) {
  transport_.answer(200, list(10, {}));
  for (int i = 0; i < 4; ++i) {
    transport_.stream({ErrorKind::Unavailable, "connection refused", {}});
    transport_.answer(200, list(11, {object("a", 11)}, "more"));
  }
  start();
  for (std::size_t i = 0; i < 4; ++i) expect_pause(2 * i + 2, 800ms * (1 << i));
  ASSERT_TRUE(sent(10));
  EXPECT_EQ(target(8), "/apis/apitoken.dev/v1alpha1/apitokens?limit=1");
  EXPECT_THAT(target(9), HasSubstr("&resourceVersion=10"));
  EXPECT_THAT(changes(), IsEmpty());
  EXPECT_EQ(log_.count("watch failing"), 1);
  EXPECT_EQ(log_.count("watch apitokens.apitoken.dev: connection refused"), 1);
}

TEST_F(ReflectorTest, AfterARestoreOfEtcdTheListCountsForEveryObject) {
  transport_.answer(200, list(100, {object("a", 40), object("later", 90), object("moved", 95)}));
  transport_.stream({ErrorKind::Unavailable, "connection reset", {}});
  transport_.answer(200, list(50, {}));
  transport_.answer(200, list(50, {object("a", 40), object("moved", 45), object("gone", 30)}));
  start();
  expect_pause(2, 800ms);
  ASSERT_TRUE(sent(5));
  EXPECT_EQ(target(2), "/apis/apitoken.dev/v1alpha1/apitokens?limit=1");
  EXPECT_EQ(target(3), "/apis/apitoken.dev/v1alpha1/apitokens?limit=500");
  EXPECT_THAT(target(4), HasSubstr("&resourceVersion=50"));
  EXPECT_EQ(store_.get({"ns", "moved"})->meta.resource_version, "45");
  EXPECT_TRUE(store_.get({"ns", "gone"}));
  EXPECT_FALSE(store_.get({"ns", "later"}));
  EXPECT_EQ(log_.count("versions went back"), 1);
}

TEST_F(ReflectorTest, AfterARestoreOfEtcdAnotherObjectOfTheSameVersionCounts) {
  std::string other = object("a", 40);
  other.insert(other.find(R"("uid")"), R"("labels":{"since":"the restore"},)");
  transport_.answer(200, list(100, {object("a", 40)}));
  transport_.stream({ErrorKind::Unavailable, "connection reset", {}});
  transport_.answer(200, list(50, {}));
  transport_.answer(200, list(50, {other}));
  start();
  expect_pause(2, 800ms);
  ASSERT_TRUE(sent(5));
  EXPECT_EQ(store_.get({"ns", "a"})->meta.labels.count("since"), 1U);
}

TEST_F(ReflectorTest, AListWhosePagesAreOfAVersionThatNoLongerExistsStartsAgain) {
  transport_.answer(200, list(100, {object("a", 1)}, "one"));
  transport_.answer(504,
                    R"({"message":"Too large resource version: 100, current: 50",
                        "reason":"Timeout","details":{"causes":[
                          {"reason":"ResourceVersionTooLarge","message":"Too large"}]}})");
  transport_.answer(200, list(50, {object("b", 2)}));
  start();
  ASSERT_TRUE(eventually([&] { return reflector_->has_synced(); }));
  EXPECT_EQ(target(2), target(0));
  EXPECT_THAT(changes(), ElementsAre("+b"));
}

TEST_F(ReflectorTest, TheEndOfAFailureIsLoggedOnce) {
  transport_.answer(503, "");
  transport_.answer(503, "");
  transport_.answer(200, list(10, {}));
  start();
  expect_pause(1, 800ms);
  expect_pause(2, 1600ms);
  ASSERT_TRUE(eventually([&] { return log_.count("work again") == 1; }));
  EXPECT_EQ(log_.count("list failing"), 1);
}

TEST_F(ReflectorTest, AStreamCutWithinAnEventResumesFromTheLastCompleteOne) {
  transport_.answer(200, list(10, {}));
  const std::string cut = event("ADDED", object("b", 12));
  transport_.stream({event("ADDED", object("a", 11)) + cut.substr(0, cut.size() / 2)});
  transport_.answer(200, list(12, {}));
  transport_.stream_open({cut});
  start();
  expect_pause(2, 800ms);
  ASSERT_TRUE(eventually([&] { return changes().size() == 2; }));
  EXPECT_THAT(target(3), HasSubstr("&resourceVersion=11"));
  EXPECT_THAT(changes(), ElementsAre("+a", "+b"));
}

TEST_F(ReflectorTest, MalformedEventsListAgainWithGrowingPauses) {
  for (int i = 0; i < 3; ++i) {
    transport_.answer(200, list(10 + i, {}));
    transport_.stream({"{\"type\":\"ADDED\",]\n"});
  }
  start();
  expect_pause(2, 800ms);
  expect_pause(4, 1600ms);
  expect_pause(6, 3200ms);
  EXPECT_EQ(log_.count("failing"), 1);
  EXPECT_EQ(log_.count("work again"), 0);
}

TEST_F(ReflectorTest, MalformedListsAreTriedAgainWithGrowingPauses) {
  transport_.answer(200, "{\"items\":[");
  transport_.answer(200, "[]");
  transport_.answer(200, R"({"items":7,"metadata":{"resourceVersion":"1"}})");
  transport_.answer(200, list(10, {}));
  start();
  expect_pause(1, 800ms);
  expect_pause(2, 1600ms);
  EXPECT_FALSE(reflector_->has_synced());
  expect_pause(3, 3200ms);
  ASSERT_TRUE(eventually([&] { return reflector_->has_synced(); }));
}

TEST_F(ReflectorTest, WatchesThatEndAtOnceCauseNoBusyLoop) {
  transport_.answer(200, list(10, {}));
  for (int i = 0; i < 4; ++i) transport_.stream(std::vector<std::string>{});
  start();
  expect_pause(3, 800ms);
  expect_pause(4, 1600ms);
  expect_pause(5, 3200ms);
  ASSERT_TRUE(sent(6));
  EXPECT_EQ(log_.count("the server ends each watch at once"), 1);
}

TEST_F(ReflectorTest, HonoursTheServersRetryAfter) {
  transport_.answer(429, R"({"message":"storage is (re)initializing"})", 7s);
  transport_.answer(200, list(10, {}));
  start();
  expect_pause(1, 7s);
  ASSERT_TRUE(eventually([&] { return reflector_->has_synced(); }));
}

TEST_F(ReflectorTest, AnExpiredContinueTokenRestartsTheList) {
  transport_.answer(200, list(10, {object("a", 1)}, "one"));
  transport_.answer(410, R"({"message":"continue expired"})");
  transport_.answer(200, list(20, {object("b", 15)}));
  start();
  ASSERT_TRUE(eventually([&] { return reflector_->has_synced(); }));
  EXPECT_THAT(changes(), ElementsAre("+b"));
  EXPECT_EQ(target(2), target(0));
}

TEST_F(ReflectorTest, AListGoesOnAtThePageThatFailed) {
  transport_.answer(200, list(10, {object("a", 1)}, "one"));
  transport_.answer(503, R"({"message":"busy"})");
  transport_.answer(Error{ErrorKind::Unavailable, "no answer within 30000 ms", {}});
  transport_.answer(200, list(10, {object("b", 2)}));
  start();
  expect_pause(2, 800ms);
  expect_pause(3, 1600ms);
  ASSERT_TRUE(eventually([&] { return reflector_->has_synced(); }));
  EXPECT_THAT(changes(), ElementsAre("+a", "+b"));
  EXPECT_THAT(target(1), HasSubstr("&continue=one"));
  EXPECT_EQ(target(2), target(1));
  EXPECT_EQ(target(3), target(1));
}

TEST_F(ReflectorTest, AfterAPageThatTookTooLongThePagesAreSmaller) {
  transport_.answer(200, list(10, {object("a", 1)}, "one"));
  transport_.answer([this](const HttpRequest&, std::stop_token) -> Result<HttpResponse> {
    clock_.advance(30s);
    return fail(ErrorKind::Unavailable, "no answer within 30000 ms");
  });
  transport_.answer(200, list(10, {object("b", 2)}));
  start();
  expect_pause(2, 800ms);
  ASSERT_TRUE(eventually([&] { return reflector_->has_synced(); }));
  EXPECT_THAT(target(1), HasSubstr("?limit=500&continue=one"));
  EXPECT_THAT(target(2), HasSubstr("?limit=100&continue=one"));
}

TEST_F(ReflectorTest, APageOfAnotherFormStartsTheListAgain) {
  transport_.answer(200, list(10, {object("a", 1)}, "one"));
  transport_.answer(200, R"({"metadata":{"resourceVersion":"10"},"items":7})");
  transport_.answer(200, list(10, {object("a", 1), object("b", 2)}));
  start();
  expect_pause(2, 800ms);
  ASSERT_TRUE(eventually([&] { return reflector_->has_synced(); }));
  EXPECT_EQ(target(2), target(0));
  EXPECT_THAT(changes(), ElementsAre("+a", "+b"));
  EXPECT_EQ(log_.count("items is no list"), 1);
}

TEST_F(ReflectorTest, MissingCrdsAreLoggedOnceWithTheRemedy) {
  for (int i = 0; i < 3; ++i)
    transport_.answer(404, R"({"message":"the server could not find the requested resource"})");
  transport_.answer(200, list(10, {}));
  start();
  for (std::size_t i = 0; i < 3; ++i) expect_pause(i + 1, 800ms * (1 << i));
  ASSERT_TRUE(eventually([&] { return reflector_->has_synced(); }));
  EXPECT_EQ(log_.count("the CRDs are not installed: kubectl apply -f crds/"), 1);
}

TEST_F(ReflectorTest, AForbiddenListSaysOnceWhichVerbOnWhichResource) {
  for (int i = 0; i < 2; ++i) transport_.answer(403, R"({"message":"no"})");
  start({.resource = resources::kSecrets, .ns = "team-a"});
  expect_pause(1, 800ms);
  expect_pause(2, 1600ms);
  EXPECT_EQ(log_.count("list secrets in team-a: no (403)"), 1);
}

TEST_F(ReflectorTest, AnUndecodableObjectIsLoggedOnceAndSkipped) {
  const std::string broken = R"({"metadata":{"name":"broken"}})";
  transport_.answer(200, list(10, {object("a", 1), broken, object("b", 2)}));
  transport_.stream_open(
      {event("ADDED", broken) + event("DELETED", broken) + event("ADDED", object("c", 12))});
  start();
  ASSERT_TRUE(eventually([&] { return changes().size() == 3; }));
  EXPECT_THAT(changes(), ElementsAre("+a", "+b", "+c"));
  EXPECT_EQ(log_.count("object skipped"), 1) << log_.text();
}

TEST_F(ReflectorTest, AnIntegerBeyondSixtyFourBitsHidesNoObject) {
  std::string huge = object("b", 2);
  huge.insert(1, R"("spec":{"ttl":99999999999999999999},)");
  transport_.answer(200, list(10, {object("a", 1), huge, object("c", 3)}));
  transport_.stream_open({event("MODIFIED", huge), event("ADDED", object("d", 11))});
  start();
  ASSERT_TRUE(eventually([&] { return store_.size() == 4; }));
  EXPECT_EQ(log_.count("failing"), 0);
}

TEST_F(ReflectorTest, EchoesOfOwnWritesAreNotChanges) {
  transport_.answer(200, list(10, {}));
  std::promise<void> written;
  transport_.stream(
      [&](std::stop_token stop,
          const std::function<bool(std::string_view)>& receive) -> Result<HttpResponse> {
        written.get_future().wait();
        receive(event("MODIFIED", object("a", 11)) + event("ADDED", object("b", 12)));
        return FakeTransport::until_stopped(stop);
      });
  start();
  ASSERT_TRUE(sent(2));
  simdjson::dom::parser parser;
  const std::string own = object("a", 11);
  EXPECT_TRUE(store_.put(decode(parser.parse(own).value()).value()));
  written.set_value();
  ASSERT_TRUE(eventually([&] { return !changes().empty(); }));
  EXPECT_THAT(changes(), ElementsAre("+b"));
}

TEST_F(ReflectorTest, ListsAgainDuringAWatchIfAskedButNotAllTheTime) {
  transport_.answer(200, list(10, {object("a", 1)}));
  transport_.stream_open({bookmark(20)});
  transport_.answer(200, list(30, {object("a", 15)}));
  start();
  ASSERT_TRUE(sent(2));
  reflector_->relist();
  ASSERT_TRUE(sent(4));
  EXPECT_EQ(target(2), "/apis/apitoken.dev/v1alpha1/apitokens?limit=500");
  EXPECT_THAT(target(3), HasSubstr("&resourceVersion=30"));
  EXPECT_THAT(changes(), ElementsAre("+a", "~a"));
  clock_.advance(ListWatch::kRelistInterval - 1s);
  reflector_->relist();
  clock_.advance(1s);
  transport_.answer(200, list(40, {object("a", 35)}));
  reflector_->relist();
  ASSERT_TRUE(sent(6));
  EXPECT_THAT(target(5), HasSubstr("&resourceVersion=40")) << "the second call did not count";
  EXPECT_EQ(log_.count("failing"), 0);
}

TEST_F(ReflectorTest, AStopEndsAPauseAnOpenWatchAndAList) {
  transport_.answer(503, "");
  start();
  ASSERT_TRUE(eventually([&] { return clock_.waited_for(800ms, 900ms); }));
  thread_ = {};
  transport_.answer(200, list(10, {}));
  start();
  ASSERT_TRUE(sent(3));
  thread_ = {};
  transport_.answer(
      [](const HttpRequest&, std::stop_token stop) { return FakeTransport::until_stopped(stop); });
  start();
  ASSERT_TRUE(sent(4));
  thread_ = {};
  EXPECT_EQ(log_.count("Canceled"), 0);
}

}  // namespace
}  // namespace apitoken::kube
