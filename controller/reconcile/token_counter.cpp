// Goes through the tokens of the store, namespace after namespace.
#include "reconcile/token_counter.hpp"

#include <algorithm>
#include <set>
#include <vector>

#include "core/plain_text.hpp"
#include "core/recipient.hpp"
#include "core/token_status.hpp"

namespace apitoken::reconcile {
namespace {

// Collects the users who get no mail of their own although the config asks for it, because their
// name is not an address.
class SkippedUsers {
 public:
  explicit SkippedUsers(const core::ExpiryConfig& config) : route_(config.route) {}

  void look_at(const std::string& user) {
    if (!route_.email_token_user ||
        core::mailbox_of_user(user, route_.user_prefix, route_.user_domains))
      return;
    users_.emplace(user.find('@') == user.npos, user);
  }
  core::ObservedSkipped found() const {
    core::ObservedSkipped skipped{std::int64_t(users_.size()), {}};
    for (const auto& [unlike_address, user] : users_) {
      if (skipped.names.size() == kMaxNames) break;
      skipped.names.push_back(core::cut_text(core::plain_text(user), kMaxNameLength));
    }
    return skipped;
  }

 private:
  static constexpr std::size_t kMaxNames = 10;
  static constexpr std::size_t kMaxNameLength = 256;
  const core::ConfigRoute& route_;
  std::set<std::pair<bool, std::string>> users_;  // those that look like an address first
};

// The count for one config.
class Tally {
 public:
  Tally(const core::ExpiryConfig& config, WallTime now)
      : config_(config), now_(now), skipped_(config) {}

  void look_at(const api::ApiToken& token, const api::StringMap& namespace_labels) {
    if (!core::applies(config_, token.meta.labels, namespace_labels)) return;
    ++matched_;
    const auto& status = token.status;
    if (status.token_hash.empty() || !status.expires_at || now_ >= *status.expires_at) return;
    skipped_.look_at(token.spec.user);
    const auto warn_at = core::warn_at({&config_}, token.spec, status);
    if (!warn_at) return;
    const bool is_expiring = now_ >= *warn_at;
    if (is_expiring) ++expiring_;
    const WallTime change = is_expiring ? *status.expires_at : *warn_at;
    next_change_ = std::min(next_change_.value_or(change), change);
  }
  const std::string& config() const { return config_.name; }
  TokenCounter::Counts counts() const { return {matched_, expiring_, skipped_.found()}; }
  std::optional<WallTime> next_change() const { return next_change_; }

 private:
  const core::ExpiryConfig& config_;
  const WallTime now_;
  std::int64_t matched_ = 0;
  std::int64_t expiring_ = 0;
  SkippedUsers skipped_;
  std::optional<WallTime> next_change_;
};

}  // namespace

TokenCounter::Answer TokenCounter::count(const std::shared_ptr<const ConfigList>& configs,
                                         const core::ExpiryConfig& config) {
  const SteadyTime now = clock_.steady();
  // People change configs, and look at the counts then: count at once.
  if (configs != configs_) count_all(configs);
  const auto next_change = counted_.at(config.name).next_change;
  const bool is_outdated = changes_ != changes() || (next_change && clock_.wall() >= *next_change);
  if (is_outdated && now < next_) return {counted_.at(config.name).counts, {}, next_ - now};
  if (is_outdated) count_all(configs);
  const Counted& counted = counted_.at(config.name);
  return {counted.counts, counted.next_change, {}};
}

void TokenCounter::count_all(const std::shared_ptr<const ConfigList>& configs) {
  const SteadyTime began = clock_.steady();
  changes_ = changes();  // read first: what changes meanwhile is counted again
  configs_ = configs;
  std::vector<Tally> tallies;
  for (const core::ExpiryConfig& config : *configs) tallies.emplace_back(config, clock_.wall());
  std::shared_ptr<const api::PartialObject> ns;
  std::string ns_name;
  const api::StringMap none;
  stores_.tokens.for_each_unlocked([&](const api::ApiToken& token) {
    if (token.meta.ns != ns_name) {  // they come by namespace
      ns_name = token.meta.ns;
      ns = stores_.namespaces.get({"", ns_name});
    }
    for (Tally& tally : tallies) tally.look_at(token, ns ? ns->meta.labels : none);
  });
  counted_.clear();
  for (const Tally& tally : tallies)
    counted_.emplace(tally.config(), Counted{tally.counts(), tally.next_change()});
  const SteadyTime ended = clock_.steady();
  next_ = ended + std::max<SteadyDuration>(kPace, kShare * (ended - began));
}

}  // namespace apitoken::reconcile
