// The HTML part of a digest. Mail programs differ from browsers: Outlook for Windows knows tables,
// inline styles and bgcolor alone; others drop the <style> block, so it holds only what a mail can
// do without (dark mode, narrow screens).
#include <fmt/format.h>

#include "core/plain_text.hpp"
#include "notify/digest_outline.hpp"
#include "notify/mail_text.hpp"

namespace apitoken::notify {
namespace {

constexpr std::string_view kHead =
    R"(<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<style>
:root{color-scheme:light dark;supported-color-schemes:light dark}
@media (prefers-color-scheme:dark){
.pg{background:#14171c!important}
.cd{background:#1e2229!important;border-top-color:#3a414c!important;
border-right-color:#3a414c!important;border-bottom-color:#3a414c!important}
.tx,.tx a{color:#e8eaed!important}
.mu{color:#a9b1bc!important}
.pr{background:#14171c!important;color:#e8eaed!important}
.dl{color:#ff9b94!important;border-color:#3a414c!important}
}
@media (max-width:480px){
.in{padding:12px!important}
.lb,.vl{display:block!important;width:auto!important;padding:0!important}
.vl{padding-bottom:6px!important}
}
</style>
)";

constexpr std::string_view kFont =
    "font-family:-apple-system,'Segoe UI',Helvetica,Arial,sans-serif";
constexpr std::string_view kTable =
    R"(<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0")";

struct Look {
  std::string_view heading;
  std::string_view color;  // of the badge, which bears white text: at least 4.5:1
};

Look look_of(Urgency urgency) {
  switch (urgency) {
    case Urgency::Expired:
      return {"Expired", "#8c1d18"};
    case Urgency::WithinHour:
      return {"Within the hour", "#c5221f"};
    case Urgency::WithinDay:
      return {"Within 24 hours", "#b54708"};
    case Urgency::WithinWeek:
      return {"Within 7 days", "#8a5a00"};
    case Urgency::Later:
      break;
  }
  return {"Later", "#1a5fb4"};
}

std::string row(std::string_view label, std::string_view value) {
  return fmt::format(
      R"(<tr><td class="lb mu" width="96" valign="top" style="width:96px;padding:2px 8px 2px 0;)"
      R"(color:#5b6470">{}</td><td class="vl tx" valign="top" style="padding:2px 0;color:#1c2025;)"
      R"(word-break:break-word">{}</td></tr>)"
      "\n",
      label, escape_html(value));
}

std::string command_block(const Action& action) {
  std::string label(action.label);
  label.front() = char(label.front() - 'a' + 'A');
  std::string html;
  if (action.deletes) {
    html = fmt::format(
        R"(<p class="dl" style="margin:16px 0 4px;padding:12px 0 0;border-top:1px solid #dfe3e8;)"
        R"(color:#a3211b">{}</p>)",
        label);
  } else {
    html = fmt::format(R"(<p class="tx" style="margin:12px 0 4px;color:#1c2025"><b>{}</b></p>)",
                       label);
  }
  for (const std::string& command : action.commands) {
    html += fmt::format(
        R"(<p class="pr" style="margin:0 0 4px;padding:8px;background:#f3f5f7;color:#1c2025;)"
        R"(font:13px/18px Consolas,Menlo,monospace;word-break:break-word">{}</p>)",
        escape_html(command));
  }
  return html + "\n";
}

// A link that looks like a button in every mail program.
std::string button(std::string_view link, std::string_view label) {
  return fmt::format(R"(<table role="presentation" cellpadding="0" cellspacing="0" border="0" )"
                     R"(style="margin:12px 0 0">)"
                     R"(<tr><td bgcolor="#1a5fb4" style="background:#1a5fb4;border-radius:6px">)"
                     R"(<a href="{}" style="display:inline-block;padding:10px 16px;color:#ffffff;)"
                     R"(text-decoration:none;font-weight:bold">{}</a></td></tr></table>)"
                     "\n",
                     escape_html(link), label);
}

std::string badge(const core::Notice& notice, WallTime now) {
  return fmt::format(
      R"(<table role="presentation" cellpadding="0" cellspacing="0" border="0"><tr>)"
      R"(<td bgcolor="{0}" style="background:{0};border-radius:4px;padding:3px 10px;color:#ffffff;)"
      R"(font-weight:bold">{1}</td></tr></table>)",
      look_of(urgency_of(notice, now)).color, distance_phrase(notice, now));
}

