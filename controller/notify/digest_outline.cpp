// Sorting, grouping and the phrases of a digest.
#include "notify/digest_outline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "base/duration.hpp"
#include "core/plain_text.hpp"
#include "notify/mail_text.hpp"

namespace apitoken::notify {
namespace {

constexpr Seconds kMinute{60};
constexpr Seconds kHour{3600};
constexpr Seconds kDay{86400};

// By expiry, then by name.
std::vector<core::Notice> sorted_notices(const Digest& digest) {
  std::vector<core::Notice> sorted = digest.notices;
  if (digest.to_user) {
    for (core::Notice& notice : sorted) notice.description.clear();
  }
  std::ranges::sort(sorted, [](const core::Notice& a, const core::Notice& b) {
    return std::tie(a.key.expires_at, a.ns, a.name, a.key) <
           std::tie(b.key.expires_at, b.ns, b.name, b.key);
  });
  return sorted;
}

// "7 days", "18 hours", "42 minutes": rounded up, so that "within" holds.
std::string within(Seconds ahead) {
  const Seconds unit = ahead > 2 * kDay ? kDay : ahead > 2 * kHour ? kHour : kMinute;
  return describe_duration((ahead + unit - Seconds(1)) / unit * unit);
}

std::string expired_phrase(std::size_t count) {
  return fmt::format("{} {} expired", count_tokens(count), count == 1 ? "has" : "have");
}

// "on 2026-12-01"; with the time of day if that is less than a day ahead.
std::string date_phrase(WallTime expiry, WallTime now) {
  const bool is_close = expiry > now && expiry - now < kDay;
  return is_close ? "at " + utc_minute(expiry) : "on " + utc_day(expiry);
}

}  // namespace

Urgency urgency_of(const core::Notice& notice, WallTime now) {
  const Seconds ahead = notice.key.expires_at - now;
  if (ahead <= Seconds(0)) return Urgency::Expired;
  if (ahead <= kHour) return Urgency::WithinHour;
  if (ahead <= kDay) return Urgency::WithinDay;
  return ahead <= 7 * kDay ? Urgency::WithinWeek : Urgency::Later;
}

Outline outline_of(const Digest& digest) {
  Outline outline;
  std::map<std::string, std::size_t> places;  // of namespaces in outline.groups
  std::map<std::string, std::size_t> others;
  for (core::Notice& notice : sorted_notices(digest)) {
    if (outline.cards.size() < kMaxCards) {
      outline.cards.push_back(std::move(notice));
      continue;
    }
    if (!places.contains(notice.ns)) {
      if (places.size() == kMaxNamespaces) {
        ++others[notice.ns];
        ++outline.other_tokens;
        continue;
      }
      places.emplace(notice.ns, outline.groups.size());
      outline.groups.push_back({notice.ns, 0, {}});
    }
    NamespaceGroup& group = outline.groups[places.at(notice.ns)];
    ++group.count;
    if (group.lines.size() < kMaxLines) group.lines.push_back(std::move(notice));
  }
  outline.other_namespaces = others.size();
  return outline;
}

std::string count_tokens(std::size_t count) {
  return count == 1 ? "1 API token" : fmt::format("{} API tokens", count);
}

std::string headline(const Digest& digest) {
  std::size_t expired = 0;
  WallTime last{};
  for (const core::Notice& notice : digest.notices) {
    expired += urgency_of(notice, digest.now) == Urgency::Expired;
    last = std::max(last, notice.key.expires_at);
  }
  const std::size_t ahead = digest.notices.size() - expired;
  if (ahead == 0) return expired_phrase(expired);
  const std::string expiring = fmt::format("{} expire{} within {}", count_tokens(ahead),
                                           ahead == 1 ? "s" : "", within(last - digest.now));
  return expired == 0 ? expiring : fmt::format("{}, {}", expired_phrase(expired), expiring);
}

std::string digest_subject(const Digest& digest) {
  const std::string& cluster = digest.installation.cluster_name;
  const std::string start = cluster.empty() ? "" : fmt::format("[{}] ", cluster);
  if (digest.notices.empty()) return core::plain_text(start + headline(digest));
  const auto sorted = sorted_notices(digest);
  const core::Notice& first = sorted.front();
  std::string when = date_phrase(first.key.expires_at, digest.now);
  if (sorted.size() > 1) {
    const Urgency urgency = urgency_of(first, digest.now);
    const bool is_close = urgency == Urgency::WithinHour || urgency == Urgency::WithinDay;
    when = is_close ? fmt::format("the first within {}, {}",
                                  within(first.key.expires_at - digest.now), when)
                    : "the first " + when;
  }
  return core::plain_text(
      fmt::format("{}{}, {} ({}/{})", start, headline(digest), when, first.ns, first.name));
}

std::string sender_line(const Digest& digest) {
  std::string line;
  if (const std::string& cluster = digest.installation.cluster_name; !cluster.empty())
    line = fmt::format("Cluster {}", core::plain_text(cluster));
  if (digest.notices.empty() || digest.notices.front().key.config.empty()) return line;
  return fmt::format("{}{}TokenExpiryConfig {}", line, line.empty() ? "" : ", ",
                     digest.notices.front().key.config);
}

std::string distance_phrase(const core::Notice& notice, WallTime now) {
  const bool is_expired = urgency_of(notice, now) == Urgency::Expired;
  return fmt::format("{} {}", is_expired ? "expired" : "expires",
                     core::describe_distance(notice.key.expires_at, now));
}

std::string reminder_phrase(const core::Notice& notice) {
  if (notice.key.before == Seconds(0)) return "at expiry";
  return describe_duration(notice.key.before) + " before expiry";
}

std::string unlisted_in(const NamespaceGroup& group) {
  const std::size_t more = group.count - group.lines.size();
  return more == 0 ? "" : fmt::format("... and {} more in {}", more, group.ns);
}

std::string unlisted(const Outline& outline) {
  if (outline.other_tokens == 0) return "";
  return fmt::format("... and {} more API tokens in {} other namespace{}", outline.other_tokens,
                     outline.other_namespaces, outline.other_namespaces == 1 ? "" : "s");
}

// Namespace and name are DNS-1123 and need no quotes in a shell.
std::vector<Action> actions_for(const core::Notice& notice) {
  const auto kubectl = [&](std::string_view verb, std::string_view options) {
    return fmt::format("kubectl -n {} {} apitoken {}{}", notice.ns, verb, notice.name, options);
  };
  return {{"renew it", {core::renew_command(notice)}},
          {"look at it", {kubectl("get", " -o wide"), kubectl("describe", "")}},
          {"delete it, if nobody needs it", {kubectl("delete", "")}, true}};
}

std::string token_link(const core::Notice& notice, const core::Installation& installation) {
  return core::portal_link(installation, notice.token());
}

std::string all_tokens_link(const core::Installation& installation) {
  return installation.portal_url.empty() ? "" : installation.portal_url + "/tokens";
}

std::vector<std::string_view> renewal_advice() {
  return {
      "Run the command \"renew it\" of the token. A new value with a full lifetime takes the place "
      "of the old one in the Secret. The old value works for a while longer "
      "(spec.rotation.overlap), so that programs have time to change. An expired token is renewed "
      "in the same way.",
      "Pods that mount the Secret see the new value within about a minute. Pods that read it into "
      "environment variables have to be restarted. Users outside the cluster have to be given the "
      "new value.",
      "Set spec.rotation.policy of a Permanent token to Automatic, and it renews itself the next "
      "time.",
      "Deleting an ApiToken deletes its Secret too: programs that still use the token stop "
      "working.",
  };
}

}  // namespace apitoken::notify
