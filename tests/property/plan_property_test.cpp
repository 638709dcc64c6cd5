// Properties of all plans, tested over random histories of one ApiToken. APITOKEN_SEED repeats one
// history.
#include <array>
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

  // One random step of kSteps.
  void step();

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

  template <typename Edit>
  void edit_secret(Edit change) {
    if (!model.secret) return;
    model.edit_secret();
    change(*model.secret);
  }
  template <typename Change>
  void change_spec(Change change) {
    change(model.token.spec);
    ++model.token.meta.generation;
  }

  const char* last_step() const { return last_step_; }

  ClusterModel model;

 private:
  std::mt19937_64 random_;
  const char* last_step_ = "none";
};

// What users, other controllers and time do to the cluster. The failure message names the step.
struct Step {
  const char* name;
  void (*run)(History&);
};
constexpr std::array<Step, 18> kSteps{{
    {"the Secret is deleted", [](History& h) { h.model.secret.reset(); }},
    {"the value is changed",
     [](History& h) { h.edit_secret([](auto& s) { s.value_hash = "sha256:tampered"; }); }},
    {"the key is removed",
     [](History& h) { h.edit_secret([](auto& s) { s.value_hash.clear(); }); }},
    {"the annotations are removed",
     [](History& h) { h.edit_secret([](auto& s) { s.meta.meta.annotations.clear(); }); }},
    {"the labels are replaced",
     [](History& h) { h.edit_secret([](auto& s) { s.meta.meta.labels = {{"foreign", "x"}}; }); }},
    {"the annotation with the hash is changed",
     [](History& h) {
       h.edit_secret(
           [](auto& s) { s.meta.meta.annotations["apitoken.dev/token-hash"] = "sha256:lie"; });
     }},
    {"the owners are removed",
     [](History& h) { h.edit_secret([](auto& s) { s.meta.meta.owners.clear(); }); }},
    {"a Pod becomes an owner, perhaps the only one",
     [](History& h) {
       h.edit_secret([&](auto& s) {
         if (h.chance(2)) s.meta.meta.owners.clear();
         s.meta.meta.owners.push_back({"v1", "Pod", "p", "u"});
       });
     }},
    {"the ttl changes; below 10s it is invalid",
     [](History& h) {
       h.change_spec([&](auto& spec) { spec.ttl = std::to_string(h.below(400)) + "s"; });
     }},
    {"the labels in the spec change",
     [](History& h) {
       h.change_spec([&](auto& spec) {
         spec.secret.edit().labels = {
             {"k" + std::to_string(h.below(3)), "v" + std::to_string(h.below(3))}};
       });
     }},
    {"the user changes, perhaps to an invalid one",
     [](History& h) {
       h.change_spec(
           [&](auto& spec) { spec.user = h.chance(2) ? "system:x" : "alice@example.com"; });
     }},
    {"the token is revoked, or spec.revoked is reset",
     [](History& h) {
       if (h.chance(12)) h.change_spec([](auto& spec) { spec.revoked = !spec.revoked; });
     }},
    {"a config is added", [](History& h) { h.add_config(); }},
    {"a config is removed",
     [](History& h) {
       if (!h.model.configs.empty()) h.model.configs.erase(h.model.configs.begin());
     }},
    {"much time passes", [](History& h) { h.model.now += Seconds(h.below(40)); }},
    {"a rotation is requested", [](History& h) { h.request_rotation(); }},
    {"the rotation policy changes",
     [](History& h) {
       h.change_spec([](auto& spec) {
         auto& policy = spec.rotation.edit().policy;
         policy = policy ? std::nullopt : std::optional<std::string>("Automatic");
       });
     }},
    {"little time passes", [](History& h) { h.model.now += Seconds(h.below(3)); }},
}};

void History::step() {
  const Step& step = kSteps[below(kSteps.size())];
  last_step_ = step.name;
  step.run(*this);
}

// The ledger has the nearest due reminder of each config, or a nearer one.
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

TEST(PlanProperty, RandomHistoriesEndInReportedStates) {
  std::map<std::string, int> seen;
  for (std::uint64_t seed = first_seed(); seed < first_seed() + 150; ++seed) {
    SCOPED_TRACE("APITOKEN_SEED=" + std::to_string(seed));
    History history(seed);
    ClusterModel& model = history.model;
    bool was_revoked = false;
    for (int step = 0; step < 100 && !model.gone; ++step) {
      history.step();
      // Mint, submit the notice, enter it in the ledger: three passes at one instant are enough.
      ASSERT_LE(model.settle(), 3) << "after: " << history.last_step();
      ASSERT_FALSE(::testing::Test::HasFailure());
      was_revoked = was_revoked || model.token.spec.revoked;
      if (was_revoked) {
        ASSERT_EQ(model.token.status.token_hash, "") << "valid although it was revoked";
      }
      if (const auto* ready = api::find_condition(model.token.status.conditions, "Ready")) {
        ++seen[std::string(ready->reason)];
        if (ready->status == "True") {
          ASSERT_TRUE(model.is_whole() || model.was_shown_once() || model.is_rotating())
              << "Ready without a valid value, after: " << history.last_step();
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
    EXPECT_GT(seen[reason], 0) << "no history reached " << reason;
  }
}

// A reader of the Secret finds a value that verifies at every moment, between two writes and after
// a crash at each of them, if the value verified before and the token was not revoked and has not
// expired. The same holds for the previous value.
TEST(PlanProperty, ReadersAlwaysFindAValueThatVerifies) {
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
        if (history.chance(4)) history.request_rotation();  // perhaps before a crash is overcome
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

// A restart loses notices that are not in the ledger yet: they are submitted again.
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

// Planning at wake_at alone leads to the same notices and conditions as planning each second.
TEST(PlanProperty, PlanningAtWakeAtMissesNothing) {
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
      EXPECT_EQ(*a, *b);  // lastTransitionTime too
    }
  }
}

}  // namespace
}  // namespace apitoken::core
