// Reports claimants of one hash.
#include "reconcile/duplicate_hashes.hpp"

#include <fmt/format.h>

#include "api/names.hpp"
#include "base/log.hpp"
#include "core/notices.hpp"

namespace apitoken::reconcile {
namespace {

constexpr std::size_t kMaxReported = 4096;
constexpr std::string_view kReason = "DuplicateHash";

}  // namespace

void DuplicateHashes::look_for(const api::ApiToken& token) {
  look_for(token.status.token_hash);
  if (token.status.previous) look_for(token.status.previous->token_hash);
}

void DuplicateHashes::look_for(const std::string& hash) {
  const auto digest = core::parse_hash(hash);
  if (!digest) return;
  const auto claimants = index_.claimants(*digest);
  for (std::size_t i = 1; i < claimants.size(); ++i) report(*claimants[0], *claimants[i], hash);
}

void DuplicateHashes::report(const api::ApiToken& older, const api::ApiToken& younger,
                             const std::string& hash) {
  const std::string fact = fmt::format("{}|{}|{}", younger.meta.uid, older.meta.uid, hash);
  if (!is_new(fact)) return;
  const std::string kept = older.meta.key().text();
  const std::string refused = younger.meta.key().text();
  log::warn("two ApiTokens claim one token hash, the older keeps it",
            {{"older", kept}, {"younger", refused}});
  dispatcher_.post_event(
      {younger.meta.ns,
       core::event_name(younger.meta.name, fmt::format("{}|{}", kReason, fact)),
       {std::string(api::kApiVersion), std::string(api::kApiTokenKind), younger.meta.ns,
        younger.meta.name, younger.meta.uid},
       true,
       std::string(kReason),
       "Verify",
       fmt::format(
           "the status of ApiToken {} has a token hash of ApiToken {}, which is older and keeps "
           "it: the value speaks for {} alone. Somebody wrote this status: see who may write "
           "apitokens/status",
           refused, kept, kept)});
}

bool DuplicateHashes::is_new(const std::string& fact) {
  const MutexLock lock(mutex_);
  // The Event's name still prevents a second Event.
  if (reported_.size() >= kMaxReported) reported_.clear();
  return reported_.insert(fact).second;
}

}  // namespace apitoken::reconcile
