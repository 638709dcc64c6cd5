// The ladder of rules for one ApiToken. Read plan() first. TokenDraft has the steps that rules
// share and their one ending, finish().
#include "core/plan_token.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "api/names.hpp"
#include "base/duration.hpp"
#include "base/rfc3339.hpp"
#include "core/plain_text.hpp"
#include "core/plan_secret.hpp"
#include "core/rotation.hpp"
#include "core/token_draft.hpp"
#include "core/token_status.hpp"
#include "core/validate.hpp"

namespace apitoken::core {
namespace {

namespace condition = api::condition;
namespace reason = api::reason;

// The pause between two mintings for lost values: two controllers that fight over a Secret must not
// keep the cluster busy.
constexpr Seconds kMintingPause{2};
// An unfinished rotation is retried after as long as it has lasted, at most after this.
constexpr Seconds kMaxRetryPause{std::chrono::minutes(5)};

class TokenPlanner : TokenDraft {
 public:
  using TokenDraft::TokenDraft;

  Plan plan() {
    // The ApiToken is being deleted: nobody needs notices about it.
    if (token_.meta.deleted) return cancel_notices();

    // The token ended, the end is reported, and ttlAfterExpired has passed.
    if (ttl_after_expired_passed() && !is_rotation_due() && is_end_reported())
      return delete_token();

    // Revocation comes before all rules about the spec: a bad spec must not delay it.
    if (is_revoked()) return revoke();

    // The spec breaks a rule, so no rule below can trust it.
    if (const auto problems = check_token(token_, observed_.reserved); !problems.empty())
      return refuse_spec(problems);

    // A rotation revives an expired token, and replaces a value that was shown once.
    if (is_expired() && !is_rotation_due()) return expire();
    if (was_shown_once() && !is_rotation_due()) return keep_shown_once();

    // The rules below write the Secret. It must be absent or ours, and must not be going away.
    if (is_secret_foreign()) return report_conflict();
    if (is_secret_of_deleted_namesake() || is_secret_being_deleted()) return wait_for_secret();

    // Nobody could open a value encrypted to a certificate that is not valid now.
    if (is_minting_due()) {
      if (const auto why = describe_unusable_recipient(token_.spec, now_); !why.empty())
        return refuse_minting(why);
    }

    // A new token.
    if (!is_issued()) return issue();

    // A rotation that is due, or one that stopped between its two writes.
    if (is_rotation_due()) return rotate();
    if (is_rotation_unfinished())
      return is_value_readable_from_status() ? finish_rotation() : resume_rotation();

    // The Secret is gone, or holds another value.
    if (const auto loss = describe_loss(observed_); !loss.empty()) return replace_value(loss);

    // The value is valid and in its Secret: bring status and metadata up to date.
    return keep_up();
  }

  Plan plan_failure(std::string_view why) {
    const std::string cause = condition_text(why);
    if (is_rotation_unfinished()) {
      set_valid(status_, observed_, describe_present_place());
      set_reconciling(status_, observed_,
                      "the rotation is not in the Secret yet and is tried again: " + cause);
    } else {
      if (is_value_lost()) invalidate_value();
      set_pending(status_, observed_, "minting failed and is tried again: " + cause);
    }
    add(PostEvent{
        event(reason::kMintFailed, true, "Mint", "no value could be written: " + cause, ""), true});
    return finish();
  }

 private:
  // ---- rules, in the order of the ladder

  Plan cancel_notices() {
    add(CancelNotices{});
    return std::move(plan_);
  }

  Plan delete_token() {
    add(DeleteToken{});
    return std::move(plan_);
  }

  Plan revoke() {
    const bool is_new = !has_ready_reason(reason::kRevoked);
    invalidate_value();
    status_.previous.reset();
    status_.rotate_at.reset();
    status_.warn_at.reset();
    set_stalled(status_, observed_, reason::kRevoked,
                "revoked for good; create another ApiToken if one is needed");
    if (is_new) add(CancelNotices{});
    delete_secret(last_);
    if (is_new)
      last_.emplace_back(PostEvent{event(reason::kRevoked, false, "Revoke",
                                         token_.status.revision > 0
                                             ? named("revoked: its value is invalid, its Secret "
                                                     "deleted")
                                             : "revoked before a value was minted",
                                         "")});
    return finish({.notices = false});
  }

