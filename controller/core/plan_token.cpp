// The ladder of rules for one ApiToken.
#include "core/plan_token.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "api/names.hpp"
#include "base/duration.hpp"
#include "base/rfc3339.hpp"
#include "core/lifetimes.hpp"
#include "core/plain_text.hpp"
#include "core/token_status.hpp"
#include "core/validate.hpp"

namespace apitoken::core {
namespace {

namespace reason = api::reason;

// A lost value is replaced at most this often, so that two writers who fight over a Secret do not keep the cluster
// busy.
constexpr Seconds kBetweenMintings{2};
constexpr std::size_t kLongestMessage = 4096;  // bytes of a condition; the CRD allows 32768 characters

class TokenPlanner {
 public:
  explicit TokenPlanner(const Observed& observed)
      : observed_(observed), token_(observed.token), now_(observed.now), status_(carried_over(observed)) {}

  Plan plan() {
    if (token_.meta.deleted) return only(DropNotices{});
    if (is_over()) return only(DeleteToken{});
    if (is_revoked()) return revoke();
    if (const auto problems = check_token(token_); !problems.empty()) return refuse(problems);
    if (is_expired()) return expire();
    if (is_secret_foreign()) return report_conflict();
    if (is_secret_leaving()) return wait_for_secret();
    if (!is_issued()) return issue();
    if (const auto loss = describe_loss(); !loss.empty()) return replace_value(loss);
    return keep_up();
  }

  Plan plan_failure(std::string_view why) {
    const std::string cause = cut_text(plain_text(why), kLongestMessage);
    set_pending(status_, observed_, "minting failed and is tried again: " + cause);
    add(PostEvent{event(reason::kMintFailed, true, "Mint", "no value could be written: " + cause, ""), true});
    return finish();
  }

 private:
  // ---- what is true
  bool is_issued() const { return !token_.status.token_hash.empty() && token_.status.expires_at; }
  bool is_expired() const { return token_.status.expires_at && now_ >= *token_.status.expires_at; }
  // For good: also where spec.revoked was taken back past the rule that forbids it.
  bool is_revoked() const { return token_.spec.revoked || is_ready_reason(reason::kRevoked); }
  bool is_over() const {
    const auto kept = delete_after_expiry(token_.spec);
    return kept && token_.status.expires_at && now_ >= *token_.status.expires_at + *kept;
  }
  bool warned(const api::ApiTokenStatus& status) const { return status.warn_at && now_ >= *status.warn_at; }
  const api::ObjectMeta& secret_meta() const { return observed_.secret->secret.meta; }
  bool owns_secret() const {
    return observed_.secret && std::ranges::any_of(secret_meta().owners, [&](const api::OwnerReference& owner) {
             return owner.uid == token_.meta.uid;
           });
  }
  bool is_of_former_self() const {
    return std::ranges::any_of(secret_meta().owners, [&](const api::OwnerReference& owner) {
      return owner.kind == api::kApiTokenKind && owner.api_version.starts_with(api::kGroup) &&
             owner.name == token_.meta.name;
    });
  }
  bool is_secret_foreign() const { return observed_.secret && !owns_secret() && !is_of_former_self(); }
  bool is_secret_leaving() const { return observed_.secret && (!owns_secret() || secret_meta().deleted); }

  // Empty: the Secret holds the value whose hash the status has.
  std::string describe_loss() const {
    if (!observed_.secret) return "its Secret was deleted";
    if (observed_.secret->value_hash) {
      if (observed_.secret->value_hash->empty()) return fmt::format("key {} left its Secret", token_.secret_key());
      return *observed_.secret->value_hash == token_.status.token_hash ? "" : "somebody changed it in its Secret";
    }
    const auto found = secret_meta().annotations.find(api::kTokenHashAnnotation);
    return found != secret_meta().annotations.end() && found->second == token_.status.token_hash
               ? ""
               : "its Secret holds another one";
  }

