// The table of channels: when each applies to a notice, and where it leads.
#include "notify/delivery.hpp"

#include <optional>
#include <utility>

#include "core/addresses.hpp"

namespace apitoken::notify {
namespace {

using core::ConfigRoute;
using core::Notice;

std::optional<Target> event_target(const Notice& notice, const ConfigRoute&) {
  return Target{Channel::Event, notice.key.config, {}};
}

std::optional<Target> list_target(const Notice& notice, const ConfigRoute& route) {
  if (!route.mails || (!route.list_given && route.recipients.empty())) return {};
  return Target{Channel::ListMail, notice.key.config, route.recipients};
}

std::optional<Target> user_target(const Notice& notice, const ConfigRoute& route) {
  if (!route.mails || !route.email_token_user) return {};
  auto address = core::mailbox_of_user(notice.user, route.user_prefix, route.user_domains);
  if (!address) return {};
  return Target{Channel::UserMail, notice.key.config, {std::move(*address)}};
}

constexpr std::optional<Target> (*kChannels[])(const Notice&, const ConfigRoute&) = {
    event_target,
    list_target,
    user_target,
};

}  // namespace

std::vector<Target> targets_of(const core::Notice& notice, const core::ConfigRoute& route) {
  std::vector<Target> targets;
  for (const auto target_of : kChannels) {
    if (auto target = target_of(notice, route)) targets.push_back(std::move(*target));
  }
  return targets;
}

}  // namespace apitoken::notify
