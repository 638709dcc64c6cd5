// Failing or dying at the n-th write, for every n, in everything the operator does to one ApiToken: it converges afterwards, and
// exactly one Secret holds the value whose hash stands in the status.
#include <gtest/gtest.h>

#include "api/names.hpp"
#include "base/base64.hpp"
#include "base/rfc3339.hpp"
#include "core/plan_token.hpp"
#include "core/token_format.hpp"
#include "fault/fake_api_server.hpp"
#include "reconcile/execute.hpp"
#include "reconcile/gather.hpp"

namespace apitoken::reconcile {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;
using Fault = FakeApiServer::Fault;

const std::string kToken = "/apis/apitoken.dev/v1alpha1/namespaces/team-a/apitokens/ci";
const std::string kSecret = "/api/v1/namespaces/team-a/secrets/ci";

// What the dispatcher wants around it; it is never started, so nothing is told.
class Silence final : public notify::EventSink,
                      public notify::MailChannel,
                      public notify::DispatcherHooks,
                      public notify::NotifyObserver,
                      public kube::RequestObserver {
 public:
  Status create(const api::Event&, std::stop_token) override { return {}; }
  Status repeat(const api::Event&, int, std::stop_token) override { return {}; }
  Result<notify::SendOutcome> send(const notify::MailSettings&, const notify::Mail&, std::stop_token) override { return notify::SendOutcome{}; }
  void rest() override {}
  Result<notify::MailSettings> mail_settings(const std::string&, std::stop_token) override { return notify::MailSettings{}; }
  void on_told(const notify::Told&) override {}
  void on_config_report(const std::string&) override {}
  void notices_done(std::string_view, std::string_view, std::size_t) override {}
  void request_done(std::string_view, std::string_view) override {}
};

// All that one process keeps in memory; a crash is its end.
class Operator {
 public:
  Operator(FakeApiServer& server, const Clock& clock) : server_(server), client_(server, silence_), dispatcher_(silence_, silence_, silence_, silence_, clock), gatherer_(client_, stores_, table_, trust_, dispatcher_, clock), executor_(client_, stores_, trust_, dispatcher_, [] {}) {}

  // What the watches bring.
  void observe() {
    decode_into(stores_.tokens, kToken, api::decode_api_token);
    decode_into(stores_.secrets, kSecret, api::decode_secret_meta);
  }
  // One pass. True: nothing was left to do.
  bool pass() {
    const auto gathered = gatherer_.gather({"team-a", "ci"}, {});
    if (!gathered) return false;
    if (!*gathered) return true;
    const core::Plan plan = core::plan_token((*gathered)->observed);
    const bool done = std::ranges::all_of(plan.effects, [](const auto& e) { return std::holds_alternative<core::Tell>(e); });
    return executor_.execute(plan, *(*gathered)->token, {}).has_value() && done && !plan.retry;
  }

 private:
  template <typename T, typename Decode>
  void decode_into(kube::Store<T>& store, const std::string& path, Decode decode) {
    std::vector<std::shared_ptr<const T>> all;
    if (const auto found = server_.objects.find(path); found != server_.objects.end()) {
      api::JsonParser parser;
      const std::string text = found->second.dump();
      all.push_back(std::make_shared<const T>(*decode(*parser.parse(text))));
    }
    store.replace("", std::move(all), server_.version());
  }

  FakeApiServer& server_;
  Silence silence_;
  kube::Client client_;
  Stores stores_;
  ConfigTable table_;
  SecretTrust trust_;
  notify::Dispatcher dispatcher_;
  Gatherer gatherer_;
  Executor executor_;
};

class World {
 public:
  World() { server.put(kToken, {{"metadata", {{"name", "ci"}, {"namespace", "team-a"}, {"generation", 1}}}, {"spec", {{"user", "alice@example.com"}}}}); }

