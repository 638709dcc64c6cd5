// TokenDraft: the status and the plan that a rule of plan_token builds, the steps that several
// rules share, and the ending of all rules. plan_token derives from it; one object plans once.
// Pure.
//
//   set_expired(status_, observed_);   // change the status
//   add(PostEvent{...});               // an effect before the status is written
//   return finish();                   // status, notices, effects of last_, wake-up
#pragma once

#include <string>
#include <vector>

#include "core/plan.hpp"
#include "core/token_facts.hpp"

namespace apitoken::core {

// The options of finish().
struct Ending {
  bool status = true;                   // patch the status, if it changed
  bool notices = true;                  // submit the notices that are due
  std::optional<WallTime> wake_at{};    // plan again then, besides the token's own instants
  std::optional<Urgency> plan_again{};  // plan again at once, with this urgency
};

class TokenDraft : protected TokenFacts {
 public:
  explicit TokenDraft(const Observed& observed);

 protected:
  // ---- the life of the token
  // Sets a new expiry: a full ttl from now. Counts a rotation request as served.
  void begin_life();
  // Reports, once, a rotation request that is not a time.
  void ignore_request();

  // ---- minting
  // Which of the two writes of a minting comes first.
  enum class First { Secret, Status };
  // Mints a value and writes it. `loss`, if not empty, says why the present value is lost.
  void mint(First first, bool rotates, const std::string& loss = "");
  // The ending of a rule that minted, with its Event. The effects have written the status. The next
  // pass begins the overlap and submits due notices, because it knows the ID of the new value.
  Plan finish_minting(std::string_view why, std::string_view action, std::string note);

  // ---- the present and the previous value
  // Invalidates the present value at once. The previous value keeps its overlap.
  void invalidate_value();
  // deleteAfter has passed: neither status nor Secret shows the value any more.
  void remove_shown_value();
  // Adds DeleteSecret to `effects`, if the Secret may be deleted and is not being deleted.
  void delete_secret(std::vector<Effect>& effects) const;
  // The present value is in the Secret: the overlap begins now, if it has not begun.
  void begin_overlap();
  // How long the previous value would work if the overlap began now.
  Seconds overlap_left() const;

  // ---- words of the status
  // Keeps the report of a failure (Reconciling) until the retry succeeds.
  void keep_reconciling();
  // "under key token of Secret ci"
  std::string describe_place(std::string_view key) const;
  std::string describe_present_place() const;
  // The condition differs from the one in the observed status.
  bool has_changed(std::string_view type) const;

  // ---- effects, and the ending of every rule
  template <typename E>
  void add(E effect) {
    plan_.effects.emplace_back(std::move(effect));
  }
  void patch_status();
  Plan finish(Ending ending = {});

  api::ApiTokenStatus status_;  // the token's status as the plan leaves it
  Plan plan_;
  std::vector<Effect> last_;  // effects that follow the status and the notices

 private:
  TokenDraft(const Observed& observed, api::ApiTokenStatus status);
  void begin_value();
  void add_notices_before_status(std::vector<SubmitNotice>& due);
  std::optional<JwtClaims> claims() const;
  void wake_at_instants();
  void wake(WallTime at, Urgency urgency = Urgency::Value);
};

}  // namespace apitoken::core