std::string card(const core::Notice& notice, const Digest& digest) {
  std::string html = fmt::format(
      R"({} class="cd" bgcolor="#ffffff" style="background:#ffffff;border:1px solid #dfe3e8;)"
      R"(border-left:6px solid {};border-radius:6px"><tr><td class="in" style="padding:16px">{})"
      "\n"
      R"(<p class="tx" style="margin:8px 0 4px;font-size:18px;line-height:24px;color:#1c2025;)"
      R"(word-break:break-word"><b>{}/{}</b></p>)"
      "\n{}>\n",
      kTable, look_of(urgency_of(notice, digest.now)).color, badge(notice, digest.now),
      escape_html(notice.ns), escape_html(notice.name), kTable);
  const bool is_expired = urgency_of(notice, digest.now) == Urgency::Expired;
  html += row(is_expired ? "Expired" : "Expires", utc_minute(notice.key.expires_at));
  html += row("User", core::plain_text(notice.user));
  if (!notice.description.empty()) html += row("Description", core::plain_text(notice.description));
  html += row("Token", fmt::format("{}, token ID {}", notice.type, notice.token_id));
  html += row("Reminder", reminder_phrase(notice));
  html += "</table>\n";
  if (const auto link = token_link(notice, digest.installation); !link.empty())
    html += button(link, "Open in the portal");
  for (const Action& action : actions_for(notice)) html += command_block(action);
  return html + "</td></tr></table>\n<p style=\"margin:0;line-height:12px\">&nbsp;</p>\n";
}

std::string section_heading(std::string_view text) {
  return fmt::format(
      R"(<h2 class="tx" style="margin:16px 0 8px;font-size:16px;line-height:22px;color:#1c2025">)"
      "{}</h2>\n",
      escape_html(text));
}

std::string note(std::string_view text) {
  return fmt::format(R"(<p class="mu" style="margin:4px 0;color:#5b6470">{}</p>)"
                     "\n",
                     escape_html(text));
}

std::string group_lines(const NamespaceGroup& group, WallTime now) {
  std::string html =
      fmt::format(R"(<p class="tx" style="margin:12px 0 4px;color:#1c2025;word-break:break-word">)"
                  "<b>{}</b>: {}",
                  escape_html(group.ns), count_tokens(group.count));
  for (const core::Notice& notice : group.lines) {
    html += fmt::format("<br>\n{} {}, {} ({})", escape_html(notice.name),
                        distance_phrase(notice, now), utc_minute(notice.key.expires_at),
                        escape_html(core::cut_text(core::plain_text(notice.user), 64)));
  }
  const auto rest = unlisted_in(group);
  return html + "</p>\n" + (rest.empty() ? "" : note(rest));
}

std::string groups_html(const Outline& outline, const Digest& digest) {
  if (outline.groups.empty()) return "";
  std::string html = section_heading("More tokens, by namespace");
  for (const NamespaceGroup& group : outline.groups) html += group_lines(group, digest.now);
  if (const auto rest = unlisted(outline); !rest.empty()) html += note(rest);
  if (const auto link = all_tokens_link(digest.installation); !link.empty())
    html += button(link, "See all in the portal");
  return html + note(fmt::format("See all: {}", kListCommand));
}

std::string cards_html(const Outline& outline, const Digest& digest) {
  std::string html;
  std::optional<Urgency> section;
  for (const core::Notice& notice : outline.cards) {
    if (const Urgency urgency = urgency_of(notice, digest.now); section != urgency) {
      html += section_heading(look_of(urgency).heading);
      section = urgency;
    }
    html += card(notice, digest);
  }
  return html;
}

std::string advice_html() {
  std::string html = section_heading("How to renew a token") +
                     R"(<ul class="tx" style="margin:0;padding:0 0 0 20px;color:#1c2025">)"
                     "\n";
  for (const std::string_view advice : renewal_advice())
    html += fmt::format("<li style=\"margin:0 0 6px\">{}</li>\n", escape_html(advice));
  return html + "</ul>\n" +
         note("This mail was sent by apitoken-operator, as the platform's TokenExpiryConfig asks.");
}

}  // namespace

std::string digest_html(const Digest& digest) {
  const Outline outline = outline_of(digest);
  std::string html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head>\n{0}<title>{1}</title>\n</head>\n"
      R"(<body class="pg" style="margin:0;padding:0;background:#eef1f4">)"
      "\n"
      R"({2} class="pg" bgcolor="#eef1f4" style="background:#eef1f4"><tr>)"
      R"(<td align="center" style="padding:16px 8px">)"
      "\n<!--[if mso]><table role=\"presentation\" width=\"640\"><tr><td><![endif]-->\n"
      R"({2} style="max-width:640px;margin:0 auto;text-align:left"><tr>)"
      R"(<td style="{3};font-size:14px;line-height:20px">)"
      "\n"
      R"(<h1 class="tx" style="margin:0 0 4px;font-size:22px;line-height:28px;color:#1c2025">)"
      "{4}</h1>"
      "\n",
      kHead, escape_html(digest_subject(digest)), kTable, kFont, escape_html(headline(digest)));
  if (const auto sender = sender_line(digest); !sender.empty()) html += note(sender);
  html += cards_html(outline, digest);
  html += groups_html(outline, digest);
  html += advice_html();
  return html +
         "</td></tr></table>\n<!--[if mso]></td></tr></table><![endif]-->\n"
         "</td></tr></table>\n</body></html>\n";
}

}  // namespace apitoken::notify