  Plan refuse_spec(const api::Problems& problems) {
    const std::string text = condition_text(fmt::format("{}", fmt::join(problems, "; ")));
    // An expired token reports its expiry, unless a person asked to renew it and needs the reason.
    if (is_expired() && !is_rotation_requested()) {
      set_expired(status_, observed_);
    } else {
      if (is_value_lost()) invalidate_value();
      set_stalled(status_, observed_, reason::kInvalidSpec, text);
      if (has_changed(condition::kReady))
        add(PostEvent{event(reason::kInvalidSpec, true, "Validate", text, text)});
    }
    if (was_shown_once()) remove_shown_value();
    return finish();
  }

  Plan expire() {
    if (request_) ignore_request();
    set_expired(status_, observed_);
    tend_expired_secret();
    if (has_changed(condition::kReady) && !status_.warn_at) {
      add(PostEvent{event(reason::kExpired, false, "Expire",
                          named(fmt::format("expired at {}", format_rfc3339(*status_.expires_at))),
                          "")});
    }
    return finish();
  }

  Plan keep_shown_once() {
    if (request_) ignore_request();
    status_.delivered_at = shown_until(token_.spec, token_.status);
    status_.has_encrypted_value = false;
    set_valid(status_, observed_, describe_present_place());
    delete_secret(last_);
    return finish();
  }

  Plan report_conflict() {
    const std::string text =
        is_secret_shared()
            ? fmt::format(
                  "Secret {} has other owners beside this ApiToken, and its value may be "
                  "theirs: remove them from its metadata.ownerReferences, or delete it",
                  token_.secret_name())
            : fmt::format(
                  "Secret {} exists and does not belong to this ApiToken: delete it, or "
                  "make another ApiToken with an unused spec.secret.name",
                  token_.secret_name());
    set_stalled(status_, observed_, reason::kSecretConflict, text);
    if (has_changed(condition::kReady))
      add(PostEvent{event(reason::kSecretConflict, true, "Mint", text, secret_meta().uid)});
    plan_.retry = true;
    return finish();
  }

  Plan wait_for_secret() {
    set_pending(status_, observed_,
                fmt::format("waits for the deletion of Secret {}", token_.secret_name()));
    plan_.retry = !is_watched(observed_.secret->secret);
    return finish();
  }

  // A value that verifies keeps verifying, and the rotation waits.
  Plan refuse_minting(const std::string& why) {
    plan_.retry = true;  // a certificate that is not valid yet becomes valid
    if (!is_issued() || is_expired() || is_value_lost()) return refuse_spec({why});
    const std::string text = "the rotation waits: " + why;
    if (was_shown_once()) remove_shown_value();
    set_valid(status_, observed_, describe_present_place());
    set_stuck(status_, observed_, reason::kInvalidSpec, text);
    if (has_changed(condition::kStalled))
      add(PostEvent{event(reason::kInvalidSpec, true, "Rotate", text, text)});
    return finish();
  }

  Plan issue() {
    begin_life();
    mint(First::Secret, false);
    const bool restored = observed_.secret && is_restored(observed_.secret->secret);
    return finish_minting(
        reason::kIssued, "Mint",
        fmt::format("issued in {}Secret {}, valid until {}", restored ? "the restored " : "",
                    token_.secret_name(), format_rfc3339(*status_.expires_at)));
  }

  Plan rotate() {
    if (is_value_lost()) return give_up_value(describe_loss(observed_));
    // After an unfinished rotation the Secret holds the previous value, and nobody has the present
    // one: the previous value stays.
    if (!holds_previous(observed_)) {
      status_.previous.reset();
      if (has_value() && !is_expired()) {
        status_.previous = {
            token_.status.token_id, token_.status.token_hash, *token_.status.expires_at, {}};
      }
    }
    const std::string why =
        is_rotation_requested() ? "as asked for at " + request_->value : "automatically";
    begin_life();
    status_.last_rotation_time = now_;
    add(CancelNotices{});
    std::string note = fmt::format("rotated {}, in Secret {}, valid until {}", why,
                                   token_.secret_name(), format_rfc3339(*status_.expires_at));
    if (const Seconds left = status_.previous ? overlap_left() : Seconds(0); left > Seconds(0)) {
      note += fmt::format("; the previous value works {} longer", format_duration_short(left));
    }
    // If people read the value from the status alone, the status must not show a value that is not
    // stored yet: the Secret comes first. The same holds if no previous value works, since then a
    // Secret ahead of the status harms no reader. Otherwise the Secret must never hold a value that
    // the status does not know: the status comes first.
    const bool only_status_shows = !observed_.secret && token_.spec.secret->encrypt_to;
    mint(only_status_shows || !status_.previous ? First::Secret : First::Status, true);
    return finish_minting(reason::kRotated, "Rotate", note);
  }

