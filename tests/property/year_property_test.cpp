// A simulated year of very many tokens: each passes at its wake_at alone, as the operator lets it
// sleep, and the promises are checked at each pass. APITOKEN_TOKENS is how many tokens live
// (300). For the figure of docs/performance.md it was 1,000,000, with the release build.
#include <cstdio>
#include <cstdlib>

#include "property/cluster_model.hpp"

namespace apitoken::core {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::hours kDay{24};
constexpr std::chrono::hours kYear = 365 * kDay;

std::uint64_t count_of_tokens() {
  const char* given = std::getenv("APITOKEN_TOKENS");
  return given ? std::strtoull(given, nullptr, 10) : 300;
}

ExpiryConfig config(std::string name, std::vector<Seconds> reminders) {
  ExpiryConfig config;
  config.name = std::move(name);
  config.reminders = std::move(reminders);
  return config;
}

// One token: a session's, a person's for some months, or a program's that is renewed by itself.
ClusterModel newborn(std::mt19937_64& random) {
  ClusterModel model;
  const auto kind = random() % 3;
  const auto days = 1 + random() % 300;
  auto& spec = model.token.spec;
  spec.type = kind == 0 ? "Temporary" : "Permanent";
  spec.ttl = std::to_string(kind == 0 ? 1 + random() % 12 : days * 24) + "h";
  if (kind == 0) spec.ttl_after_expired = "1h";
  if (kind == 2) spec.rotation.edit().policy = "Automatic";
  model.configs["team"] = config("team", {30 * kDay, 7 * kDay});
  if (random() % 2 == 0) model.configs["security"] = config("security", {14 * kDay, kDay, 1h});
  model.now += Seconds(random() % Seconds(30 * kDay).count());
  return model;
}

struct Totals {
  std::uint64_t passes = 0, writes = 0, mintings = 0, notices = 0;
};

std::uint64_t writes_of(const Plan& plan) {
  return static_cast<std::uint64_t>(std::ranges::count_if(plan.effects, [](const Effect& effect) {
    return std::holds_alternative<WriteSecret>(effect) ||
           std::holds_alternative<PatchSecretMetadata>(effect) ||
           std::holds_alternative<PatchStatus>(effect) ||
           std::holds_alternative<DeleteSecret>(effect) ||
           std::holds_alternative<DeleteToken>(effect);
  }));
}

// All passes at one instant.
void pass(ClusterModel& model, Totals& totals) {
  for (int again = 0; again < 4 && !model.gone; ++again) {
    const Plan plan = model.plan();
    ++totals.passes;
    if (plan.effects.empty()) return;
    totals.writes += writes_of(plan);
    model.carry_out(plan);
  }
  ASSERT_TRUE(model.gone) << "four passes at one instant were not enough";
}

void check(const ClusterModel& model) {
  if (model.gone) return;
  const auto* ready = api::find_condition(model.token.status.conditions, "Ready");
  ASSERT_TRUE(ready);
  ASSERT_EQ(ready->status == "True", model.is_whole()) << ready->reason;
  for (const auto& [name, times] : model.deliveries) ASSERT_EQ(times, 1) << std::get<1>(name);
}

void live(ClusterModel model, Totals& totals) {
  const WallTime end = model.now + kYear;
  while (!model.gone && model.now < end) {
    pass(model, totals);
    check(model);
    if (::testing::Test::HasFatalFailure() || model.gone) break;
    const auto wake_at = model.plan().wake_at;
    if (!wake_at) break;
    ASSERT_GT(*wake_at, model.now) << "the token would not sleep";
    model.now = *wake_at;
  }
  totals.mintings += static_cast<std::uint64_t>(model.mintings);
  totals.notices += model.deliveries.size();
}

TEST(YearProperty, NoPromiseBreaksAndATokenCostsAFewWrites) {
  const auto count = count_of_tokens();
  std::mt19937_64 random(20261129);
  Totals totals;
  for (std::uint64_t token = 0; token < count; ++token) {
    SCOPED_TRACE(token);
    live(newborn(random), totals);
    if (HasFailure()) return;
  }
  std::printf("%llu tokens in a year: %.2f passes, %.2f writes, %.2f mintings, %.2f notices each\n",
              static_cast<unsigned long long>(count),
              static_cast<double>(totals.passes) / static_cast<double>(count),
              static_cast<double>(totals.writes) / static_cast<double>(count),
              static_cast<double>(totals.mintings) / static_cast<double>(count),
              static_cast<double>(totals.notices) / static_cast<double>(count));
  EXPECT_GT(totals.mintings, count);
  EXPECT_GT(totals.notices, count);
  // A renewal is five writes: the hash, the Secret, the status, and the end of the overlap in both.
  // A notice is one, for its ledger. The first minting is two, so three are left for the end.
  EXPECT_LE(totals.writes, 5 * totals.mintings + totals.notices);
}

}  // namespace
}  // namespace apitoken::core
