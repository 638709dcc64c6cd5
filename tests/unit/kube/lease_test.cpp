#include "kube/lease.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <nlohmann/json.hpp>

#include "base/rfc3339.hpp"
#include "support/captured_log.hpp"
#include "support/fake_transport.hpp"
#include "support/watched_clock.hpp"

namespace apitoken::kube {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

// One Lease with optimistic concurrency, like the API server's, and with faults on demand.
// Thread-safe.
class LeaseServer final : public Transport {
 public:
  Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop) override {
    if (hanging) {
      ++hung;
      return FakeTransport::until_stopped(stop);
    }
    std::lock_guard lock(mutex_);
    ++requests;
    if (down) return fail(ErrorKind::Unavailable, "connection refused");
    if (refuse != 0) return status(refuse, "Refused");
    switch (request.method) {
      case Method::Get:
        return lease_.is_null() ? status(404, "NotFound") : HttpResponse{200, lease_.dump(), {}};
      case Method::Post:
        return lease_.is_null() ? store(request, 201) : status(409, "AlreadyExists");
      case Method::Put:
        return put(request);
      default:
        return status(405, "MethodNotAllowed");
    }
  }
  Result<HttpResponse> stream(const HttpRequest&, std::stop_token,
                              const std::function<bool(std::string_view)>&) override {
    return fail(ErrorKind::Invalid, "no watches here");
  }

  json lease() const {
    std::lock_guard lock(mutex_);
    return lease_;
  }
  json spec(const char* field) const {
    std::lock_guard lock(mutex_);
    return lease_.is_null() ? json() : lease_["spec"][field];
  }
  // Another replica writes: holder, duration, renewTime.
  void write(std::string holder, int duration, std::string renewed) {
    std::lock_guard lock(mutex_);
    if (lease_.is_null())
      lease_ = {
          {"metadata",
           {{"namespace", "ns"}, {"name", "op"}, {"uid", "u"}, {"labels", {{"kept", "yes"}}}}}};
    lease_["spec"] = {{"holderIdentity", holder},
                      {"leaseDurationSeconds", duration},
                      {"renewTime", renewed},
                      {"leaseTransitions", 4}};
    lease_["metadata"]["resourceVersion"] = std::to_string(++version_);
  }
  void remove() {
    std::lock_guard lock(mutex_);
    lease_ = nullptr;
  }

  std::atomic<bool> down = false, hanging = false;
  std::atomic<int> refuse = 0, requests = 0, hung = 0;

 private:
  static HttpResponse status(int code, std::string_view reason) {
    return {code, json{{"kind", "Status"}, {"reason", reason}, {"message", reason}}.dump(), {}};
  }
  HttpResponse put(const HttpRequest& request) {
    if (lease_.is_null()) return status(404, "NotFound");
    const auto sent = json::parse(request.body);
    if (sent["metadata"]["resourceVersion"] != lease_["metadata"]["resourceVersion"])
      return status(409, "Conflict");
    return store(request, 200);
  }
  HttpResponse store(const HttpRequest& request, int code) {
    lease_ = json::parse(request.body);
    lease_["metadata"]["uid"] = "u";
    lease_["metadata"]["resourceVersion"] = std::to_string(++version_);
    return {code, lease_.dump(), {}};
  }

  mutable std::mutex mutex_;
  json lease_;       // guarded by mutex_
  int version_ = 0;  // guarded by mutex_
};

// The renew deadline differs from every multiple of the pause, so that tests can tell the two waits
// apart.
constexpr LeaseTimings kTimings{15s, 9s, 2s};

// An elector on its own thread; counts its callbacks.
struct Replica {
  Replica(Client& client, const Clock& clock, std::string identity)
      : elector(client, clock,
                {.ns = "ns", .name = "op", .identity = std::move(identity), .timings = kTimings}) {
    thread = std::jthread([this](std::stop_token stop) {
      end = elector.run(stop, [this] { ++started; }, [this] { ++stopped; });
      returned = true;
    });
  }
  void stop() { thread = {}; }

  LeaderElector elector;
  std::atomic<int> started = 0, stopped = 0;
  std::atomic<bool> returned = false;
  std::optional<LeaderElector::End> end;  // valid once returned
  std::jthread thread;
};

class LeaseTest : public testing::Test {
 protected:
  std::unique_ptr<Replica> replica(std::string identity) {
    return std::make_unique<Replica>(client_, clock_, std::move(identity));
  }
  // Waits until the elector has made its present attempt.
  [[nodiscard]] bool pausing() const {
    return eventually([&] { return clock_.waited_for(2s, 2s); });
  }
  // Makes the only running elector try once more, and waits for the end of the attempt.
  void next_attempt() {
    ASSERT_TRUE(pausing());
    const int before = server_.requests;
    clock_.advance(2s);
    ASSERT_TRUE(eventually([&] { return server_.requests > before; }));
    ASSERT_TRUE(pausing());
  }

