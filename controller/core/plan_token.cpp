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

// A lost value is replaced at most this often, so that two writers who fight over a Secret do not
// keep the cluster busy.
constexpr Seconds kBetweenMintings{2};
// A rotation that cannot be finished is tried again after as long as it has been going on, at most
// after this.
constexpr Seconds kMaxRetryPause{std::chrono::minutes(5)};
constexpr std::size_t kMaxMessage = 4096;  // bytes of a condition; the CRD allows 32768 characters

class TokenPlanner : TokenFacts {
 public:
  explicit TokenPlanner(const Observed& observed)
      : TokenFacts(observed), status_(carried_over(observed)) {}

  Plan plan() {
    if (token_.meta.deleted) return only(CancelNotices{});
    if (ttl_after_expired_passed() && !is_rotation_due() && is_end_reported())
      return only(DeleteToken{});
    if (is_revoked()) return revoke();
    if (const auto problems = check_token(token_, observed_.reserved); !problems.empty())
      return refuse(problems);
    if (is_expired() && !is_rotation_due()) return expire();
    if (was_shown_once() && !is_rotation_due()) return keep_shown_once();
    if (is_secret_foreign()) return report_conflict();
    if (is_secret_leaving()) return wait_for_secret();
    if (is_minting_due()) {
      if (const auto why = describe_unusable_recipient(token_.spec, now_); !why.empty())
        return refuse_minting(why);
    }
    if (!is_issued()) return issue();
    if (is_rotation_due()) return rotate();
    if (is_rotation_unfinished())
      return is_value_readable() ? finish_rotation() : resume_rotation();
    if (const auto loss = describe_loss(observed_); !loss.empty()) return replace_value(loss);
    return keep_up();
  }

  Plan plan_failure(std::string_view why) {
    const std::string cause = cut_text(plain_text(why), kMaxMessage);
    if (is_rotation_unfinished()) {
      set_valid(status_, observed_, describe_present_place());
      set_reconciling(status_, observed_,
                      "the rotation is not in the Secret yet and is tried again: " + cause);
    } else {
      if (is_value_lost()) void_value();
      set_pending(status_, observed_, "minting failed and is tried again: " + cause);
    }
    add(PostEvent{
        event(reason::kMintFailed, true, "Mint", "no value could be written: " + cause, ""), true});
    return finish();
  }

 private:
  bool is_rotation_due() const {
    if (!is_issued() || is_revoked()) return false;
    return (request_ && request_->is_time) || (status_.rotate_at && now_ >= *status_.rotate_at);
  }
  // Precondition: the Secret is absent, or ours.
  bool is_minting_due() const {
    if (!is_issued() || is_rotation_due()) return true;
    return is_rotation_unfinished() ? !is_value_readable() : !describe_loss(observed_).empty();
  }

  // ---- rules
  Plan revoke() {
    const bool news = !is_ready_reason(reason::kRevoked);
    void_value();
    status_.previous.reset();
    status_.rotate_at.reset();
    status_.warn_at.reset();
    set_stalled(status_, observed_, reason::kRevoked,
                "revoked for good: make another ApiToken where one is needed");
    if (news) add(CancelNotices{});
    patch_status();
    remove_secret();
    if (news)
      add(PostEvent{event(reason::kRevoked, false, "Revoke",
                          token_.status.revision > 0
                              ? "revoked: its value is void and its Secret deleted"
                              : "revoked before a value was minted",
                          "")});
    plan_wake();
    return std::move(plan_);
  }

  Plan refuse(const api::Problems& problems) {
    const std::string text =
        cut_text(plain_text(fmt::format("{}", fmt::join(problems, "; "))), kMaxMessage);
    const bool asked = request_ && request_->is_time;  // a person waits for the reason
    if (is_expired() && !asked) {
      set_expired(status_, observed_);
    } else {
      if (is_value_lost()) void_value();
      set_stalled(status_, observed_, reason::kInvalidSpec, text);
      if (is_ready_news())
        add(PostEvent{event(reason::kInvalidSpec, true, "Validate", text, text)});
    }
    if (was_shown_once()) remove_shown_value();
    return finish();
  }

