// The content of a digest before it becomes text or HTML: which tokens get a card, which are listed
// by namespace, which are counted, and the phrases that both parts share. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "notify/digest.hpp"

namespace apitoken::notify {

inline constexpr std::size_t kMaxCards = 20;
inline constexpr std::size_t kMaxNamespaces = 20;  // that are listed after the cards
inline constexpr std::size_t kMaxLines = 8;        // of one such namespace

// By the time until expiry.
enum class Urgency { Expired, WithinHour, WithinDay, WithinWeek, Later };
Urgency urgency_of(const core::Notice& notice, WallTime now);

struct NamespaceGroup {
  std::string ns;
  std::size_t count = 0;
  std::vector<core::Notice> lines;  // at most kMaxLines; the earliest expiry first
};

struct Outline {
  std::vector<core::Notice> cards;     // the earliest expiry first
  std::vector<NamespaceGroup> groups;  // of tokens without a card; the earliest expiry first
  std::size_t other_tokens = 0;        // in namespaces that are not listed
  std::size_t other_namespaces = 0;
};
Outline outline_of(const Digest& digest);

// "1 API token has expired, 2 API tokens expire within 7 days"
std::string headline(const Digest& digest);
// "Cluster prod-eu, TokenExpiryConfig default"; of the cluster only if its name is known.
std::string sender_line(const Digest& digest);
// "2 API tokens"
std::string count_tokens(std::size_t count);
// "expires in 42 minutes", "expired 2 hours ago"
std::string distance_phrase(const core::Notice& notice, WallTime now);
// "7 days before expiry", "at expiry"
std::string reminder_phrase(const core::Notice& notice);
// "... and 24 more in team-b"; empty if all are listed.
std::string unlisted_in(const NamespaceGroup& group);
// "... and 480 more API tokens in 12 other namespaces"; empty if there are none.
std::string unlisted(const Outline& outline);

// What one can do with a token, in order; the last one deletes it.
struct Action {
  std::string_view label;
  std::vector<std::string> commands;
  bool deletes = false;
};
std::vector<Action> actions_for(const core::Notice& notice);
// The page of the token in the portal, and of all tokens; empty without a portal.
std::string token_link(const core::Notice& notice, const core::Installation& installation);
std::string all_tokens_link(const core::Installation& installation);
inline constexpr std::string_view kListCommand =
    "kubectl get apitokens -A --sort-by=.status.expiresAt";

// How to renew a token; each is a paragraph.
std::vector<std::string_view> renewal_advice();

}  // namespace apitoken::notify