  CapturedLog log_;
  WatchedClock clock_;
  LeaseServer server_;
  CountingObserver observer_;
  Client client_{server_, observer_};
};

TEST_F(LeaseTest, CreatesTheLeaseAndLeads) {
  const auto one = replica("one");
  ASSERT_TRUE(eventually([&] { return one->started == 1; }));
  EXPECT_TRUE(one->elector.leading());
  EXPECT_EQ(server_.spec("holderIdentity"), "one");
  EXPECT_EQ(server_.spec("leaseDurationSeconds"), 15);
  EXPECT_EQ(server_.spec("leaseTransitions"), 0);
  EXPECT_EQ(server_.spec("acquireTime"), format_rfc3339_micro(clock_.wall_precise()));
}

TEST_F(LeaseTest, RenewsWithOneWriteEachRetryPeriod) {
  const auto one = replica("one");
  ASSERT_TRUE(eventually([&] { return one->started == 1; }));
  const auto acquired = server_.spec("acquireTime");
  const int before = server_.requests;
  for (int i = 0; i < 10; ++i) next_attempt();
  EXPECT_EQ(server_.requests, before + 10);
  EXPECT_TRUE(one->elector.leading());
  EXPECT_EQ(server_.spec("acquireTime"), acquired);
  EXPECT_EQ(server_.spec("renewTime"), format_rfc3339_micro(clock_.wall_precise()));
}

TEST_F(LeaseTest, ACleanStopReleasesAfterTheWorkHasStopped) {
  auto one = replica("one");
  ASSERT_TRUE(eventually([&] { return one->started == 1; }));
  one->stop();
  EXPECT_EQ(one->end, LeaderElector::End::Stopped);
  EXPECT_EQ(one->stopped, 1);
  EXPECT_FALSE(one->elector.leading());
  EXPECT_EQ(server_.spec("holderIdentity"), "");
  EXPECT_EQ(server_.spec("leaseDurationSeconds"), 1);
  const auto two = replica("two");
  ASSERT_TRUE(eventually([&] { return two->started == 1; }));
  EXPECT_EQ(server_.spec("leaseTransitions"), 1);
}

TEST_F(LeaseTest, WaitsWhileTheHolderRenewsByOurOwnClock) {
  server_.write("other", 15,
                "1999-01-01T00:00:00.000000Z");  // the holder's clock is no matter of ours
  const auto one = replica("one");
  for (int i = 0; i < 5; ++i) next_attempt();
  server_.write("other", 15, "1999-01-01T00:00:01.000000Z");
  for (int i = 0; i < 8; ++i) next_attempt();  // 2 s until it is seen, 14 s since
  EXPECT_EQ(one->started, 0);
  EXPECT_FALSE(one->elector.leading());
  clock_.advance(2s);
  ASSERT_TRUE(eventually([&] { return one->started == 1; }));
  EXPECT_EQ(server_.spec("leaseTransitions"), 5);
  EXPECT_EQ(server_.lease()["metadata"]["labels"]["kept"], "yes");
  EXPECT_EQ(log_.count("another replica leads"), 1);
}

TEST_F(LeaseTest, TakesAnEmptyOrOwnLeaseAtOnce) {
  server_.write("", 1, "x");
  auto one = replica("one");
  ASSERT_TRUE(eventually([&] { return one->started == 1; }));
  one->stop();
  server_.write("two", 15, "y");  // left behind by a previous process of that name
  const auto two = replica("two");
  ASSERT_TRUE(eventually([&] { return two->started == 1; }));
  EXPECT_EQ(server_.spec("leaseTransitions"), 4);
}

TEST_F(LeaseTest, AShortOutageOfTheServerKeepsLeadership) {
  const auto one = replica("one");
  ASSERT_TRUE(eventually([&] { return one->started == 1; }));
  server_.down = true;
  for (int i = 0; i < 3; ++i) next_attempt();
  EXPECT_TRUE(one->elector.leading());
  server_.down = false;
  for (int i = 0; i < 3; ++i) next_attempt();
  EXPECT_TRUE(one->elector.leading());
  EXPECT_EQ(one->stopped, 0);
  EXPECT_EQ(log_.count("leader election failing"), 1);
  EXPECT_EQ(log_.count("can be reached again"), 1);
}

TEST_F(LeaseTest, ALongOutageEndsLeadershipBeforeAnotherCanLead) {
  const auto one = replica("one");
  ASSERT_TRUE(eventually([&] { return one->started == 1; }));
  server_.down = true;
  for (int i = 0; i < 3; ++i) next_attempt();
  clock_.advance(2s);
  ASSERT_TRUE(eventually([&] { return clock_.waited_for(1s, 1s); }));
  EXPECT_TRUE(one->elector.leading());
  clock_.advance(1s);
  EXPECT_FALSE(one->elector.leading());
  ASSERT_TRUE(eventually([&] { return one->returned.load(); }));
  EXPECT_EQ(one->end, LeaderElector::End::Lost);
  EXPECT_EQ(one->stopped, 1);
}