  void settle() {
    for (int i = 0; i < 20; ++i) {
      process->observe();
      if (process->pass()) return;
      clock.advance(3s);  // what waits between two mintings may go on
    }
    ADD_FAILURE() << "does not converge: " << server.objects[kToken].dump(1);
  }
  // Passes until the fault was met, each second one on a view that the watch has not freshened.
  void run_into_fault() {
    for (int i = 0; i < 6 && !server.fired(); ++i) {
      process->observe();
      process->pass();
    }
    if (!server.crashed()) process->pass();
    if (server.crashed()) process = std::make_unique<Operator>(server, clock);
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
  std::unique_ptr<Operator> process = std::make_unique<Operator>(server, clock);
};

void expect_one_valid_secret(World& world) {
  ASSERT_TRUE(world.server.objects.contains(kSecret));
  const auto value = base64_decode(world.server.objects[kSecret]["data"]["token"].get<std::string>());
  ASSERT_TRUE(value);
  EXPECT_TRUE(core::is_well_formed(*value));
  EXPECT_EQ(core::token_hash(*value), world.server.objects[kToken]["status"]["tokenHash"]);
  EXPECT_EQ(world.server.objects[kSecret]["metadata"]["annotations"]["apitoken.dev/token-hash"], world.server.objects[kToken]["status"]["tokenHash"]);
  for (const auto& [path, object] : world.server.objects) {
    if (path == kSecret) continue;
    EXPECT_EQ(object.dump().find(*value), std::string::npos) << "a value in " << path;
  }
}

struct Scenario {
  const char* name;
  std::function<void(World&)> prepare;
  std::function<void(World&)> act;
  std::function<void(World&)> expect;
};

const Scenario kScenarios[] = {
    {"Issue", [](World&) {}, [](World&) {}, expect_one_valid_secret},
    {"HealADeletedSecret", &World::settle, [](World& w) { w.server.objects.erase(kSecret); }, expect_one_valid_secret},
    {"HealATamperedValue", &World::settle,
     [](World& w) {
       w.server.edit(kSecret, [](Json& secret) {
         secret["data"]["token"] = "dGFtcGVyZWQ=";
         secret["metadata"]["managedFields"].push_back({{"manager", "kubectl-edit"}, {"fieldsV1", {{"f:data", {{"f:token", Json::object()}}}}}});
       });
     },
     expect_one_valid_secret},
    {"ChangeMetadata", &World::settle, [](World& w) { w.spec({{"secret", {{"labels", {{"team", "a"}}}}}}); },
     [](World& w) {
       expect_one_valid_secret(w);
       EXPECT_EQ(w.server.objects[kSecret]["metadata"]["labels"]["team"], "a");
       EXPECT_EQ(w.server.objects[kToken]["status"]["revision"], 1);
     }},
    {"Revoke", &World::settle, [](World& w) { w.spec({{"revoked", true}}); },
     [](World& w) {
       EXPECT_FALSE(w.server.objects.contains(kSecret));
       EXPECT_FALSE(w.server.objects[kToken]["status"].contains("tokenHash"));
     }},
    {"DeleteAfterExpiry",
     [](World& w) {
       w.spec({{"type", "Temporary"}, {"ttl", "1h"}});
       w.settle();
     },
     [](World& w) { w.clock.advance(2h); }, [](World& w) { EXPECT_FALSE(w.server.objects.contains(kToken)); }},
};

class NthWrite : public ::testing::TestWithParam<Scenario> {};

TEST_P(NthWrite, FailsAndEverythingConverges) {
  for (const Fault fault : {Fault::Refused, Fault::AnswerLost, Fault::CrashBefore, Fault::CrashAfter}) {
    for (int nth = 1;; ++nth) {
      SCOPED_TRACE("fault " + std::to_string(int(fault)) + " at write " + std::to_string(nth));
      World world;
      GetParam().prepare(world);
      GetParam().act(world);
      world.server.fail_write(nth, fault);
      world.run_into_fault();
      if (!world.server.fired()) {
        EXPECT_GT(nth, 1) << "nothing was written";
        break;
      }
      world.settle();
      GetParam().expect(world);
      const int writes = world.server.writes();
      world.settle();
      EXPECT_EQ(world.server.writes(), writes) << "settled, and writes on";
      ASSERT_FALSE(HasFailure());
    }
  }
}

TEST(Restart, AFreshProcessOverSettledObjectsWritesNothing) {
  World world;
  world.settle();
  const int writes = world.server.writes();
  EXPECT_EQ(writes, 2);
  world.process = std::make_unique<Operator>(world.server, world.clock);
  world.settle();
  EXPECT_EQ(world.server.writes(), writes);
}

TEST(Restart, AForeignSecretIsFoundByItsRefusalAndNeverTouched) {
  World world;
  const Json foreign{{"metadata", {{"name", "ci"}, {"namespace", "team-a"}}}, {"data", {{"token", "bWluZQ=="}}}};
  world.server.put(kSecret, foreign);
  const Json before = world.server.objects[kSecret];
  // Its watch does not show it: the operator's has a label selector.
  FakeApiServer& server = world.server;
  for (int i = 0; i < 4; ++i) {
    auto hidden = server.objects.extract(kSecret);
    world.process->observe();
    server.objects.insert(std::move(hidden));
    world.process->pass();
  }
  EXPECT_EQ(server.objects[kSecret], before);
  EXPECT_EQ(server.objects[kToken]["status"]["conditions"][0]["reason"].is_string(), true);
  EXPECT_NE(server.objects[kToken]["status"].dump().find("SecretConflict"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Scenarios, NthWrite, ::testing::ValuesIn(kScenarios), [](const auto& scenario) { return scenario.param.name; });

}  // namespace
}  // namespace apitoken::reconcile
