// Steps and ending of the rules for one ApiToken.
#include "core/token_draft.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "api/names.hpp"
#include "base/duration.hpp"
#include "base/rfc3339.hpp"
#include "core/lifetimes.hpp"
#include "core/plain_text.hpp"
#include "core/plan_notices.hpp"
#include "core/plan_secret.hpp"
#include "core/rotation.hpp"
#include "core/token_status.hpp"

namespace apitoken::core {
namespace {

namespace condition = api::condition;
namespace reason = api::reason;

}  // namespace

TokenDraft::TokenDraft(const Observed& observed) : TokenDraft(observed, carried_over(observed)) {}

TokenDraft::TokenDraft(const Observed& observed, api::ApiTokenStatus status)
    : TokenFacts(observed, status.rotate_at), status_(std::move(status)) {}

void TokenDraft::begin_life() {
  const GrantedTtl granted = grant_ttl(token_.spec, lifetime_rule(observed_));
  status_.type = to_string(token_type(token_.spec));
  status_.ttl = format_duration(granted.ttl);
  // The ledger is about one expiry.
  if (status_.expires_at != now_ + granted.ttl) status_.notices.clear();
  status_.expires_at = now_ + granted.ttl;
  set_instants(status_, observed_);
  if (!request_) return;
  if (!request_->is_time) return ignore_request();
  status_.last_rotation_request = request_->value;
  status_.ignored_rotation_request.clear();
}

void TokenDraft::ignore_request() {
  const std::string text = fmt::format(
      "metadata.annotations[{}]: \"{}\" is not an RFC 3339 time and is ignored; write the present "
      "time, such as {}",
      api::kRotateRequestAnnotation, cut_text(plain_text(request_->value), 64),
      format_rfc3339(now_));
  add(PostEvent{event(reason::kInvalidSpec, true, "Rotate", text, request_->value)});
  status_.ignored_rotation_request = request_->value;
}

void TokenDraft::mint(First first, bool rotates, const std::string& loss) {
  if (auto keep = keep_previous(observed_, status_)) add(std::move(*keep));
  // The status drops a lost value before the Secret gets the new one: otherwise the Secret of a
  // Ready token would hold, for a moment, a value that does not verify.
  if (!loss.empty() && has_value()) {
    invalidate_value();
    set_pending(status_, observed_, "the value is lost: " + loss + "; a new one is being minted");
    patch_status();
  }
  begin_value();
  add(MintToken{claims(), rotates, token_.spec.secret->encrypt_to.value_or("")});
  if (first == First::Status) patch_status();
  add(write_secret(observed_, status_));
  if (first == First::Secret) patch_status();
}

// The status of a value that is about to be minted. The executor fills in ID, hash and hint.
void TokenDraft::begin_value() {
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

// The claims of a JWT; empty for an Opaque token.
std::optional<JwtClaims> TokenDraft::claims() const {
  const auto& spec = token_.spec;
  if (spec.format != api::kJwt) return {};
  return JwtClaims{spec.user,      token_.meta.key().text(), spec.groups,        spec.scopes,
                   spec.audiences, *status_.issued_at,       *status_.expires_at};
}

void TokenDraft::invalidate_value() {
  status_.token_hash.clear();
  status_.has_encrypted_value = false;
}

void TokenDraft::remove_shown_value() {
  status_.has_encrypted_value = false;
  delete_secret(plan_.effects);
}

void TokenDraft::delete_secret(std::vector<Effect>& effects) const {
  if (may_write_secret() && !secret_meta().deleted)
    effects.emplace_back(DeleteSecret{secret_meta()});
}

void TokenDraft::begin_overlap() {
  if (!status_.previous || status_.previous->replaced_at) return;
  status_.previous->replaced_at = now_;
  status_.previous->valid_until = now_ + overlap_left();
  if (now_ >= status_.previous->valid_until) status_.previous.reset();
}

Seconds TokenDraft::overlap_left() const {
  return std::min(overlap(token_.spec), status_.previous->valid_until - now_);
}

void TokenDraft::keep_reconciling() {
  const auto* before = api::find_condition(token_.status.conditions, condition::kReconciling);
  if (before && before->status == condition::kTrue) api::set_condition(status_.conditions, *before);
}

std::string TokenDraft::describe_place(std::string_view key) const {
  return fmt::format("under key {} of Secret {}", key, status_.secret_name);
}

std::string TokenDraft::describe_present_place() const {
  if (was_shown_once())
    return "shown once: its Secret was deleted at " +
           format_rfc3339(*shown_until(token_.spec, status_));
  return describe_place(key_present(token_, observed_.secret->secret));
}

bool TokenDraft::has_changed(std::string_view type) const {
  const auto* before = api::find_condition(token_.status.conditions, type);
  const auto* after = api::find_condition(status_.conditions, type);
  return !before || before->reason != after->reason || before->message != after->message;
}

void TokenDraft::patch_status() {
  if (status_ != token_.status) add(PatchStatus{status_});
}

Plan TokenDraft::finish_minting(std::string_view why, std::string_view action, std::string note) {
  add(PostEvent{event(why, false, action, std::move(note), fmt::format("{}", status_.revision))});
  Ending ending{.status = false, .notices = false};
  if (status_.warn_at && now_ >= *status_.warn_at) ending.plan_again = Urgency::Notice;
  // The operator's own writes start no pass. The next pass begins the overlap, and repairs what an
  // existing Secret still lacks.
  const bool overlap_begins = status_.previous && !status_.previous->replaced_at;
  if (observed_.secret || overlap_begins) ending.plan_again = Urgency::Value;
  return finish(ending);
}

Plan TokenDraft::finish(Ending ending) {
  DueNotices due = ending.notices ? due_notices(observed_, status_) : DueNotices{};
  if (ending.status && status_ != token_.status) {
    add_notices_before_status(due.notices);
    patch_status();
  }
  for (SubmitNotice& notice : due.notices) add(std::move(notice));
  if (due.next) wake(*due.next, Urgency::Notice);
  for (Effect& effect : last_) plan_.effects.push_back(std::move(effect));
  if (ending.wake_at) wake(*ending.wake_at);
  wake_at_instants();
  // This pass reports the end, so the next one may delete the token.
  if (ttl_after_expired_passed() && !is_rotation_due()) ending.plan_again = Urgency::Cosmetic;
  if (ending.plan_again) {
    plan_.wake_at = now_;
    plan_.wake_urgency = *ending.plan_again;
  }
  return std::move(plan_);
}

// Moves the reminders without mail before the status, so that one write has their conditions and
// their ledger. A status that tells of an expiry or makes a value invalid waits for no Event.
void TokenDraft::add_notices_before_status(std::vector<SubmitNotice>& due) {
  if (is_expired() || status_.token_hash != token_.status.token_hash) return;
  const auto [first, last] = std::ranges::stable_partition(
      due, [](const SubmitNotice& notice) { return notice.route.mails; });
  for (auto notice = first; notice != last; ++notice) {
    notice->before_status = true;
    add(std::move(*notice));
  }
  due.erase(first, last);
}

void TokenDraft::wake_at_instants() {
  if (!status_.expires_at) return;
  if (status_.warn_at) wake(*status_.warn_at, Urgency::Notice);
  if (status_.rotate_at) wake(*status_.rotate_at);
  if (status_.previous) wake(status_.previous->valid_until);
  if (const auto until = shown_until(token_.spec, status_)) wake(*until);
  wake(*status_.expires_at);
  if (const auto kept = delete_after_expiry(token_.spec))
    wake(*status_.expires_at + *kept, Urgency::Cosmetic);
}

// Keeps the earliest instant; for equal instants the higher urgency.
void TokenDraft::wake(WallTime at, Urgency urgency) {
  if (at <= now_ || (plan_.wake_at && *plan_.wake_at < at)) return;
  plan_.wake_urgency = plan_.wake_at == at ? more_urgent(plan_.wake_urgency, urgency) : urgency;
  plan_.wake_at = at;
}

}  // namespace apitoken::core