TEST_F(LeaseTest, ARequestThatHangsIsCanceledAtTheRenewDeadline) {
  const auto one = replica("one");
  ASSERT_TRUE(eventually([&] { return one->started == 1; }));
  ASSERT_TRUE(pausing());
  server_.hanging = true;
  clock_.advance(2s);
  ASSERT_TRUE(eventually([&] { return server_.hung == 1; }));
  clock_.advance(7s);
  ASSERT_TRUE(eventually([&] { return one->returned.load(); }));
  EXPECT_EQ(one->end, LeaderElector::End::Lost);
  EXPECT_EQ(one->stopped, 1);
}

TEST_F(LeaseTest, AStopEndsAHangingRequestAndDoesNotWaitForTheRelease) {
  auto one = replica("one");
  ASSERT_TRUE(eventually([&] { return one->started == 1; }));
  ASSERT_TRUE(pausing());
  server_.hanging = true;
  clock_.advance(2s);
  ASSERT_TRUE(eventually([&] { return server_.hung == 1; }));
  one->thread.request_stop();
  ASSERT_TRUE(eventually([&] { return server_.hung == 2; }));  // the release
  clock_.advance(4s);
  ASSERT_TRUE(eventually([&] { return one->returned.load(); }));
  EXPECT_EQ(one->end, LeaderElector::End::Stopped);
  EXPECT_EQ(log_.count("lease not released"), 1);
}

TEST_F(LeaseTest, ALeaseTakenByAnotherEndsLeadershipAtOnce) {
  const auto one = replica("one");
  ASSERT_TRUE(eventually([&] { return one->started == 1; }));
  ASSERT_TRUE(pausing());
  server_.write("thief", 15, "x");
  clock_.advance(2s);
  ASSERT_TRUE(eventually([&] { return one->returned.load(); }));
  EXPECT_EQ(one->end, LeaderElector::End::Lost);
  EXPECT_EQ(server_.spec("holderIdentity"), "thief");
  EXPECT_EQ(log_.count("holder=thief"), 2);
}

TEST_F(LeaseTest, AForeignEditOrADeletionOfOurLeaseKeepsLeadership) {
  const auto one = replica("one");
  ASSERT_TRUE(eventually([&] { return one->started == 1; }));
  ASSERT_TRUE(pausing());
  server_.write("one", 15, "x");
  next_attempt();
  server_.remove();
  next_attempt();
  EXPECT_EQ(server_.spec("holderIdentity"), "one");
  EXPECT_TRUE(one->elector.leading());
}

TEST_F(LeaseTest, RefusalsAreLoggedOnceWithTheRemedy) {
  server_.refuse = 403;
  const auto one = replica("one");
  for (int i = 0; i < 3; ++i) next_attempt();
  EXPECT_EQ(log_.count("allow get, create and update of leases.coordination.k8s.io"), 1);
  server_.refuse = 404;
  for (int i = 0; i < 3; ++i) next_attempt();
  EXPECT_EQ(log_.count("create the namespace, or set --operator-namespace"), 1);
  server_.refuse = 0;
  clock_.advance(2s);
  ASSERT_TRUE(eventually([&] { return one->started == 1; }));
  EXPECT_EQ(log_.count("failing"), 2);
}

TEST_F(LeaseTest, OfManyReplicasOneLeadsAndAnotherSucceedsIt) {
  std::vector<std::unique_ptr<Replica>> replicas;
  for (int i = 0; i < 4; ++i) replicas.push_back(replica("r" + std::to_string(i)));
  const auto leaders = [&] {
    return std::ranges::count_if(replicas, [](const auto& one) { return one->elector.leading(); });
  };
  ASSERT_TRUE(eventually([&] { return leaders() == 1; }));
  for (int rest = 3; rest > 0; --rest) {
    const auto leader =
        std::ranges::find_if(replicas, [](const auto& one) { return one->elector.leading(); });
    ASSERT_NE(leader, replicas.end());
    (*leader)->stop();
    replicas.erase(leader);
    ASSERT_TRUE(eventually([&] {
      clock_.advance(100ms);
      EXPECT_LE(leaders(), 1);
      return leaders() == 1;
    }));
  }
}

TEST(Lease, UnknownOrMistypedFieldsDoNotStopIt) {
  const auto lease = api::decode_lease(
      R"({"metadata":{"name":"op","namespace":"ns","uid":"u","resourceVersion":"3"},
          "spec":{"holderIdentity":7,"leaseDurationSeconds":"x"}})");
  ASSERT_TRUE(lease);
  EXPECT_EQ(lease->holder, "");
  EXPECT_EQ(lease->duration_seconds, 0);
  EXPECT_FALSE(api::decode_lease("{"));
  EXPECT_FALSE(api::decode_lease("{}"));
  EXPECT_EQ(api::decode_lease(api::encode_lease(*lease)).value(), *lease);
}

}  // namespace
}  // namespace apitoken::kube
