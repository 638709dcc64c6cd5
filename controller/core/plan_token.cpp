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
#include "core/plan_notices.hpp"
#include "core/plan_secret.hpp"
#include "core/rotation.hpp"
#include "core/token_facts.hpp"
#include "core/token_status.hpp"
#include "core/validate.hpp"

namespace apitoken::core {
namespace {

namespace reason = api::reason;

// A lost value is replaced at most this often, so that two writers who fight over a Secret do not keep the cluster
// busy.
constexpr Seconds kBetweenMintings{2};
// A rotation that cannot be finished is tried again after as long as it has been going on, at most after this.
constexpr Seconds kLongestRetry{std::chrono::minutes(5)};
constexpr std::size_t kLongestMessage = 4096;  // bytes of a condition; the CRD allows 32768 characters

class TokenPlanner : TokenFacts {
 public:
  explicit TokenPlanner(const Observed& observed) : TokenFacts(observed), status_(carried_over(observed)) {}

  Plan plan() {
    if (token_.meta.deleted) return only(DropNotices{});
    if (is_over() && !is_rotation_due() && is_end_told()) return only(DeleteToken{});
    if (is_revoked()) return revoke();
    if (const auto problems = check_token(token_, now_, observed_.reserved); !problems.empty()) return refuse(problems);
    if (is_expired() && !is_rotation_due()) return expire();
    if (is_delivered() && !is_rotation_due()) return keep_delivered();
    if (is_secret_foreign()) return report_conflict();
    if (is_secret_leaving()) return wait_for_secret();
    if (!is_issued()) return issue();
    if (is_rotation_due()) return rotate();
    if (status_.previous && holds_previous(observed_)) return resume_rotation();
    if (const auto loss = describe_loss(observed_); !loss.empty()) return replace_value(loss);
    return keep_up();
  }

  Plan plan_failure(std::string_view why) {
    const std::string cause = cut_text(plain_text(why), kLongestMessage);
    if (status_.previous && holds_previous(observed_)) {
      set_valid(status_, observed_, describe_place(key_present(token_, observed_.secret->secret)), describe_ttl());
      set_reconciling(status_, observed_, "the rotation is not in the Secret yet and is tried again: " + cause);
    } else {
      if (is_value_lost()) void_value();
      set_pending(status_, observed_, "minting failed and is tried again: " + cause);
    }
    add(PostEvent{event(reason::kMintFailed, true, "Mint", "no value could be written: " + cause, ""), true});
    return finish();
  }

 private:
  bool is_rotation_due() const {
    if (!is_issued() || is_revoked()) return false;
    return (request_ && request_->is_time) || (status_.rotate_at && now_ >= *status_.rotate_at);
  }

  // ---- rules
  Plan revoke() {
    const bool news = !is_ready_reason(reason::kRevoked);
    void_value();
    status_.previous.reset();
    status_.rotate_at.reset();
    status_.warn_at.reset();
    set_stalled(status_, observed_, reason::kRevoked, "revoked for good: make another ApiToken where one is needed");
    if (news) add(DropNotices{});
    patch_status();
    if (owns_secret() && !secret_meta().deleted) add(DeleteSecret{secret_meta()});
    if (news)
      add(PostEvent{event(reason::kRevoked, false, "Revoke",
                          token_.status.revision > 0 ? "revoked: its value is void and its Secret deleted"
                                                     : "revoked before a value was minted",
                          "")});
    plan_wake();
    return std::move(plan_);
  }

  Plan refuse(const api::Problems& problems) {
    const std::string text = cut_text(plain_text(fmt::format("{}", fmt::join(problems, "; "))), kLongestMessage);
    if (is_expired()) {
      set_expired(status_, observed_);
    } else {
      if (is_value_lost()) void_value();
      set_stalled(status_, observed_, reason::kInvalidSpec, text);
      if (is_ready_news()) add(PostEvent{event(reason::kInvalidSpec, true, "Validate", text, text)});
    }
    return finish();
  }

  Plan expire() {
    if (request_) refuse_request();
    set_expired(status_, observed_);
    tend_expired_secret();
    if (is_ready_news() && !status_.warn_at) {
      add(PostEvent{event(reason::kExpired, false, "Expire",
                          fmt::format("its time was up at {}", format_rfc3339(*status_.expires_at)), "")});
    }
    return finish();
  }

  // It stays, as it was; unless it was to be shown once.
  void tend_expired_secret() {
    if (!owns_secret() || secret_meta().deleted) return;
    if (is_delivered()) return add(DeleteSecret{secret_meta()});
    if (!describe_loss(observed_).empty()) return;
    if (auto repair = repair_secret(token_, status_, observed_.secret->secret)) add(std::move(*repair));
  }

