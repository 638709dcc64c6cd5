// Warnings: who is warned of one token's expiry, when and by which way, under all settings that
// apply to it. The portal shows it (token pages, the preview of settings). Pure; the same rules as
// plan_notices, which decides what is due now.
#pragma once

#include <string>
#include <vector>

#include "core/observed.hpp"

namespace apitoken::core {

struct Warning {
  // Done: it, or a nearer one, is in the ledger. Due: its time has come. Future: it has not.
  enum class State { Done, Due, Future };

  WallTime at{};
  std::string config;  // name of the TokenExpiryConfig; empty: the built-in default
  Seconds before{};    // 0s: the expiry itself
  std::vector<std::string> recipients{};  // of the list, if a mail goes to it
  std::string own_mail{};                 // the user's own mailbox; empty: no mail of their own
  State state = State::Future;

  bool operator==(const Warning&) const = default;
};

// The warnings of a token with this status, sorted by time. Empty if the token has no expiry yet,
// was revoked, or is rotated automatically and not overdue. Leaves out a reminder that a nearer one
// overtook, because it is never delivered. `configs`: those that apply.
std::vector<Warning> warnings_of(WallTime now, const api::ApiToken& token,
                                 const std::vector<const ExpiryConfig*>& configs);

// A token as a minting at `now` would leave it: ttl, expiry, rotation and warnings by the settings
// that apply.
struct Minted {
  api::ApiToken token;
  LifetimeRule rule;
};
Minted as_minted(WallTime now, const api::ApiToken& token,
                 const std::vector<const ExpiryConfig*>& configs);

// The configs of `all` that apply to the token. `namespace_labels`: of its namespace.
std::vector<const ExpiryConfig*> configs_for(const std::vector<ExpiryConfig>& all,
                                             const api::StringMap& token_labels,
                                             const api::StringMap& namespace_labels);

}  // namespace apitoken::core