  // Invalidates the lost value; the next pass rotates. A pass that mints nothing must not change
  // the expiry.
  Plan give_up_value(const std::string& loss) {
    invalidate_value();
    set_pending(status_, observed_, "the value is lost: " + loss + "; a new one is being minted");
    return finish({.notices = false, .plan_again = Urgency::Value});
  }

  // The Secret was not written, and the value whose hash is in the status was lost with the process
  // that minted it. Mints another one.
  Plan resume_rotation() {
    if (request_) ignore_request();
    const auto& attempt = token_.status.issued_at;
    const auto begun = token_.status.last_rotation_time;
    const Seconds lasted = attempt && begun ? *attempt - *begun : Seconds(0);
    if (const auto next =
            next_minting_allowed_at(std::clamp(lasted, kMintingPause, kMaxRetryPause))) {
      set_valid(status_, observed_, describe_present_place());
      keep_reconciling();
      return finish({.wake_at = next});
    }
    mint(First::Status, true);
    return report_rotation_finished();
  }

  // The status shows the present value, encrypted, and people may have opened it: this value goes
  // into the Secret too.
  Plan finish_rotation() {
    if (request_) ignore_request();
    if (auto keep = keep_previous(observed_, status_)) add(std::move(*keep));
    add(ReadEncryptedValue{});
    add(write_secret(observed_, status_));
    set_valid(status_, observed_, describe_place(key_to_mint(token_)));
    patch_status();
    return report_rotation_finished();
  }

  Plan report_rotation_finished() {
    return finish_minting(reason::kRotated, "Rotate",
                          fmt::format("rotation finished in Secret {}, valid until {}",
                                      token_.secret_name(), format_rfc3339(*status_.expires_at)));
  }

  Plan replace_value(const std::string& loss) {
    if (request_) ignore_request();
    if (const auto next = next_minting_allowed_at(kMintingPause)) {
      invalidate_value();
      set_pending(status_, observed_,
                  "the value is lost: " + loss + "; a new one is minted in a moment");
      return finish({.wake_at = next});
    }
    mint(First::Secret, false, loss);
    return finish_minting(
        reason::kIssued, "Mint",
        fmt::format("minted again in Secret {} because {}; still valid until {}",
                    token_.secret_name(), loss, format_rfc3339(*status_.expires_at)));
  }

  // The Secret's metadata comes last: if somebody refuses that write, notices still go out.
  Plan keep_up() {
    if (request_) ignore_request();
    const api::SecretMeta& secret = observed_.secret->secret;
    begin_overlap();
    if (is_restored(secret)) report_adoption();
    set_valid(status_, observed_, describe_present_place());
    plan_.retry = !is_watched(secret);
    if (observed_.secret->label_refused) report_refused_label();
    if (auto repair = repair_secret(token_, status_, secret)) last_.emplace_back(*repair);
    return finish();
  }

  // The Secret of an expired token stays as it is, unless its value was shown once.
  void tend_expired_secret() {
    if (was_shown_once()) return remove_shown_value();
    if (!may_write_secret() || secret_meta().deleted) return;
    if (!describe_loss(observed_).empty()) return;
    if (auto repair = repair_secret(token_, status_, observed_.secret->secret))
      add(std::move(*repair));
  }

  // As the executor begins the note of an Event about a value that was minted.
  std::string named(std::string_view what) const {
    return fmt::format("API token {} {}", status_.token_id, what);
  }

  void report_refused_label() {
    const std::string text = fmt::format(
        "Secret {} does not keep its label {}={}: a policy or webhook of the cluster changes it; "
        "exempt the operator's Secrets from it, because until then the deletion or a change of "
        "this Secret is seen only within 5 minutes",
        token_.secret_name(), api::kManagedByLabel, api::kManagedBy);
    set_stuck(status_, observed_, reason::kSecretConflict, text);
    if (has_changed(condition::kStalled))
      add(PostEvent{event(reason::kSecretConflict, true, "Label", text, secret_meta().uid)});
  }

  void report_adoption() {
    const std::string note = fmt::format(
        "adopted Secret {}, which was restored from a backup: token {} in it works until {}",
        token_.secret_name(), status_.token_id, format_rfc3339(*status_.expires_at));
    add(PostEvent{event(reason::kIssued, false, "Adopt", note, secret_meta().uid)});
  }
};

}  // namespace

Plan plan_token(const Observed& observed) { return TokenPlanner(observed).plan(); }

Plan plan_mint_failure(const Observed& observed, std::string_view why) {
  return TokenPlanner(observed).plan_failure(why);
}

}  // namespace apitoken::core