  // The certificate is not valid now. A value that works goes on working, and the rotation waits.
  Plan refuse_minting(const std::string& why) {
    plan_.retry = true;  // a certificate that is not valid yet will be
    if (!is_issued() || is_expired() || is_value_lost()) return refuse({why});
    const std::string text = "the rotation waits: " + why;
    if (was_shown_once()) remove_shown_value();
    set_valid(status_, observed_, describe_present_place());
    set_stuck(status_, observed_, text);
    if (is_news(api::condition::kStalled))
      add(PostEvent{event(reason::kInvalidSpec, true, "Rotate", text, text)});
    return finish();
  }

  Plan expire() {
    if (request_) refuse_request();
    set_expired(status_, observed_);
    tend_expired_secret();
    if (is_ready_news() && !status_.warn_at) {
      add(PostEvent{event(reason::kExpired, false, "Expire",
                          fmt::format("its time was up at {}", format_rfc3339(*status_.expires_at)),
                          "")});
    }
    return finish();
  }

  // deleteAfter has passed: the value is to be had nowhere.
  void remove_shown_value() {
    status_.has_encrypted_value = false;
    remove_secret();
  }
  void remove_secret() {
    if (may_write_secret() && !secret_meta().deleted) add(DeleteSecret{secret_meta()});
  }

  // It stays, as it was; unless it was to be shown once.
  void tend_expired_secret() {
    if (was_shown_once()) return remove_shown_value();
    if (!may_write_secret() || secret_meta().deleted) return;
    if (!describe_loss(observed_).empty()) return;
    if (auto repair = repair_secret(token_, status_, observed_.secret->secret))
      add(std::move(*repair));
  }

  Plan report_conflict() {
    const std::string text = is_secret_shared()
                                 ? fmt::format(
                                       "Secret {} has other owners beside this ApiToken, and its "
                                       "value may be theirs: take them out of "
                                       "its metadata.ownerReferences, or delete it",
                                       token_.secret_name())
                                 : fmt::format(
                                       "Secret {} exists and belongs to somebody else: remove it, "
                                       "or make another ApiToken with a "
                                       "spec.secret.name that is free",
                                       token_.secret_name());
    set_stalled(status_, observed_, reason::kSecretConflict, text);
    if (is_ready_news())
      add(PostEvent{event(reason::kSecretConflict, true, "Mint", text, secret_meta().uid)});
    plan_.retry = true;
    return finish();
  }

  Plan wait_for_secret() {
    set_pending(
        status_, observed_,
        fmt::format("waits until Secret {} of its former life is collected", token_.secret_name()));
    const auto label = secret_meta().labels.find(api::kManagedByLabel);
    plan_.retry = label == secret_meta().labels.end() ||
                  label->second != api::kManagedBy;  // else its watch will tell
    return finish();
  }

  // A full ttl from now.
  void begin_life() {
    const GrantedTtl granted = grant_ttl(token_.spec, lifetime_rule(observed_));
    status_.type = to_string(token_type(token_.spec));
    status_.ttl = format_duration(granted.ttl);
    if (status_.expires_at != now_ + granted.ttl)
      status_.notices.clear();  // the ledger is about one end
    status_.expires_at = now_ + granted.ttl;
    set_instants(status_, observed_);
    if (!request_) return;
    if (!request_->is_time) return refuse_request();
    status_.last_rotation_request = request_->value;  // at birth it counts as served
    status_.ignored_rotation_request.clear();
  }

  Plan issue() {
    begin_life();
    add_minting(First::Secret, false);
    const bool restored = observed_.secret && is_restored(observed_.secret->secret);
    return minted(
        reason::kIssued, "Mint",
        fmt::format("issued in {}Secret {}, valid until {}", restored ? "the restored " : "",
                    token_.secret_name(), format_rfc3339(*status_.expires_at)));
  }

  Plan replace_value(const std::string& loss) {
    if (request_) refuse_request();
    if (const auto next = too_soon_before(kBetweenMintings)) {
      void_value();
      set_pending(status_, observed_,
                  "the value is lost: " + loss + "; a new one is minted in a moment");
      wake(*next);
      return finish();
    }
    add_minting(First::Secret, false, loss);
    return minted(reason::kIssued, "Mint",
                  fmt::format("minted anew in Secret {} because {}; still valid until {}",
                              token_.secret_name(), loss, format_rfc3339(*status_.expires_at)));
  }