  // ---- rules
  Plan revoke() {
    const bool news = !is_ready_reason(reason::kRevoked);
    status_.token_hash.clear();
    status_.warn_at.reset();
    set_stalled(status_, observed_, reason::kRevoked, "revoked for good: make another ApiToken where one is needed");
    if (news) add(DropNotices{});
    patch_status();
    if (owns_secret() && !secret_meta().deleted) add(DeleteSecret{secret_meta()});
    if (news)
      add(PostEvent{event(reason::kRevoked, false, "Revoke", "revoked: its value is void and its Secret deleted", "")});
    plan_wake();
    return std::move(plan_);
  }

  Plan refuse(const api::Problems& problems) {
    const std::string text = cut_text(plain_text(fmt::format("{}", fmt::join(problems, "; "))), kLongestMessage);
    if (is_expired()) {
      set_expired(status_, observed_);
    } else {
      set_stalled(status_, observed_, reason::kInvalidSpec, text);
      if (is_ready_news()) add(PostEvent{event(reason::kInvalidSpec, true, "Validate", text, text)});
    }
    return finish();
  }

  Plan expire() {
    set_expired(status_, observed_);
    if (is_ready_news() && !status_.warn_at) {
      add(PostEvent{event(reason::kExpired, false, "Expire",
                          fmt::format("its time was up at {}", format_rfc3339(*status_.expires_at)), "")});
    }
    return finish();
  }

  Plan report_conflict() {
    const std::string text = fmt::format(
        "Secret {} exists and belongs to somebody else: remove it, or make another ApiToken with a spec.secret.name "
        "that is free",
        token_.secret_name());
    set_stalled(status_, observed_, reason::kSecretConflict, text);
    if (is_ready_news()) add(PostEvent{event(reason::kSecretConflict, true, "Mint", text, secret_meta().uid)});
    plan_.retry = true;
    return finish();
  }

  Plan wait_for_secret() {
    set_pending(status_, observed_,
                fmt::format("waits until Secret {} of its former life is collected", token_.secret_name()));
    const auto label = secret_meta().labels.find(api::kManagedByLabel);
    plan_.retry = label == secret_meta().labels.end() || label->second != api::kManagedBy;  // else its watch will tell
    return finish();
  }

  Plan issue() {
    const GrantedTtl granted = grant_ttl(token_.spec, lifetime_rule());
    status_.type = to_string(token_type(token_.spec));
    status_.ttl = format_duration(granted.ttl);
    status_.expires_at = now_ + granted.ttl;
    status_.notices.clear();
    status_.warn_at = warn_at(configs_in_force(observed_), token_type(token_.spec), granted.ttl, *status_.expires_at);
    return mint(
        fmt::format("issued in Secret {}, valid until {}", token_.secret_name(), format_rfc3339(*status_.expires_at)));
  }

  Plan replace_value(const std::string& loss) {
    const auto issued =
        token_.status.issued_at;  // in the future where the clock was set back: that must not hold it up
    if (issued && now_ >= *issued && now_ < *issued + kBetweenMintings) {
      set_pending(status_, observed_, "the value is lost: " + loss + "; a new one is minted in a moment");
      wake(*issued + kBetweenMintings);
      return finish();
    }
    return mint(fmt::format("minted anew in Secret {} because {}; still valid until {}", token_.secret_name(), loss,
                            format_rfc3339(*status_.expires_at)));
  }

  Plan mint(const std::string& note) {
    ++status_.revision;
    status_.issued_at = now_;
    status_.secret_name = token_.secret_name();
    status_.token_id.clear();
    status_.token_hash.clear();
    status_.hint.clear();
    MintSecret effect{desired_secret(), std::string(token_.secret_key()), {}};
    for (const auto drawn : {api::kTokenIdAnnotation, api::kTokenHashAnnotation})
      effect.secret.annotations.erase(std::string(drawn));
    if (observed_.secret) effect.at = secret_meta();
    add(std::move(effect));
    set_valid(status_, observed_, describe_ttl());
    patch_status();
    add(PostEvent{event(reason::kIssued, false, "Mint", note, fmt::format("{}", status_.revision))});
    plan_wake();
    if (warned(status_))
      plan_.wake_at = now_;  // what is due already is told by the next pass, which knows the token's ID
    return std::move(plan_);
  }

