// What must hold for every plan, over random histories of one ApiToken. Set APITOKEN_SEED to play
// one again.
#include <cstdlib>

#include "base/duration.hpp"
#include "base/rfc3339.hpp"
#include "property/cluster_model.hpp"

namespace apitoken::core {
namespace {

using namespace std::chrono_literals;

std::uint64_t first_seed() {
  const char* given = std::getenv("APITOKEN_SEED");
  return given ? std::strtoull(given, nullptr, 10) : 20261124;
}

class History {
 public:
  explicit History(std::uint64_t seed) : random_(seed) {
    model.token.spec.type = chance(2) ? "Temporary" : "Permanent";
    model.token.spec.ttl = std::to_string(below(300) + 10) + "s";
    if (chance(3)) model.token.spec.rotation.edit().policy = "Automatic";
    if (chance(3)) model.token.spec.rotation.edit().overlap = std::to_string(below(60)) + "s";
    if (chance(4))
      model.token.spec.secret.edit().delete_after = std::to_string(below(60) + 1) + "s";
    if (chance(3)) model.token.spec.ttl_after_expired = std::to_string(below(100)) + "s";
  }

  // What users, other controllers and time may do.
  void step() {
    switch (below(18)) {
      case 0:
        model.secret.reset();
        break;
      case 1:
        edit([](auto& secret) { secret.value_hash = "sha256:tampered"; });
        break;
      case 2:
        edit([](auto& secret) { secret.value_hash.clear(); });
        break;
      case 3:
        edit([](auto& secret) { secret.meta.meta.annotations.clear(); });
        break;
      case 4:
        edit([](auto& secret) {
          secret.meta.meta.labels.clear();
          secret.meta.meta.labels["foreign"] = "x";
        });
        break;
      case 5:
        edit([](auto& secret) {
          secret.meta.meta.annotations["apitoken.dev/token-hash"] = "sha256:lie";
        });
        break;
      case 6:
        edit([](auto& secret) { secret.meta.meta.owners.clear(); });
        break;
      case 7:
        edit([this](auto& secret) {
          if (chance(2)) secret.meta.meta.owners.clear();
          secret.meta.meta.owners.push_back({"v1", "Pod", "p", "u"});
        });
        break;
      case 8:
        change_spec([this] { model.token.spec.ttl = std::to_string(below(400)) + "s"; });
        break;  // below 10s: invalid
      case 9:
        change_spec([this] {
          model.token.spec.secret.edit().labels = {
              {"k" + std::to_string(below(3)), "v" + std::to_string(below(3))}};
        });
        break;
      case 10:
        change_spec(
            [this] { model.token.spec.user = chance(2) ? "system:x" : "alice@example.com"; });
        break;
      case 11:
        if (chance(12))
          change_spec([this] { model.token.spec.revoked = !model.token.spec.revoked; });
        break;
      case 12:
        add_config();
        break;
      case 13:
        if (!model.configs.empty()) model.configs.erase(model.configs.begin());
        break;
      case 14:
        model.now += Seconds(below(40));
        break;
      case 15:
        request_rotation();
        break;
      case 16:
        change_spec([this] {
          auto& policy = model.token.spec.rotation.edit().policy;
          policy = policy ? std::nullopt : std::optional<std::string>("Automatic");
        });
        break;
      default:
        model.now += Seconds(below(3));
        break;
    }
  }

  void request_rotation() {
    model.token.meta.annotations["apitoken.dev/rotate-requested-at"] =
        chance(8) ? "soon" : format_rfc3339(model.now + Seconds(below(5)));
  }
  void add_config() {
    ExpiryConfig config;
    config.name = "c" + std::to_string(below(3));
    for (Seconds reminder = Seconds(below(200) + 40); reminder > 0s && config.reminders.size() < 4;
         reminder -= Seconds(below(90) + 1)) {
      config.reminders.push_back(reminder);
    }
    if (chance(3)) config.permanent.max = config.temporary.max = Seconds(below(200) + 10);
    model.configs[config.name] = config;
  }
  std::uint32_t below(std::uint32_t limit) { return static_cast<std::uint32_t>(random_() % limit); }
  bool chance(std::uint32_t one_in) { return below(one_in) == 0; }

