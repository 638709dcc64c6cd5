// Testbed: one process of the operator on a FakeApiServer with one ApiToken. For tests; one thread.
#pragma once

#include <gtest/gtest.h>

#include <variant>

#include "base/rfc3339.hpp"
#include "core/plan_token.hpp"
#include "fault/fake_api_server.hpp"
#include "reconcile/execute.hpp"
#include "reconcile/gather.hpp"
#include "reconcile/token_worker.hpp"
#include "support/manual_clock.hpp"

namespace apitoken::reconcile {

using namespace std::chrono_literals;
using Json = nlohmann::json;

inline const std::string kToken = "/apis/apitoken.dev/v1alpha1/namespaces/team-a/apitokens/ci";
inline const std::string kSecret = "/api/v1/namespaces/team-a/secrets/ci";

// The dispatcher's collaborators. It is never started, so nothing is delivered but Events that are
// written during a pass: their names are in the list.
class NullNotifications final : public notify::EventSink,
                                public notify::MailChannel,
                                public notify::MailSettingsSource,
                                public notify::DeliveryListener,
                                public notify::WorkloadGauge,
                                public notify::NotifyObserver,
                                public kube::RequestObserver {
 public:
  explicit NullNotifications(std::vector<std::string>& events) : events_(events) {}

  Status create(const api::Event& event, std::stop_token) override {
    events_.push_back(event.name);
    return {};
  }
  Status repeat(const api::Event&, int, std::stop_token) override { return {}; }
  Result<notify::SendResult> send(const notify::MailSettings&, const notify::Mail&,
                                  std::stop_token) override {
    return notify::SendResult{};
  }
  Status try_login(const notify::MailSettings&, std::chrono::milliseconds,
                   std::stop_token) override {
    return {};
  }
  void rest() override {}
  Result<notify::MailSettings> mail_settings(const std::string&, std::stop_token) override {
    return notify::MailSettings{};
  }
  void on_delivered(const notify::DeliveredNotice&) override {}
  bool is_busy() const override { return false; }
  void on_report_changed(const std::string&) override {}
  void notices_attempted(std::string_view, std::string_view, std::size_t) override {}
  void request_done(std::string_view, std::string_view) override {}

 private:
  std::vector<std::string>& events_;
};

// The memory of one process; a crash destroys it.
class Operator {
 public:
  Operator(FakeApiServer& server, const Clock& clock, std::vector<std::string>& events)
      : server_(server),
        null_(events),
        client_(server, null_),
        dispatcher_({null_, null_, null_, null_, null_, null_, clock}),
        gatherer_(client_, stores_, table_, own_writes_, live_, dispatcher_, clock),
        index_(stores_.tokens, clock),
        executor_(
            client_, stores_, own_writes_, live_, dispatcher_,
            [](const core::JwtClaims&, const std::stop_token&) -> Result<core::MintedToken> {
              return fail(ErrorKind::Unavailable, "the testbed has no signing key");
            },
            [](bool) {}, [](const api::ObjectKey&) {}) {}

  // Brings the stores up to date, as the watches do.
  void observe() {
    decode_into(stores_.tokens, kToken, api::decode_api_token);
    decode_into(stores_.secrets, kSecret, api::decode_secret_meta);
  }
  // Brings only the Secrets up to date: the watch of ApiTokens lags.
  void observe_secret() { decode_into(stores_.secrets, kSecret, api::decode_secret_meta); }
  // Brings only the ApiTokens up to date: the watch of Secrets lags, or the Secret lacks the label
  // that is watched.
  void observe_token() { decode_into(stores_.tokens, kToken, api::decode_api_token); }
  // Whether verification finds this hash, or defers its answer.
  bool finds_or_defers(const std::string& hash) const {
    if (live_.may_lack_a_value()) return true;
    const auto token = stores_.tokens.get({"team-a", "ci"});
    if (!token) return false;
    const auto& status = token->status;
    return status.token_hash == hash || (status.previous && status.previous->token_hash == hash);
  }
  // Runs a TokenWorker, which requeues after failures, until `queue` is shut down.
  void work(kube::Workqueue& queue, serve::ControllerMetrics& metrics) {
    StaleViews stale_views(metrics, [](std::string_view) {});
    TokenWorker(queue, gatherer_, executor_, dispatcher_, duplicates_, metrics, false, stale_views)
        .run({});
  }
  // Runs one pass. True if there is nothing left to do now or within three seconds.
  bool pass() {
    const auto gathered = gatherer_.gather({"team-a", "ci"}, {});
    if (!gathered) return false;
    if (!*gathered) return true;
    const core::Plan plan = core::plan_token((*gathered)->observed);
    const bool done = std::ranges::all_of(
        plan.effects, [](const auto& e) { return std::holds_alternative<core::SubmitNotice>(e); });
    return executor_.execute(plan, *(*gathered)->token, {}).has_value() && done && !plan.retry &&
           !(plan.wake_at && *plan.wake_at - (*gathered)->observed.now <= 3s);
  }