  // The Secret's metadata comes last: where somebody refuses that write, warnings are still told.
  Plan keep_up() {
    set_valid(status_, observed_, describe_ttl());
    patch_status();
    plan_notices();
    plan_secret_metadata();
    plan_wake();
    return std::move(plan_);
  }

  // ---- parts of plans
  template <typename E>
  void add(E effect) {
    plan_.effects.emplace_back(std::move(effect));
  }
  template <typename E>
  Plan only(E effect) {
    add(std::move(effect));
    return std::move(plan_);
  }
  void patch_status() {
    if (status_ != token_.status) add(PatchStatus{status_});
  }
  Plan finish() {
    patch_status();
    plan_notices();
    plan_wake();
    return std::move(plan_);
  }

  LifetimeRule lifetime_rule() const {
    LifetimeRule rule;
    for (const ExpiryConfig* config : observed_.configs)
      rule.narrow(config->lifetime(token_type(token_.spec)), config->name);
    return rule;
  }

  // What the Ready message adds where the ttl in force is not the one asked for.
  std::string describe_ttl() const {
    const LifetimeRule rule = lifetime_rule();
    const GrantedTtl granted = grant_ttl(token_.spec, rule);
    const std::string in_force = status_.ttl;
    if (granted.cut() && format_duration(granted.ttl) == in_force) {
      return fmt::format("; ttl {} was cut to {} by TokenExpiryConfig {}", format_duration(granted.asked), in_force,
                         rule.max_config);
    }
    if (!token_.spec.ttl || format_duration(granted.asked) == in_force) return "";
    return fmt::format("; ttl {} is in force, {} counts from the next minting", in_force, format_duration(granted.ttl));
  }

  // The Secret's metadata as it shall be, for the status that is being planned.
  api::ObjectMeta desired_secret() const {
    api::ObjectMeta meta;
    meta.ns = token_.meta.ns;
    meta.name = token_.secret_name();
    meta.labels = token_.spec.secret.labels;
    meta.labels[std::string(api::kManagedByLabel)] = api::kManagedBy;
    meta.annotations = token_.spec.secret.annotations;
    const auto annotate = [&](std::string_view name, std::string value) {
      meta.annotations[std::string(name)] = std::move(value);
    };
    annotate(api::kExpiresAtAnnotation, format_rfc3339(*status_.expires_at));
    annotate(api::kIssuedAtAnnotation, format_rfc3339(status_.issued_at.value_or(now_)));
    annotate(api::kTokenIdAnnotation, status_.token_id);
    annotate(api::kTokenHashAnnotation, status_.token_hash);
    annotate(api::kUserAnnotation, token_.spec.user);
    annotate(api::kRevisionAnnotation, fmt::format("{}", status_.revision));
    meta.owners = {{std::string(api::kApiVersion), std::string(api::kApiTokenKind), token_.meta.name, token_.meta.uid}};
    return meta;
  }

  static api::StringChanges differences(const api::StringMap& desired, const api::StringMap& present,
                                        const std::vector<std::string>& ours) {
    api::StringChanges changes;
    for (const auto& [name, value] : desired) {
      const auto found = present.find(name);
      if (found == present.end() || found->second != value) changes.emplace(name, value);
    }
    for (const std::string& name : ours) {
      if (!desired.contains(name) && present.contains(name)) changes.emplace(name, std::nullopt);
    }
    return changes;
  }

