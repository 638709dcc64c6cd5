// The text part of a digest.
#include <fmt/format.h>

#include "core/plain_text.hpp"
#include "notify/digest_outline.hpp"
#include "notify/mail_text.hpp"

namespace apitoken::notify {
namespace {

std::string_view heading_of(Urgency urgency) {
  switch (urgency) {
    case Urgency::Expired:
      return "EXPIRED";
    case Urgency::WithinHour:
      return "WITHIN THE HOUR";
    case Urgency::WithinDay:
      return "WITHIN 24 HOURS";
    case Urgency::WithinWeek:
      return "WITHIN 7 DAYS";
    case Urgency::Later:
      break;
  }
  return "LATER";
}

std::string line_of(std::string_view label, std::string_view value) {
  return fmt::format("   {:<13}{}\n", label, value);
}

std::string card(const core::Notice& notice, std::size_t number, const Digest& digest) {
  const bool is_expired = urgency_of(notice, digest.now) == Urgency::Expired;
  std::string text = fmt::format("{}. {}/{} ({}, token ID {})\n", number, notice.ns, notice.name,
                                 notice.type, notice.token_id);
  text += line_of(is_expired ? "expired:" : "expires:",
                  fmt::format("{}, {}", utc_minute(notice.key.expires_at),
                              core::describe_distance(notice.key.expires_at, digest.now)));
  text += line_of("user:", core::plain_text(notice.user));
  if (!notice.description.empty())
    text += line_of("description:", core::plain_text(notice.description));
  text += line_of("reminder:", reminder_phrase(notice));
  if (const auto link = token_link(notice, digest.installation); !link.empty())
    text += line_of("portal:", link);
  for (const Action& action : actions_for(notice)) {
    std::string label = fmt::format("{}:", action.label);
    if (action.deletes) {  // apart, and on a line of its own
      text += fmt::format("\n   {}\n", label);
      label.clear();
    }
    for (const std::string& command : action.commands) {
      text += line_of(label, command);
      label.clear();
    }
  }
  return text + "\n";
}

std::string group_text(const NamespaceGroup& group, WallTime now) {
  std::string text = fmt::format("{}: {}\n", group.ns, count_tokens(group.count));
  for (const core::Notice& notice : group.lines)
    text += fmt::format("   {} {}, {} (user {})\n", notice.name, distance_phrase(notice, now),
                        utc_minute(notice.key.expires_at), core::plain_text(notice.user));
  if (const auto rest = unlisted_in(group); !rest.empty()) text += fmt::format("   {}\n", rest);
  return text + "\n";
}

std::string groups_text(const Outline& outline, const Digest& digest) {
  if (outline.groups.empty()) return "";
  std::string text = "MORE TOKENS, BY NAMESPACE\n\n";
  for (const NamespaceGroup& group : outline.groups) text += group_text(group, digest.now);
  if (const auto rest = unlisted(outline); !rest.empty()) text += rest + "\n\n";
  if (const auto link = all_tokens_link(digest.installation); !link.empty())
    text += fmt::format("See all in the portal: {}\n", link);
  return text + fmt::format("See all: {}\n\n", kListCommand);
}

}  // namespace

std::string digest_text(const Digest& digest) {
  const Outline outline = outline_of(digest);
  std::string text = headline(digest) + ".\n";
  if (const auto sender = sender_line(digest); !sender.empty()) text += sender + ".\n";
  text += "\n";
  std::optional<Urgency> section;
  std::size_t number = 0;
  for (const core::Notice& notice : outline.cards) {
    if (const Urgency urgency = urgency_of(notice, digest.now); section != urgency) {
      text += fmt::format("{}\n\n", heading_of(urgency));
      section = urgency;
    }
    text += card(notice, ++number, digest);
  }
  text += groups_text(outline, digest);
  text += "How to renew a token\n\n";
  for (const std::string_view advice : renewal_advice()) text += fmt::format("- {}\n", advice);
  return text +
         "\nThis mail was sent by apitoken-operator, as the platform's TokenExpiryConfig asks.\n";
}

}  // namespace apitoken::notify
