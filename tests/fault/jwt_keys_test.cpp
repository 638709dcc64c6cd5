// The key ring on an API server in memory: when keys are made, published, used and removed, also
// after a lost race, with a deleted and with a damaged Secret.
#include "reconcile/jwt_keys.hpp"

#include <gmock/gmock.h>

#include <thread>

#include "api/names.hpp"
#include "base/base64.hpp"
#include "base/rfc3339.hpp"
#include "fault/testbed.hpp"
#include "support/captured_log.hpp"
#include "support/fake_transport.hpp"
#include "support/watched_clock.hpp"

namespace apitoken::reconcile {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

const std::string kPath = "/api/v1/namespaces/system/secrets/apitoken-operator-jwt-keys";

// Keeps the Events.
class Events final : public notify::EventSink {
 public:
  Status create(const api::Event& event, std::stop_token) override {
    std::lock_guard lock(mutex_);
    events_.push_back(event);
    return {};
  }
  Status repeat(const api::Event&, int, std::stop_token) override { return {}; }
  std::vector<api::Event> all() const {
    std::lock_guard lock(mutex_);
    return events_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<api::Event> events_;  // guarded by mutex_
};

std::vector<std::string> kids_in(const std::string& jwks) {
  std::vector<std::string> kids;
  const auto document = Json::parse(jwks);
  for (const auto& key : document["keys"]) kids.push_back(key["kid"]);
  return kids;
}

class JwtKeysTest : public testing::Test {
 protected:
  core::JwtClaims claims() const {
    return {"alice@example.com", "team-a/ci", {}, {}, {}, clock_.wall(), clock_.wall() + 8h};
  }
  static std::string signer_of(const core::MintedToken& token) {
    return core::kid_of_jwt(token.value.reveal()).value();
  }
  std::string sign() { return signer_of(keys_.sign(claims(), {}).value()); }
  std::vector<std::string> shown() const { return kids_in(keys_.jwks()); }

  // Passes on the present Secret as the watch does.
  void watch_tells() {
    const auto meta = [this] {
      api::PartialObject object;
      const auto found = server_.objects.find(kPath);
      object.meta.ns = "system";
      object.meta.name = kJwtKeySecret;
      if (found == server_.objects.end()) return object;
      object.meta.uid = found->second["metadata"]["uid"];
      object.meta.resource_version = found->second["metadata"]["resourceVersion"];
      return object;
    };
    auto object = std::make_shared<const api::PartialObject>(meta());
    if (object->meta.uid.empty()) return keys_.on_secret({object, nullptr});
    keys_.on_secret({nullptr, object});
  }
  // Runs follow() until `state` holds, then joins it, so that this thread may use the server again.
  template <typename State>
  void follow_until(State state) {
    std::jthread thread([this](std::stop_token stop) { keys_.follow(std::move(stop)); });
    EXPECT_TRUE(kube::eventually(state));
  }
  template <typename State>
  void keep_until(State state) {
    std::jthread thread([this](std::stop_token stop) { keys_.keep(std::move(stop)); });
    EXPECT_TRUE(kube::eventually(state));
  }
  // Runs it until it waits without work.
  void keep_until_idle() {
    keep_until([this] { return clock_.waited_for(0s, 600s); });
  }
  Json data() { return server_.objects.at(kPath)["data"]; }
  std::vector<api::Event> posted_events() {
    std::jthread thread([this](std::stop_token stop) { dispatcher_.run(std::move(stop)); });
    EXPECT_TRUE(kube::eventually([this] { return !events_.all().empty(); }));
    return events_.all();
  }

