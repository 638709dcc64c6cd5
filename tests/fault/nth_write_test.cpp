// Failing or dying at the n-th write, for every n, in everything the operator does to one ApiToken:
// it converges afterwards, and exactly one Secret holds the value whose hash stands in the status.
#include <gtest/gtest.h>

#include "base/base64.hpp"
#include "base/rfc3339.hpp"
#include "core/token_format.hpp"
#include "fault/world.hpp"

namespace apitoken::reconcile {
namespace {

using Fault = FakeApiServer::Fault;

void expect_one_valid_secret(World& world) {
  ASSERT_TRUE(world.server.objects.contains(kSecret));
  const auto value =
      base64_decode(world.server.objects[kSecret]["data"]["token"].get<std::string>());
  ASSERT_TRUE(value);
  EXPECT_TRUE(core::is_well_formed(*value));
  EXPECT_EQ(core::token_hash(*value), world.server.objects[kToken]["status"]["tokenHash"]);
  EXPECT_EQ(world.server.objects[kSecret]["metadata"]["annotations"]["apitoken.dev/token-hash"],
            world.server.objects[kToken]["status"]["tokenHash"]);
  for (const auto& [path, object] : world.server.objects) {
    if (path == kSecret) continue;
    EXPECT_EQ(object.dump().find(*value), std::string::npos) << "a value in " << path;
  }
}

std::string value_of(World& world, const char* key) {
  const Json& data = world.server.objects[kSecret]["data"];
  return data.contains(key) ? base64_decode(data[key].get<std::string>()).value_or("") : "";
}

// As whoever verifies sees it, by the status alone.
bool verifies(World& world, const std::string& value) {
  const Json& status = world.server.objects[kToken]["status"];
  const WallTime now = world.clock.wall();
  const auto ahead = [&](const Json& time) {
    return now < *parse_rfc3339(time.get<std::string>());
  };
  const std::string hash = core::token_hash(value);
  if (status.value("tokenHash", "") == hash) return ahead(status["expiresAt"]);
  const Json previous = status.value("previous", Json::object());
  return previous.value("tokenHash", "") == hash && ahead(previous["validUntil"]);
}

// After each write, whatever became of its answer: the Secret of a token that says Ready holds a
// value that verifies.
void expect_ready_value_verifies(World& world) {
  const auto& objects = world.server.objects;
  const auto token = objects.find(kToken);
  if (token == objects.end() || !objects.contains(kSecret)) return;
  for (const Json& condition :
       token->second.value("/status/conditions"_json_pointer, Json::array())) {
    if (condition["type"] != "Ready" || condition["status"] != "True") continue;
    EXPECT_TRUE(verifies(world, value_of(world, "token")))
        << "Ready, and its Secret holds a dead value";
  }
}

void ask_for_rotation(World& world) {
  world.server.watch_writes = [&world] {
    EXPECT_TRUE(verifies(world, value_of(world, "token")))
        << "a reader finds a value that does not verify";
    expect_ready_value_verifies(world);
  };
  world.server.edit(kToken, [](Json& token) {
    token["metadata"]["annotations"]["apitoken.dev/rotate-requested-at"] = "2026-03-24T12:00:00Z";
  });
}

void expect_rotated(World& world) {
  expect_one_valid_secret(world);
  const Json& status = world.server.objects[kToken]["status"];
  EXPECT_EQ(status["lastRotationRequest"], "2026-03-24T12:00:00Z");
  EXPECT_EQ(core::token_hash(value_of(world, "previous-token")), status["previous"]["tokenHash"]);
}

struct Scenario {
  const char* name;
  std::function<void(World&)> prepare;
  std::function<void(World&)> act;
  std::function<void(World&)> expect;
};

const Scenario kScenarios[] = {
    {"Issue", [](World&) {}, [](World&) {}, expect_one_valid_secret},
    {"HealADeletedSecret", &World::settle, [](World& w) { w.server.objects.erase(kSecret); },
     expect_one_valid_secret},
    {"HealATamperedValue", &World::settle,
     [](World& w) {
       w.server.edit(kSecret, [](Json& secret) {
         secret["data"]["token"] = "dGFtcGVyZWQ=";
         secret["metadata"]["managedFields"].push_back(
             {{"manager", "kubectl-edit"},
              {"fieldsV1", {{"f:data", {{"f:token", Json::object()}}}}}});
       });
     },
     expect_one_valid_secret},
    {"ChangeMetadata", &World::settle,
     [](World& w) { w.spec({{"secret", {{"labels", {{"team", "a"}}}}}}); },
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
    {"Rotate", &World::settle, ask_for_rotation, expect_rotated},
    {"RotateWithoutASecret",
     [](World& w) {
       w.spec({{"secret", {{"deleteAfter", "1h"}}}});
       w.settle();
       w.clock.advance(2h);
       w.settle();
       EXPECT_FALSE(w.server.objects.contains(kSecret));
     },
     [](World& w) {
       ask_for_rotation(w);
       w.server.watch_writes = {};
     },
     expect_one_valid_secret},
    {"EndOverlap",
     [](World& w) {
       w.settle();
       ask_for_rotation(w);
       w.settle();
     },
     [](World& w) { w.clock.advance(25h); },
     [](World& w) {
       expect_one_valid_secret(w);
       EXPECT_EQ(value_of(w, "previous-token"), "");
       EXPECT_FALSE(w.server.objects[kToken]["status"].contains("previous"));
     }},
    {"DeleteAfterExpiry",
     [](World& w) {
       w.spec({{"type", "Temporary"}, {"ttl", "1h"}});
       w.settle();
     },
     [](World& w) { w.clock.advance(2h); },
     [](World& w) { EXPECT_FALSE(w.server.objects.contains(kToken)); }},
};

class NthWrite : public ::testing::TestWithParam<Scenario> {};

TEST_P(NthWrite, FailsAndEverythingConverges) {
  const auto act = [](World& world) {
    GetParam().act(world);
    if (!world.server.watch_writes)
      world.server.watch_writes = [&world] { expect_ready_value_verifies(world); };
  };
  fail_at_each_write(GetParam().prepare, act, GetParam().expect);
}

// The retry has nothing but the stale store to go by: the watch is away.
TEST(LostAnswer, OfTheStatusNeverCostsThePublishedValueWhileTheWatchIsAway) {
  World world;
  world.server.watch_writes = [&world] { expect_ready_value_verifies(world); };
  world.server.fail_write(2, Fault::AnswerLost);  // the Secret is the first
  world.process->observe();
  world.process->pass();
  ASSERT_TRUE(world.server.fired());
  const Json published = world.server.objects[kSecret];
  for (int i = 0; i < 5; ++i) {
    world.process->pass();
    world.clock.advance(3s);
  }
  EXPECT_EQ(world.server.objects[kSecret], published)
      << "minted over a value that people may have fetched";
  EXPECT_EQ(world.server.writes(), 2);
  world.settle();
  expect_one_valid_secret(world);
}

// A new leader whose watch of Secrets is ahead of its watch of ApiTokens.
TEST(StaleView, OfTheStatusDoesNotMintIntoAPublishedSecret) {
  World world;
  world.process->observe();
  auto behind = std::make_unique<Operator>(world.server, world.clock);
  behind->observe();
  world.settle();
  const Json published = world.server.objects[kSecret];
  behind->observe_secret();
  behind->pass();
  behind->pass();
  EXPECT_EQ(world.server.objects[kSecret], published);
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
  const Json foreign{{"metadata", {{"name", "ci"}, {"namespace", "team-a"}}},
                     {"data", {{"token", "bWluZQ=="}}}};
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

INSTANTIATE_TEST_SUITE_P(Scenarios, NthWrite, ::testing::ValuesIn(kScenarios),
                         [](const auto& scenario) { return scenario.param.name; });

}  // namespace
}  // namespace apitoken::reconcile
