// Goes through the reminders of each config in force, and the expiry itself.
#include "core/plan_notices.hpp"

#include <algorithm>

#include "core/lifetimes.hpp"
#include "core/rotation.hpp"
#include "core/token_status.hpp"

namespace apitoken::core {
namespace {

Notice notice_of(const api::ApiToken& token, const api::ApiTokenStatus& status,
                 const ExpiryConfig& config, Seconds before) {
  return {{token.meta.uid, *status.expires_at, config.name, before},
          token.meta.ns,
          token.meta.name,
          token.spec.user,
          status.token_id,
          std::string(to_string(token_type(token.spec))),
          token.spec.description,
          true};
}

}  // namespace

DueNotices due_notices(const Observed& observed, const api::ApiTokenStatus& status) {
  DueNotices due;
  if (!status.expires_at) return due;
  if (status.rotate_at && observed.now < rotation_overdue(*status.rotate_at, *status.expires_at))
    return due;
  const api::ApiTokenSpec& spec = observed.token.spec;
  for (const ExpiryConfig* config : configs_in_force(observed)) {
    auto reminders = concerning_reminders(*config, token_type(spec), ttl_in_force(spec, status));
    if (reminders.empty()) continue;
    reminders.emplace_back(0);
    if (const auto before =
            due_notice(reminders, *status.expires_at, config->name, status.notices, observed.now)) {
      due.notices.push_back({notice_of(observed.token, status, *config, *before), config->route});
    }
    const auto next = next_due(reminders, *status.expires_at, observed.now);
    if (next && (!due.next || *next < *due.next)) due.next = next;
  }
  return due;
}

}  // namespace apitoken::core