  FakeApiServer server_;
  kube::WatchedClock clock_{*parse_rfc3339("2026-03-24T12:00:00Z")};
  std::vector<std::string> event_names_;
  NullNotifications null_{event_names_};
  Events events_;
  std::size_t live_ = 0;
  kube::Client client_{server_, null_};
  notify::Dispatcher dispatcher_{{events_, null_, null_, null_, null_, null_, clock_}};
  JwtKeys keys_{
      client_, clock_, dispatcher_, {"system", "https://issuer.example.com", 720h}, [this] {
        return live_;
      }};
};

TEST_F(JwtKeysTest, TheFirstSignatureMakesTheFirstKey) {
  EXPECT_EQ(keys_.jwks(), R"({"keys":[]})");
  EXPECT_TRUE(server_.objects.empty());
  const auto kid = sign();
  EXPECT_THAT(shown(), ElementsAre(kid));
  EXPECT_THAT(data(), SizeIs(2));
  EXPECT_EQ(base64_decode(data()[kid + ".json"].get<std::string>()),
            R"({"activeFrom":"2026-03-24T12:00:00Z","createdAt":"2026-03-24T12:00:00Z"})");
  EXPECT_EQ(sign(), kid);
  EXPECT_EQ(server_.writes(), 1);
}

TEST_F(JwtKeysTest, AnotherReplicaSignsWithTheSameKey) {
  const auto kid = sign();
  JwtKeys other(client_, clock_, dispatcher_, {"system", "https://issuer.example.com", 720h},
                [] { return 1u; });
  EXPECT_EQ(signer_of(*other.sign(claims(), {})), kid);
  EXPECT_EQ(server_.writes(), 1);
}

TEST_F(JwtKeysTest, AKeyIsPublishedAnHourBeforeItSignsAndADayAfterItsLastSignature) {
  const auto first = sign();
  clock_.advance(719h - 1s);
  keep_until_idle();
  EXPECT_THAT(shown(), ElementsAre(first));
  clock_.advance(1s);
  keep_until([this] { return shown().size() == 2; });
  const auto second = shown()[1];
  EXPECT_EQ(sign(), first);
  clock_.advance(1h - 1s);
  EXPECT_EQ(sign(), first);
  clock_.advance(1s);
  EXPECT_EQ(sign(), second);
  clock_.advance(24h);  // the last token of the first key expires
  keep_until_idle();
  EXPECT_THAT(shown(), ElementsAre(first, second));
  clock_.advance(5min);
  keep_until([this] { return shown().size() == 1; });
  EXPECT_THAT(shown(), ElementsAre(second));
  EXPECT_THAT(data(), SizeIs(2));
}

TEST_F(JwtKeysTest, AMissedRotationPublishesItsKeyBeforeUseToo) {
  const auto first = sign();
  clock_.advance(2000h);
  EXPECT_EQ(sign(), first);
  keep_until([this] { return shown().size() == 2; });
  EXPECT_EQ(sign(), first);
  clock_.advance(1h);
  EXPECT_NE(sign(), first);
}

TEST_F(JwtKeysTest, AfterALostRaceForTheFirstKeyTheOtherKeySigns) {
  std::string winner;
  server_.refuse = [&](const kube::HttpRequest& request) -> std::optional<int> {
    if (request.method != kube::Method::Post || !winner.empty()) return {};
    winner = "being written";
    JwtKeys other(client_, clock_, dispatcher_, {"system", "https://issuer.example.com", 720h},
                  [] { return 0u; });
    winner = signer_of(*other.sign(claims(), {}));
    return {};
  };
  const auto kid = sign();
  EXPECT_EQ(kid, winner);
  EXPECT_THAT(data(), SizeIs(2));
}

TEST_F(JwtKeysTest, AfterALostRaceForARotationNoSecondKeyIsAdded) {
  sign();
  clock_.advance(719h);
  bool raced = false;
  server_.refuse = [&](const kube::HttpRequest& request) -> std::optional<int> {
    if (request.method != kube::Method::Patch || raced) return {};
    raced = true;
    server_.edit(kPath, [](Json& secret) { secret["metadata"]["labels"]["theirs"] = "stays"; });
    return {};
  };
  keep_until([this] { return shown().size() == 2; });
  EXPECT_TRUE(raced);
  EXPECT_THAT(data(), SizeIs(4));
  EXPECT_EQ(server_.objects[kPath]["metadata"]["labels"]["theirs"], "stays");
}

TEST_F(JwtKeysTest, ADeletedSecretIsReplacedAndTheLossIsReported) {
  const kube::CapturedLog log;
  const auto first = sign();
  live_ = 3;
  server_.objects.clear();
  watch_tells();
  follow_until([this] { return shown().empty(); });
  keep_until([this] { return shown().size() == 1; });
  EXPECT_NE(sign(), first);
  EXPECT_THAT(
      log.text(),
      HasSubstr(
          "signing keys lost secret=system/apitoken-operator-jwt-keys cause=deleted live_jwts=3"));
  const auto events = posted_events();
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_TRUE(events[0].warning);
  EXPECT_EQ(events[0].reason, "SigningKeysLost");
  EXPECT_EQ(events[0].regarding.name, "apitoken-operator-jwt-keys");
  EXPECT_THAT(events[0].note, HasSubstr("no longer verify by keys (3 JWTs are out)"));
}

TEST_F(JwtKeysTest, ADeletedSecretIsNotReplacedWithoutLiveJwts) {
  sign();
  server_.objects.clear();
  watch_tells();
  follow_until([this] { return shown().empty(); });
  keep_until_idle();
  EXPECT_TRUE(server_.objects.empty());
}

TEST_F(JwtKeysTest, DamagedEntriesAreReplacedAndTheLossIsReported) {
  const kube::CapturedLog log;
  const auto first = sign();
  live_ = 1;
  server_.edit(kPath, [&](Json& secret) {
    secret["data"][first + ".pem"] = base64_encode("rubbish");
    secret["data"]["theirs"] = base64_encode("stays");
  });
  watch_tells();
  follow_until([this] { return shown().empty(); });
  keep_until([this] { return shown().size() == 1; });
  EXPECT_NE(sign(), first);
  EXPECT_THAT(data(), SizeIs(3));
  EXPECT_EQ(data()["theirs"], base64_encode("stays"));
  EXPECT_THAT(log.text(), HasSubstr("cause=damaged live_jwts=1"));
  EXPECT_THAT(posted_events()[0].note, HasSubstr(first));
}

TEST_F(JwtKeysTest, AKeyUnderAnotherNameIsDamaged) {
  const auto first = sign();
  server_.edit(kPath, [&](Json& secret) {
    secret["data"]["other.pem"] = secret["data"][first + ".pem"];
    secret["data"]["other.json"] = secret["data"][first + ".json"];
  });
  JwtKeys restarted(client_, clock_, dispatcher_, {"system", "https://issuer.example.com", 720h},
                    [] { return 0u; });
  EXPECT_EQ(signer_of(*restarted.sign(claims(), {})), first);
  EXPECT_THAT(kids_in(restarted.jwks()), ElementsAre(first));
  EXPECT_THAT(data(), SizeIs(2));
}

TEST_F(JwtKeysTest, HasThePublishedKeys) {
  EXPECT_TRUE(keys_.has("any")) << "nothing is known yet";
  const auto kid = sign();
  EXPECT_TRUE(keys_.has(kid));
  EXPECT_FALSE(keys_.has("any"));
  server_.objects.clear();
  watch_tells();
  follow_until([this] { return shown().empty(); });
  EXPECT_FALSE(keys_.has(kid));
}

TEST_F(JwtKeysTest, AWriteThatFailsIsReportedToTheSigner) {
  server_.refuse = [](const kube::HttpRequest&) { return 403; };
  const auto token = keys_.sign(claims(), {});
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().kind, ErrorKind::Forbidden);
  EXPECT_THAT(token.error().message, HasSubstr("create secrets in system"));
}

TEST_F(JwtKeysTest, ACrashInTheMiddleOfTheFirstWriteLeavesOneKey) {
  server_.fail_write(1, FakeApiServer::Fault::AnswerLost);
  EXPECT_FALSE(keys_.sign(claims(), {}));
  const auto kid = sign();
  EXPECT_THAT(shown(), ElementsAre(kid));
  EXPECT_THAT(data(), SizeIs(2));
}

}  // namespace
}  // namespace apitoken::reconcile