  void plan_secret_metadata() {
    const api::SecretMeta& secret = observed_.secret->secret;
    const api::ObjectMeta desired = desired_secret();
    auto labels = differences(desired.labels, secret.meta.labels, secret.label_keys_ours);
    auto annotations = differences(desired.annotations, secret.meta.annotations, secret.annotation_keys_ours);
    if (labels.empty() && annotations.empty()) return;
    add(PatchSecretMetadata{secret.meta, std::move(labels), std::move(annotations)});
  }

  void plan_notices() {
    if (!status_.expires_at) return;
    const TokenType type = token_type(token_.spec);
    const Seconds ttl = parse_duration(status_.ttl).value_or(longest_ttl(type));
    for (const ExpiryConfig* config : configs_in_force(observed_)) {
      auto reminders = concerning_reminders(*config, type, ttl);
      if (reminders.empty()) continue;
      reminders.emplace_back(0);
      if (const auto before = due_notice(reminders, *status_.expires_at, config->name, status_.notices, now_)) {
        add(Tell{notice(*config, *before), config->route});
      }
      if (const auto next = next_due(reminders, *status_.expires_at, now_)) wake(*next);
    }
  }

  Notice notice(const ExpiryConfig& config, Seconds before) const {
    return {{token_.meta.uid, *status_.expires_at, config.name, before},
            token_.meta.ns,
            token_.meta.name,
            token_.spec.user,
            status_.token_id,
            std::string(to_string(token_type(token_.spec))),
            token_.spec.description,
            true};
  }

  void plan_wake() {
    if (!status_.expires_at) return;
    if (status_.warn_at) wake(*status_.warn_at);
    wake(*status_.expires_at);
    if (const auto kept = delete_after_expiry(token_.spec)) wake(*status_.expires_at + *kept);
  }
  void wake(WallTime at) {
    if (at > now_ && (!plan_.wake_at || at < *plan_.wake_at)) plan_.wake_at = at;
  }

  bool is_ready_reason(std::string_view why) const {
    const auto* ready = api::find_condition(token_.status.conditions, api::condition::kReady);
    return ready && ready->reason == why;
  }
  // Ready says something else than before.
  bool is_ready_news() const {
    const auto* before = api::find_condition(token_.status.conditions, api::condition::kReady);
    const auto* after = api::find_condition(status_.conditions, api::condition::kReady);
    return !before || before->reason != after->reason || before->message != after->message;
  }

  // `fact` tells apart what may happen to one token more than once.
  api::Event event(std::string_view why, bool warning, std::string_view action, std::string note,
                   std::string_view fact) const {
    return {token_.meta.ns,
            event_name(token_.meta.name, fmt::format("{}|{}|{}", token_.meta.uid, why, fact)),
            {std::string(api::kApiVersion), std::string(api::kApiTokenKind), token_.meta.ns, token_.meta.name,
             token_.meta.uid},
            warning,
            std::string(why),
            std::string(action),
            std::move(note)};
  }

  const Observed& observed_;
  const api::ApiToken& token_;
  const WallTime now_;
  api::ApiTokenStatus status_;
  Plan plan_;
};

}  // namespace

Plan plan_token(const Observed& observed) { return TokenPlanner(observed).plan(); }

Plan plan_mint_failure(const Observed& observed, std::string_view why) {
  return TokenPlanner(observed).plan_failure(why);
}

bool must_read_value(const api::ApiToken& token, const api::SecretMeta& secret) {
  if (token.status.token_hash.empty()) return false;  // a value is minted in any case
  const auto holds = [&](const std::vector<std::string>& keys) {
    return std::ranges::find(keys, token.secret_key()) != keys.end();
  };
  const auto annotated = secret.meta.annotations.find(api::kTokenHashAnnotation);
  const bool annotation_agrees =
      annotated != secret.meta.annotations.end() && annotated->second == token.status.token_hash;
  return !annotation_agrees || !holds(secret.data_keys_ours) || holds(secret.data_keys_others);
}

}  // namespace apitoken::core