  ClusterModel model;

 private:
  template <typename Edit>
  void edit(Edit change) {
    if (!model.secret) return;
    model.edit_secret();
    change(*model.secret);
  }
  template <typename Change>
  void change_spec(Change change) {
    change();
    ++model.token.meta.generation;
  }

  std::mt19937_64 random_;
};

// The nearest due reminder of each config stands in the ledger, or a nearer one does.
void expect_delivered(const ClusterModel& model) {
  const auto& status = model.token.status;
  if (model.gone || !status.expires_at || status.token_hash.empty()) return;
  const auto type = token_type(model.token.spec);
  const auto ttl = parse_duration(status.ttl);
  ASSERT_TRUE(ttl);
  if (status.rotate_at && model.now < rotation_overdue(*status.rotate_at, *status.expires_at))
    return;
  for (const auto& [name, config] : model.configs) {
    std::vector<Seconds> reminders = config.reminders;
    std::erase_if(reminders, [&](Seconds reminder) { return reminder >= *ttl; });
    if (reminders.empty() && type == TokenType::Temporary) continue;
    if (reminders.empty()) reminders.push_back(*ttl / 3);
    reminders.emplace_back(0);
    std::optional<Seconds> nearest;
    for (const Seconds reminder : reminders) {
      if (model.now >= *status.expires_at - reminder && (!nearest || reminder < *nearest))
        nearest = reminder;
    }
    if (!nearest) continue;
    const auto in_ledger = [&](const api::NoticeEntry& entry) {
      return entry.config == name && entry.before <= *nearest;
    };
    EXPECT_TRUE(std::ranges::any_of(status.notices, in_ledger))
        << "not delivered: " << name << " " << nearest->count() << "s";
  }
}

TEST(PlanProperty, RandomHistoriesKeepWhatWasPromised) {
  std::map<std::string, int> seen;
  for (std::uint64_t seed = first_seed(); seed < first_seed() + 150; ++seed) {
    SCOPED_TRACE("APITOKEN_SEED=" + std::to_string(seed));
    History history(seed);
    ClusterModel& model = history.model;
    bool was_revoked = false;
    for (int step = 0; step < 100 && !model.gone; ++step) {
      history.step();
      // Mint, tell, enter in the ledger: three passes at one instant are enough for anything.
      ASSERT_LE(model.settle(), 3);
      ASSERT_FALSE(::testing::Test::HasFailure());
      was_revoked = was_revoked || model.token.spec.revoked;
      if (was_revoked) {
        ASSERT_EQ(model.token.status.token_hash, "") << "revoked, and valid again";
      }
      if (const auto* ready = api::find_condition(model.token.status.conditions, "Ready")) {
        ++seen[std::string(ready->reason)];
        if (ready->status == "True") {
          ASSERT_TRUE(model.is_whole() || model.was_shown_once() || model.is_rotating())
              << "Ready without a valid value";
        }
      }
      expect_delivered(model);
      for (const auto& [name, times] : model.deliveries)
        ASSERT_EQ(times, 1) << std::get<1>(name) << " " << std::get<2>(name).count();
      ASSERT_FALSE(::testing::Test::HasFailure());
    }
    ++seen[model.gone ? "(deleted)" : "(kept)"];
  }
  for (const char* reason : {"Issued", "Rotated", "ExpiringSoon", "Expired", "Revoked",
                             "InvalidSpec", "SecretConflict", "Pending", "(deleted)", "(kept)"}) {
    EXPECT_GT(seen[reason], 0) << "no history came to " << reason;
  }
}

// Whoever reads the Secret at any moment, between any two writes and after a crash at any of them,
// finds a value that verifies, if it did before; unless the token was revoked or its time is over.
// The former value in it does too.
TEST(PlanProperty, NoPlanTakesAVerifyingValueFromItsReaders) {
  int rotations = 0;
  for (std::uint64_t seed = first_seed(); seed < first_seed() + 100; ++seed) {
    SCOPED_TRACE("APITOKEN_SEED=" + std::to_string(seed));
    History history(seed);
    ClusterModel& model = history.model;
    if (!model.token.spec.rotation->overlap || *model.token.spec.rotation.edit().overlap == "0s") {
      model.token.spec.rotation.edit().overlap = "20s";
    }
    for (int step = 0; step < 100 && !model.gone; ++step) {
      history.step();
      for (int passes = 0; passes < 4 && !model.gone; ++passes) {
        const Plan plan = model.plan();
        if (plan.effects.empty()) break;
        const bool verified = model.secret && model.verifies(model.secret->value_hash);
        const std::string uid = model.secret ? model.secret->meta.meta.uid : "";
        for (std::size_t done = 0; done <= plan.effects.size(); ++done) {
          ClusterModel reader = model;
          reader.carry_out(plan, done);
          if (reader.gone || !reader.secret || reader.secret->meta.meta.uid != uid ||
              model.token.spec.revoked)
            continue;
          if (verified) {
            ASSERT_TRUE(reader.verifies(reader.secret->value_hash)) << done << " effects of\n"
                                                                    << to_text(plan);
          }
        }
        for (const Effect& effect : plan.effects) {
          const auto* mint = std::get_if<MintToken>(&effect);
          rotations += mint != nullptr && mint->rotates;
        }
        const bool crashes = history.chance(3);
        model.carry_out(plan, crashes
                                  ? history.below(static_cast<std::uint32_t>(plan.effects.size()))
                                  : plan.effects.size());
        ASSERT_FALSE(::testing::Test::HasFailure());
        if (history.chance(4)) history.request_rotation();  // a crash need not be over by then
      }
      model.settle();
      const auto* ready = api::find_condition(model.token.status.conditions, "Ready");
      if (!model.gone && ready && ready->status == "True" && model.secret && model.is_ours() &&
          !model.is_rotating() && !model.secret->previous_hash.empty()) {
        ASSERT_TRUE(model.verifies(model.secret->previous_hash))
            << "previous-token does not verify";
      }
    }
  }
  EXPECT_GT(rotations, 100);
}

// A restart forgets what was told and not entered in the ledger: told again, never lost.
TEST(PlanProperty, CrashBeforeTheLedgerNeverLosesANotice) {
  for (std::uint64_t seed = first_seed(); seed < first_seed() + 50; ++seed) {
    SCOPED_TRACE("APITOKEN_SEED=" + std::to_string(seed));
    History history(seed);
    ClusterModel& model = history.model;
    for (int step = 0; step < 60 && !model.gone; ++step) {
      history.step();
      model.carry_out(model.plan());
      if (history.chance(2)) model.delivered.clear();
      if (model.gone) break;
      model.settle();
      expect_delivered(model);
      ASSERT_FALSE(::testing::Test::HasFailure());
    }
  }
}

// Sleeping until wake_at misses nothing that looking each second would have seen.
TEST(PlanProperty, WakingWhenToldMissesNothing) {
  for (std::uint64_t seed = first_seed(); seed < first_seed() + 30; ++seed) {
    SCOPED_TRACE("APITOKEN_SEED=" + std::to_string(seed));
    History history(seed);
    for (std::uint32_t configs = history.below(3); configs > 0; --configs) history.add_config();
    ClusterModel sleeping = history.model;
    ClusterModel watching = history.model;
    const WallTime end = sleeping.now + 900s;
    while (!sleeping.gone && sleeping.now < end) {
      sleeping.settle();
      if (sleeping.gone) break;
      const auto wake_at = sleeping.plan().wake_at;
      if (!wake_at) break;
      ASSERT_GT(*wake_at, sleeping.now);
      sleeping.now = *wake_at;
    }
    while (!watching.gone && watching.now < end) {
      watching.settle();
      watching.now += 1s;
    }
    EXPECT_EQ(sleeping.log, watching.log);
    const bool comparable = sleeping.now < end || sleeping.gone;
    if (comparable) {
      EXPECT_EQ(sleeping.gone, watching.gone);
    }
    if (!sleeping.gone && !watching.gone) {
      const auto* a = api::find_condition(sleeping.token.status.conditions, "Ready");
      const auto* b = api::find_condition(watching.token.status.conditions, "Ready");
      ASSERT_TRUE(a && b);
      EXPECT_EQ(*a, *b);  // the time of the change too
    }
  }
}

}  // namespace
}  // namespace apitoken::core
