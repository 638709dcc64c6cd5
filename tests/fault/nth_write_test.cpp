// A failure or crash at the n-th write, for every n, in everything that the operator does to one
// ApiToken: it converges afterwards, and exactly one Secret has the value whose hash is in the
// status.
#include <gtest/gtest.h>

#include <set>

#include "base/base64.hpp"
#include "base/rfc3339.hpp"
#include "core/token_format.hpp"
#include "fault/testbed.hpp"

namespace apitoken::reconcile {
namespace {

using Fault = FakeApiServer::Fault;

void expect_one_valid_secret(Testbed& testbed) {
  ASSERT_TRUE(testbed.server.objects.contains(kSecret));
  const auto value =
      base64_decode(testbed.server.objects[kSecret]["data"]["token"].get<std::string>());
  ASSERT_TRUE(value);
  EXPECT_TRUE(core::is_well_formed(*value));
  EXPECT_EQ(testbed.server.objects[kToken]["status"]["tokenHash"], core::token_hash(*value));
  EXPECT_EQ(testbed.server.objects[kSecret]["metadata"]["annotations"]["apitoken.dev/token-hash"],
            testbed.server.objects[kToken]["status"]["tokenHash"]);
  for (const auto& [path, object] : testbed.server.objects) {
    if (path == kSecret) continue;
    EXPECT_EQ(object.dump().find(*value), std::string::npos) << "a value in " << path;
  }
}

std::string value_of(Testbed& testbed, const char* key) {
  const Json& data = testbed.server.objects[kSecret]["data"];
  return data.contains(key) ? base64_decode(data[key].get<std::string>()).value_or("") : "";
}

// Whether a value is valid, by the status only.
bool verifies(Testbed& testbed, const std::string& value) {
  const Json& status = testbed.server.objects[kToken]["status"];
  const WallTime now = testbed.clock.wall();
  const auto ahead = [&](const Json& time) {
    return now < *parse_rfc3339(time.get<std::string>());
  };
  const std::string hash = core::token_hash(value);
  if (status.value("tokenHash", "") == hash) return ahead(status["expiresAt"]);
  const Json previous = status.value("previous", Json::object());
  return previous.value("tokenHash", "") == hash && ahead(previous["validUntil"]);
}

// After each write, even if its answer is lost: if a token is Ready, its Secret has a valid value,
// and verification does not refuse it, although the operator has no answer to the write yet.
void expect_ready_value_verifies(Testbed& testbed) {
  const auto& objects = testbed.server.objects;
  const auto token = objects.find(kToken);
  if (token == objects.end() || !objects.contains(kSecret)) return;
  for (const Json& condition :
       token->second.value("/status/conditions"_json_pointer, Json::array())) {
    if (condition["type"] != "Ready" || condition["status"] != "True") continue;
    EXPECT_TRUE(verifies(testbed, value_of(testbed, "token")))
        << "Ready, but its Secret has a value that is not valid";
    EXPECT_TRUE(testbed.process->finds_or_defers(core::token_hash(value_of(testbed, "token"))))
        << "Ready, but its value is refused";
  }
}

void ask_for_rotation(Testbed& testbed) {
  testbed.server.watch_writes = [&testbed] {
    EXPECT_TRUE(verifies(testbed, value_of(testbed, "token")))
        << "a reader finds a value that is not valid";
    expect_ready_value_verifies(testbed);
  };
  testbed.server.edit(kToken, [](Json& token) {
    token["metadata"]["annotations"]["apitoken.dev/rotate-requested-at"] = "2026-03-24T12:00:00Z";
  });
}

void expect_rotated(Testbed& testbed) {
  expect_one_valid_secret(testbed);
  const Json& status = testbed.server.objects[kToken]["status"];
  EXPECT_EQ(status["lastRotationRequest"], "2026-03-24T12:00:00Z");
  EXPECT_EQ(status["previous"]["tokenHash"], core::token_hash(value_of(testbed, "previous-token")));
}

// The Event may be written again, but under the same name.
void expect_reminded(Testbed& testbed) {
  const Json& status = testbed.server.objects[kToken]["status"];
  EXPECT_NE(status["conditions"].dump().find(R"("type":"ExpiringSoon")"), std::string::npos);
  ASSERT_EQ(status["notices"].size(), 1u);
  EXPECT_EQ(status["notices"][0]["before"], "720h");
  EXPECT_TRUE(status["notices"][0].contains("eventAt"));
  EXPECT_EQ(std::set<std::string>(testbed.events.begin(), testbed.events.end()).size(), 1u);
}

struct Scenario {
  const char* name;
  std::function<void(Testbed&)> prepare;
  std::function<void(Testbed&)> act;
  std::function<void(Testbed&)> expect;
};

const Scenario kScenarios[] = {
    {"Issue", [](Testbed&) {}, [](Testbed&) {}, expect_one_valid_secret},
    {"HealADeletedSecret", &Testbed::settle, [](Testbed& w) { w.server.objects.erase(kSecret); },
     expect_one_valid_secret},
    {"HealATamperedValue", &Testbed::settle,
     [](Testbed& w) {
       w.server.edit(kSecret, [](Json& secret) {
         secret["data"]["token"] = "dGFtcGVyZWQ=";
         secret["metadata"]["managedFields"].push_back(
             {{"manager", "kubectl-edit"},
              {"fieldsV1", {{"f:data", {{"f:token", Json::object()}}}}}});
       });
     },
     expect_one_valid_secret},
    {"ChangeMetadata", &Testbed::settle,
     [](Testbed& w) { w.spec({{"secret", {{"labels", {{"team", "a"}}}}}}); },
     [](Testbed& w) {
       expect_one_valid_secret(w);
       EXPECT_EQ(w.server.objects[kSecret]["metadata"]["labels"]["team"], "a");
       EXPECT_EQ(w.server.objects[kToken]["status"]["revision"], 1);
     }},
    {"Revoke", &Testbed::settle, [](Testbed& w) { w.spec({{"revoked", true}}); },
     [](Testbed& w) {
       EXPECT_FALSE(w.server.objects.contains(kSecret));
       EXPECT_FALSE(w.server.objects[kToken]["status"].contains("tokenHash"));
     }},
    {"Rotate", &Testbed::settle, ask_for_rotation, expect_rotated},
    {"RotateWithoutASecret",
     [](Testbed& w) {
       w.spec({{"secret", {{"deleteAfter", "1h"}}}});
       w.settle();
       w.clock.advance(2h);
       w.settle();
       EXPECT_FALSE(w.server.objects.contains(kSecret));
     },
     [](Testbed& w) {
       ask_for_rotation(w);
       w.server.watch_writes = {};
     },
     expect_one_valid_secret},
    {"EndOverlap",
     [](Testbed& w) {
       w.settle();
       ask_for_rotation(w);
       w.settle();
     },
     [](Testbed& w) { w.clock.advance(25h); },
     [](Testbed& w) {
       expect_one_valid_secret(w);
       EXPECT_EQ(value_of(w, "previous-token"), "");
       EXPECT_FALSE(w.server.objects[kToken]["status"].contains("previous"));
     }},
    {"Remind", &Testbed::settle, [](Testbed& w) { w.clock.advance(340 * 24h); }, expect_reminded},
    {"DeleteAfterExpiry",
     [](Testbed& w) {
       w.spec({{"type", "Temporary"}, {"ttl", "1h"}});
       w.settle();
     },
     [](Testbed& w) { w.clock.advance(2h); },
     [](Testbed& w) { EXPECT_FALSE(w.server.objects.contains(kToken)); }},
};

class NthWrite : public ::testing::TestWithParam<Scenario> {};

TEST_P(NthWrite, FailsAndEverythingConverges) {
  const auto act = [](Testbed& testbed) {
    GetParam().act(testbed);
    if (!testbed.server.watch_writes)
      testbed.server.watch_writes = [&testbed] { expect_ready_value_verifies(testbed); };
  };
  fail_at_each_write(GetParam().prepare, act, GetParam().expect);
}

// The retry sees only the stale store, because the watch has an outage.
TEST(LostAnswer, OfTheStatusPatchNeverReplacesThePublishedValueDuringAnOutageOfTheWatch) {
  Testbed testbed;
  testbed.server.watch_writes = [&testbed] { expect_ready_value_verifies(testbed); };
  testbed.server.fail_write(2, Fault::AnswerLost);  // the Secret is the first
  testbed.process->observe();
  testbed.process->pass();
  ASSERT_TRUE(testbed.server.fired());
  const Json published = testbed.server.objects[kSecret];
  for (int i = 0; i < 5; ++i) {
    testbed.process->pass();
    testbed.clock.advance(3s);
  }
  EXPECT_EQ(testbed.server.objects[kSecret], published)
      << "minted over a value that people may have fetched";
  EXPECT_EQ(testbed.server.writes(), 2);
  testbed.settle();
  expect_one_valid_secret(testbed);
}

// A new leader whose watch of Secrets is ahead of its watch of ApiTokens.
TEST(StaleView, OfTheApiTokenDoesNotMintIntoAPublishedSecret) {
  Testbed testbed;
  testbed.process->observe();
  auto behind = std::make_unique<Operator>(testbed.server, testbed.clock, testbed.events);
  behind->observe();
  testbed.settle();
  const Json published = testbed.server.objects[kSecret];
  behind->observe_secret();
  behind->pass();
  behind->pass();
  EXPECT_EQ(testbed.server.objects[kSecret], published);
}

TEST(Restart, AFreshProcessOverSettledObjectsWritesNothing) {
  Testbed testbed;
  testbed.settle();
  const int writes = testbed.server.writes();
  EXPECT_EQ(writes, 2);
  testbed.restart();
  testbed.settle();
  EXPECT_EQ(testbed.server.writes(), writes);
}

TEST(Reminder, IsOneEventAndOneWriteOfTheStatus) {
  Testbed testbed;
  testbed.settle();
  const int writes = testbed.server.writes();
  testbed.clock.advance(340 * 24h);
  testbed.settle();
  EXPECT_EQ(testbed.server.writes(), writes + 1);
  EXPECT_EQ(testbed.events.size(), 1u);
  expect_reminded(testbed);
  testbed.restart();
  testbed.settle();
  EXPECT_EQ(testbed.server.writes(), writes + 1);
  EXPECT_EQ(testbed.events.size(), 1u);
}

TEST(Restart, AForeignSecretIsFoundByAConflictAndNeverChanged) {
  Testbed testbed;
  const Json foreign{{"metadata", {{"name", "ci"}, {"namespace", "team-a"}}},
                     {"data", {{"token", "bWluZQ=="}}}};
  testbed.server.put(kSecret, foreign);
  const Json before = testbed.server.objects[kSecret];
  // The operator's watch does not show it, because of its label selector.
  FakeApiServer& server = testbed.server;
  for (int i = 0; i < 4; ++i) {
    auto hidden = server.objects.extract(kSecret);
    testbed.process->observe();
    server.objects.insert(std::move(hidden));
    testbed.process->pass();
  }
  EXPECT_EQ(server.objects[kSecret], before);
  EXPECT_EQ(server.objects[kToken]["status"]["conditions"][0]["reason"].is_string(), true);
  EXPECT_NE(server.objects[kToken]["status"].dump().find("SecretConflict"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Scenarios, NthWrite, ::testing::ValuesIn(kScenarios),
                         [](const auto& scenario) { return scenario.param.name; });

}  // namespace
}  // namespace apitoken::reconcile