  Plan rotate() {
    if (is_value_lost()) return give_up_value(describe_loss(observed_));
    // If an unfinished rotation left the previous value in the Secret, nobody has the present one:
    // the previous stays.
    if (!holds_previous(observed_)) {
      status_.previous.reset();
      if (has_value() && !is_expired()) {
        status_.previous = {
            token_.status.token_id, token_.status.token_hash, *token_.status.expires_at, {}};
      }
    }
    const std::string why =
        request_ && request_->is_time ? "as asked for at " + request_->value : "automatically";
    begin_life();
    status_.last_rotation_time = now_;
    add(CancelNotices{});
    std::string note = fmt::format("rotated {}, in Secret {}, valid until {}", why,
                                   token_.secret_name(), format_rfc3339(*status_.expires_at));
    if (const Seconds left = status_.previous ? overlap_left() : Seconds(0); left > Seconds(0)) {
      note += fmt::format("; the previous value works {} longer", format_duration_short(left));
    }
    // If there is no Secret, people read the status alone, and it must not show a value that is not
    // stored yet. If no previous value works, readers lose nothing by a Secret that is a moment
    // ahead of the status. Otherwise the Secret must not hold what the status does not know yet.
    const bool status_alone_shows = !observed_.secret && token_.spec.secret->encrypt_to;
    add_minting(status_alone_shows || !status_.previous ? First::Secret : First::Status, true);
    return minted(reason::kRotated, "Rotate", note);
  }

  // The next pass mints. A life must not get another end by a write that mints nothing.
  Plan give_up_value(const std::string& loss) {
    void_value();
    set_pending(status_, observed_, "the value is lost: " + loss + "; a new one is being minted");
    patch_status();
    plan_wake();
    wake_now(Urgency::Value);
    return std::move(plan_);
  }

  // The value whose hash is in the status was never written: nobody has it.
  Plan resume_rotation() {
    if (request_) refuse_request();
    const auto& attempt = token_.status.issued_at;
    const auto begun = token_.status.last_rotation_time;
    const Seconds going_on = attempt && begun ? *attempt - *begun : Seconds(0);
    if (const auto next = too_soon_before(std::clamp(going_on, kBetweenMintings, kMaxRetryPause))) {
      set_valid(status_, observed_, describe_present_place());
      keep_reconciling();
      wake(*next);
      return finish();
    }
    add_minting(First::Status, true);
    return rotation_finished();
  }

  // The value that the status shows encrypted, which people may have opened, goes into the Secret
  // too.
  Plan finish_rotation() {
    if (request_) refuse_request();
    if (auto keep = keep_previous(observed_, status_)) add(std::move(*keep));
    add(ReadEncryptedValue{});
    add(write_secret(observed_, status_));
    set_valid(status_, observed_, describe_place(key_to_mint(token_)));
    patch_status();
    return rotation_finished();
  }

  Plan rotation_finished() {
    return minted(reason::kRotated, "Rotate",
                  fmt::format("rotation finished in Secret {}, valid until {}",
                              token_.secret_name(), format_rfc3339(*status_.expires_at)));
  }

  // Which of the two writes of a minting comes first.
  enum class First { Secret, Status };

  // After a loss the status gives the lost value up first: until it knows the new one, the Secret
  // of a Ready token would hold a value that does not verify.
  void add_minting(First first, bool rotates, const std::string& loss = "") {
    if (auto keep = keep_previous(observed_, status_)) add(std::move(*keep));
    if (!loss.empty() && has_value()) {
      void_value();
      set_pending(status_, observed_, "the value is lost: " + loss + "; a new one is being minted");
      patch_status();
    }
    begin_value();
    add(MintToken{claims(), rotates, token_.spec.secret->encrypt_to.value_or("")});
    if (first == First::Status) patch_status();
    add(write_secret(observed_, status_));
    if (first == First::Secret) patch_status();
  }

  // The overlap as it would be if the present value were in the Secret now.
  Seconds overlap_left() const {
    return std::min(overlap(token_.spec), status_.previous->valid_until - now_);
  }

  // The present value is in the Secret: the previous one lives for the overlap from now on.
  void begin_overlap() {
    if (!status_.previous || status_.previous->replaced_at) return;
    status_.previous->replaced_at = now_;
    status_.previous->valid_until = now_ + overlap_left();
    if (now_ >= status_.previous->valid_until) status_.previous.reset();
  }

  // What failed before is said until it succeeds.
  void keep_reconciling() {
    const auto* before =
        api::find_condition(token_.status.conditions, api::condition::kReconciling);
    if (before && before->status == api::condition::kTrue)
      api::set_condition(status_.conditions, *before);
  }