  Plan report_conflict() {
    const std::string text =
        is_secret_shared()
            ? fmt::format(
                  "Secret {} has other owners beside this ApiToken, and its value may be theirs: take them out of "
                  "its metadata.ownerReferences, or delete it",
                  token_.secret_name())
            : fmt::format(
                  "Secret {} exists and belongs to somebody else: remove it, or make another ApiToken with a "
                  "spec.secret.name that is free",
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

  // A full ttl from now.
  void begin_life() {
    const GrantedTtl granted = grant_ttl(token_.spec, lifetime_rule());
    status_.type = to_string(token_type(token_.spec));
    status_.ttl = format_duration(granted.ttl);
    if (status_.expires_at != now_ + granted.ttl) status_.notices.clear();  // the ledger is about one end
    status_.expires_at = now_ + granted.ttl;
    set_instants(status_, observed_);
    if (!request_) return;
    if (!request_->is_time) return refuse_request();
    status_.last_rotation_request = request_->value;  // at birth it counts as served
    status_.ignored_rotation_request.clear();
  }

  Plan issue() {
    begin_life();
    return mint_secret_first({}, fmt::format("issued in Secret {}, valid until {}", token_.secret_name(),
                                             format_rfc3339(*status_.expires_at)));
  }

  Plan replace_value(const std::string& loss) {
    if (const auto next = too_soon_before(kBetweenMintings)) {
      void_value();
      set_pending(status_, observed_, "the value is lost: " + loss + "; a new one is minted in a moment");
      wake(*next);
      return finish();
    }
    return mint_secret_first(loss, fmt::format("minted anew in Secret {} because {}; still valid until {}",
                                               token_.secret_name(), loss, format_rfc3339(*status_.expires_at)));
  }

  Plan rotate() {
    // Where an unfinished rotation left the former value in the Secret, nobody has the present one: the former stays.
    if (!holds_previous(observed_)) {
      const auto until = std::min(now_ + overlap(token_.spec), *token_.status.expires_at);
      status_.previous.reset();
      if (until > now_ && has_value()) status_.previous = {token_.status.token_id, token_.status.token_hash, until};
    }
    const std::string why = request_ && request_->is_time ? "as asked for at " + request_->value : "automatically";
    begin_life();
    status_.last_rotation_time = now_;
    add(DropNotices{});
    std::string note = fmt::format("rotated {}, in Secret {}, valid until {}", why, token_.secret_name(),
                                   format_rfc3339(*status_.expires_at));
    if (status_.previous) {
      note += fmt::format("; the former value works until {}", format_rfc3339(status_.previous->valid_until));
    }
    return mint_status_first(note);
  }

  // The value whose hash is in the status was never written: nobody has it.
  Plan resume_rotation() {
    const auto& attempt = token_.status.issued_at;
    const auto begun = token_.status.last_rotation_time;
    const Seconds going_on = attempt && begun ? *attempt - *begun : Seconds(0);
    if (const auto next = too_soon_before(std::clamp(going_on, kBetweenMintings, kLongestRetry))) {
      set_valid(status_, observed_, describe_place(key_present(token_, observed_.secret->secret)), describe_ttl());
      keep_reconciling();
      wake(*next);
      return finish();
    }
    return mint_status_first(fmt::format("rotation finished in Secret {}, valid until {}", token_.secret_name(),
                                         format_rfc3339(*status_.expires_at)));
  }

  // After a loss the status gives the lost value up first: until it knows the new one, the Secret of a Ready token
  // would hold a value that does not verify.
  Plan mint_secret_first(const std::string& loss, std::string note) {
    if (auto keep = keep_former(observed_, status_, false)) add(std::move(*keep));
    if (has_value()) {
      void_value();
      set_pending(status_, observed_, "the value is lost: " + loss + "; a new one is being minted");
      patch_status();
    }
    begin_value();
    add(DrawToken{claims(), false});
    add(write_secret(observed_, status_));
    patch_status();
    return minted(event(reason::kIssued, false, "Mint", std::move(note), fmt::format("{}", status_.revision)));
  }

  Plan mint_status_first(std::string note) {
    if (auto keep = keep_former(observed_, status_, true)) add(std::move(*keep));
    begin_value();
    add(DrawToken{claims(), true});
    patch_status();
    add(write_secret(observed_, status_));
    return minted(event(reason::kRotated, false, "Rotate", std::move(note), fmt::format("{}", status_.revision)));
  }

  // What failed before is said until it succeeds.
  void keep_reconciling() {
    const auto* before = api::find_condition(token_.status.conditions, api::condition::kReconciling);
    if (before && before->status == api::condition::kTrue) api::set_condition(status_.conditions, *before);
  }

  // Whoever finds it has no use for it from now on. A former value has its overlap all the same.
  void void_value() { status_.token_hash.clear(); }

  void begin_value() {
    ++status_.revision;
    status_.delivered_at.reset();
    status_.issued_at = now_;
    status_.secret_name = token_.secret_name();
    status_.token_id.clear();
    status_.token_hash.clear();
    status_.hint.clear();
    set_valid(status_, observed_, describe_place(key_to_mint(token_)), describe_ttl());
    if (holds_previous(observed_)) keep_reconciling();
  }

  // What a JWT says; nothing for an Opaque token.
  std::optional<JwtClaims> claims() const {
    const auto& spec = token_.spec;
    if (spec.format != api::kJwt) return {};
    return JwtClaims{spec.user,      token_.meta.key().text(), spec.groups,        spec.scopes,
                     spec.audiences, *status_.issued_at,       *status_.expires_at};
  }

  // What is due already is told by the next pass, which knows the token's ID.
  Plan minted(api::Event news) {
    add(PostEvent{std::move(news)});
    plan_wake();
    if (status_.warn_at && now_ >= *status_.warn_at) wake_now(Urgency::Notice);
    return std::move(plan_);
  }

  // Told once.
  void refuse_request() {
    const std::string text = fmt::format(
        "metadata.annotations[{}]: \"{}\" is no RFC 3339 time and is ignored; write the present time, such as {}",
        api::kRotateRequestAnnotation, cut_text(plain_text(request_->value), 64), format_rfc3339(now_));
    add(PostEvent{event(reason::kInvalidSpec, true, "Rotate", text, request_->value)});
    status_.ignored_rotation_request = request_->value;
  }

  // The Secret's metadata comes last: where somebody refuses that write, warnings are still told.
  Plan keep_up() {
    if (request_) refuse_request();
    const api::SecretMeta& secret = observed_.secret->secret;
    set_valid(status_, observed_, describe_place(key_present(token_, secret)), describe_ttl());
    patch_status();
    plan_notices();
    if (auto repair = repair_secret(token_, status_, secret)) add(std::move(*repair));
    plan_wake();
    return std::move(plan_);
  }

  Plan keep_delivered() {
    if (request_) refuse_request();
    status_.delivered_at = delivered_at(token_.spec, token_.status);
    set_valid(status_, observed_, "delivered: its Secret went at " + format_rfc3339(*status_.delivered_at),
              describe_ttl());
    patch_status();
    plan_notices();
    if (owns_secret() && !secret_meta().deleted) add(DeleteSecret{secret_meta()});
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
    if (is_over() && !is_rotation_due()) wake_now(Urgency::Cosmetic);  // to be deleted, now that its end was told
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

  std::string describe_place(std::string_view key) const {
    return fmt::format("under key {} of Secret {}", key, status_.secret_name);
  }

  void plan_notices() {
    DueNotices due = due_notices(observed_, status_);
    for (Tell& tell : due.tell) add(std::move(tell));
    if (due.next) wake(*due.next, Urgency::Notice);
  }

  void plan_wake() {
    if (!status_.expires_at) return;
    if (status_.warn_at) wake(*status_.warn_at, Urgency::Notice);
    if (status_.rotate_at) wake(*status_.rotate_at);
    if (status_.previous) wake(status_.previous->valid_until);
    if (const auto delivered = delivered_at(token_.spec, status_)) wake(*delivered);
    wake(*status_.expires_at);
    if (const auto kept = delete_after_expiry(token_.spec)) wake(*status_.expires_at + *kept, Urgency::Cosmetic);
  }
  void wake(WallTime at, Urgency urgency = Urgency::Value) {
    if (at <= now_ || (plan_.wake_at && *plan_.wake_at < at)) return;
    plan_.wake_urgency = plan_.wake_at == at ? more_urgent(plan_.wake_urgency, urgency) : urgency;
    plan_.wake_at = at;
  }

  void wake_now(Urgency urgency) {
    plan_.wake_at = now_;
    plan_.wake_urgency = urgency;
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

  api::ApiTokenStatus status_;
  Plan plan_;
};

}  // namespace

Plan plan_token(const Observed& observed) { return TokenPlanner(observed).plan(); }

Plan plan_mint_failure(const Observed& observed, std::string_view why) {
  return TokenPlanner(observed).plan_failure(why);
}

}  // namespace apitoken::core