 private:
  template <typename T, typename Decode>
  void decode_into(kube::Store<T>& store, const std::string& path, Decode decode) {
    std::vector<kube::Kept<T>> all;
    if (const auto found = server_.objects.find(path); found != server_.objects.end()) {
      api::JsonParser parser;
      const std::string text = found->second.dump();
      all.emplace_back(std::make_shared<const T>(*decode(*parser.parse(text))));
    }
    store.replace("", std::move(all), server_.version());
  }

  FakeApiServer& server_;
  NullNotifications null_;
  kube::Client client_;
  Stores stores_;
  ConfigTable table_;
  OwnWrites own_writes_;
  LiveView live_{client_, stores_, own_writes_};
  notify::Dispatcher dispatcher_;
  Gatherer gatherer_;
  verify::TokenIndex index_;
  DuplicateHashes duplicates_{index_, dispatcher_};
  Executor executor_;
};

class Testbed {
 public:
  Testbed() {
    server.put(kToken, {{"metadata", {{"name", "ci"}, {"namespace", "team-a"}, {"generation", 1}}},
                        {"spec", {{"user", "alice@example.com"}}}});
  }

  void restart() { process = std::make_unique<Operator>(server, clock, events); }
  void settle() {
    for (int i = 0; i < 20; ++i) {
      process->observe();
      if (process->pass()) return;
      clock.advance(3s);  // what waits between two mintings may go on
    }
    ADD_FAILURE() << "does not converge: " << server.objects[kToken].dump(1);
  }
  // Runs passes until the fault has happened; every second pass sees a stale view.
  void run_into_fault() {
    for (int i = 0; i < 6 && !server.fired(); ++i) {
      process->observe();
      process->pass();
    }
    if (!server.crashed()) process->pass();
    if (server.crashed()) restart();
    server.mend();
  }
  void spec(const Json& patch) {
    server.edit(kToken, [&](Json& object) {
      object["spec"].merge_patch(patch);
      object["metadata"]["generation"] = object["metadata"]["generation"].get<int>() + 1;
    });
  }

  FakeApiServer server;
  ManualClock clock{*parse_rfc3339("2026-03-24T12:00:00Z")};
  std::vector<std::string> events;
  std::unique_ptr<Operator> process = std::make_unique<Operator>(server, clock, events);
};

// Runs `act` with each fault at the n-th write, for every n, until the objects settle; then
// `expect`.
inline void fail_at_each_write(const std::function<void(Testbed&)>& prepare,
                               const std::function<void(Testbed&)>& act,
                               const std::function<void(Testbed&)>& expect) {
  using Fault = FakeApiServer::Fault;
  for (const Fault fault :
       {Fault::Refused, Fault::AnswerLost, Fault::CrashBefore, Fault::CrashAfter}) {
    for (int nth = 1;; ++nth) {
      SCOPED_TRACE("fault " + std::to_string(int(fault)) + " at write " + std::to_string(nth));
      Testbed testbed;
      prepare(testbed);
      act(testbed);
      testbed.server.fail_write(nth, fault);
      testbed.run_into_fault();
      if (!testbed.server.fired()) {
        EXPECT_GT(nth, 1) << "nothing was written";
        break;
      }
      testbed.settle();
      expect(testbed);
      const int writes = testbed.server.writes();
      testbed.settle();
      EXPECT_EQ(testbed.server.writes(), writes) << "still writes after it has settled";
      ASSERT_FALSE(::testing::Test::HasFailure());
    }
  }
}

}  // namespace apitoken::reconcile