  // Whoever finds it has no use for it from now on. A former value has its overlap all the same.
  void void_value() {
    status_.token_hash.clear();
    status_.has_encrypted_value = false;
  }

  void begin_value() {
    ++status_.revision;
    status_.delivered_at.reset();
    status_.has_encrypted_value = token_.spec.secret->encrypt_to.has_value();
    status_.issued_at = now_;
    status_.secret_name = token_.secret_name();
    status_.token_id.clear();
    status_.token_hash.clear();
    status_.hint.clear();
    set_valid(status_, observed_, describe_place(key_to_mint(token_)));
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
  Plan minted(std::string_view why, std::string_view action, std::string note) {
    add(PostEvent{event(why, false, action, std::move(note), fmt::format("{}", status_.revision))});
    plan_wake();
    if (status_.warn_at && now_ >= *status_.warn_at) wake_now(Urgency::Notice);
    // Own writes bring no pass by themselves. The next one begins the overlap, and puts right what a
    // Secret that was there before still lacks.
    const bool begins_overlap = status_.previous && !status_.previous->replaced_at;
    if (observed_.secret || begins_overlap) wake_now(Urgency::Value);
    return std::move(plan_);
  }

  // Told once.
  void refuse_request() {
    const std::string text = fmt::format(
        "metadata.annotations[{}]: \"{}\" is no RFC 3339 time and is ignored; write the present "
        "time, such as {}",
        api::kRotateRequestAnnotation, cut_text(plain_text(request_->value), 64),
        format_rfc3339(now_));
    add(PostEvent{event(reason::kInvalidSpec, true, "Rotate", text, request_->value)});
    status_.ignored_rotation_request = request_->value;
  }

  // The Secret's metadata comes last: where somebody refuses that write, warnings are still told.
  Plan keep_up() {
    if (request_) refuse_request();
    const api::SecretMeta& secret = observed_.secret->secret;
    begin_overlap();
    if (is_restored(secret)) report_adoption();
    set_valid(status_, observed_, describe_present_place());
    patch_status();
    plan_notices();
    if (auto repair = repair_secret(token_, status_, secret)) add(std::move(*repair));
    plan_wake();
    return std::move(plan_);
  }

  void report_adoption() {
    const std::string note = fmt::format(
        "adopted Secret {}, which was restored from a backup: token {} in it works on, until {}",
        token_.secret_name(), status_.token_id, format_rfc3339(*status_.expires_at));
    add(PostEvent{event(reason::kIssued, false, "Adopt", note, secret_meta().uid)});
  }

  Plan keep_shown_once() {
    if (request_) refuse_request();
    status_.delivered_at = shown_until(token_.spec, token_.status);
    status_.has_encrypted_value = false;
    set_valid(status_, observed_, describe_present_place());
    patch_status();
    plan_notices();
    remove_secret();
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
    if (ttl_after_expired_passed() && !is_rotation_due())
      wake_now(Urgency::Cosmetic);  // to be deleted, now that its end was told
    return std::move(plan_);
  }

  std::string describe_present_place() const {
    if (was_shown_once())
      return "shown once: its Secret was deleted at " +
             format_rfc3339(*shown_until(token_.spec, status_));
    return describe_place(key_present(token_, observed_.secret->secret));
  }

  std::string describe_place(std::string_view key) const {
    return fmt::format("under key {} of Secret {}", key, status_.secret_name);
  }

  void plan_notices() {
    DueNotices due = due_notices(observed_, status_);
    for (SubmitNotice& notice : due.notices) add(std::move(notice));
    if (due.next) wake(*due.next, Urgency::Notice);
  }

  void plan_wake() {
    if (!status_.expires_at) return;
    if (status_.warn_at) wake(*status_.warn_at, Urgency::Notice);
    if (status_.rotate_at) wake(*status_.rotate_at);
    if (status_.previous) wake(status_.previous->valid_until);
    if (const auto delivered = shown_until(token_.spec, status_)) wake(*delivered);
    wake(*status_.expires_at);
    if (const auto kept = delete_after_expiry(token_.spec))
      wake(*status_.expires_at + *kept, Urgency::Cosmetic);
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

  bool is_ready_news() const { return is_news(api::condition::kReady); }
  // The condition says something else than before.
  bool is_news(std::string_view type) const {
    const auto* before = api::find_condition(token_.status.conditions, type);
    const auto* after = api::find_condition(status_.conditions, type);
    return !before || before->reason != after->reason || before->message != after->message;
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
