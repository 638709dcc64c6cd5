// The digest mail: what it says, and that text from users cannot change its structure.
#include "notify/digest.hpp"

#include <gmock/gmock.h>

#include "base/rfc3339.hpp"
#include "notify/digest_outline.hpp"
#include "notify/mail_text.hpp"

namespace apitoken::notify {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

const WallTime kNow = *parse_rfc3339("2026-11-24T08:00:00Z");
constexpr Seconds kDay = 24h;

core::Notice notice(std::string name, Seconds ahead, Seconds before = 7 * kDay) {
  return {{"uid-" + name, kNow + ahead, "default", before},
          "team-a",
          name,
          "alice@example.com",
          "7Gk2abcd",
          "Permanent",
          "deploys from CI"};
}

Digest digest(std::vector<core::Notice> notices) {
  return {std::move(notices),
          {"API tokens", "tokens@example.com"},
          {"ops@example.com", "sec@example.com"},
          "<0123456789abcdef0123456789abcdef@example.com>",
          kNow};
}

TEST(DigestSubject, SaysHowManyUntilWhenAndWhichIsFirst) {
  EXPECT_EQ(digest_subject(digest({notice("b", 7 * kDay), notice("ci-deploy", 5 * kDay + 1h),
                                   notice("c", 6 * kDay)})),
            "3 API tokens expire within 7 days, the first on 2026-11-29 (team-a/ci-deploy)");
  EXPECT_EQ(digest_subject(digest({notice("ci", 30h)})),
            "1 API token expires within 1 day 6 hours, on 2026-11-25 (team-a/ci)");
  EXPECT_EQ(digest_subject(digest({notice("ci", -2h, 0s)})),
            "1 API token has expired, on 2026-11-24 (team-a/ci)");
  EXPECT_EQ(digest_subject(digest({notice("ci", -2h, 0s), notice("b", 3 * kDay)})),
            "1 API token has expired, 1 API token expires within 3 days, the first on 2026-11-24 "
            "(team-a/ci)");
}

TEST(DigestSubject, NamesTheClusterAndTheHourOfWhatIsClose) {
  auto close = digest({notice("ci", 42min)});
  EXPECT_EQ(digest_subject(close),
            "1 API token expires within 42 minutes, at 2026-11-24 08:42 UTC (team-a/ci)");
  close.installation.cluster_name = "prod-eu";
  close.notices.push_back(notice("late", 7 * kDay));
  EXPECT_EQ(digest_subject(close),
            "[prod-eu] 2 API tokens expire within 7 days, the first within 42 minutes, at "
            "2026-11-24 08:42 UTC (team-a/ci)");
}

TEST(DigestText, SaysWhichWhoseWhenAndWhatToDo) {
  const std::string text = digest_text(
      digest({notice("late", 7 * kDay), notice("soon", 90min), notice("over", -2h, 0s)}));
  EXPECT_LT(text.find("team-a/over"), text.find("team-a/soon"));
  EXPECT_LT(text.find("team-a/soon"), text.find("team-a/late"));
  EXPECT_THAT(text, HasSubstr("1. team-a/over (Permanent, token ID 7Gk2abcd)\n   expired:     "
                              "2026-11-24 06:00 UTC, 2 hours ago\n"));
  EXPECT_THAT(text, HasSubstr("expires:     2026-12-01 08:00 UTC, in 7 days\n"));
  EXPECT_THAT(text, HasSubstr("in 1 hour 30 minutes"));
  EXPECT_THAT(text, HasSubstr("user:        alice@example.com\n   description: deploys from CI\n"));
  EXPECT_THAT(text, HasSubstr("kubectl -n team-a get apitoken soon -o wide\n"));
  EXPECT_THAT(text, HasSubstr("kubectl -n team-a describe apitoken soon\n"));
  EXPECT_THAT(text, HasSubstr("renew it:    kubectl -n team-a annotate apitoken soon --overwrite "
                              "apitoken.dev/rotate-requested-at=$(date -u +%Y-%m-%dT%H:%M:%SZ)\n"));
  EXPECT_THAT(text, HasSubstr("kubectl -n team-a delete apitoken soon\n"));
  EXPECT_THAT(text, HasSubstr("How to renew a token"));
}

TEST(DigestBodies, LeaveTheDescriptionOutOfMailsToUsers) {
  auto to_user = digest({notice("ci", kDay)});
  to_user.to_user = true;
  for (const auto& body : {digest_text(to_user), digest_html(to_user), render_mail(to_user)}) {
    EXPECT_THAT(body, Not(HasSubstr("deploys from CI")));
    EXPECT_THAT(body, HasSubstr("alice@example.com"));
  }
  EXPECT_THAT(digest_text(digest({notice("ci", kDay)})), HasSubstr("deploys from CI"));
}

TEST(DigestBodies, KeepWhatUsersWroteInItsPlace) {
  auto evil = notice("ci", kDay);
  evil.description = "<script>alert('x')</script>\r\n2. team-a/fake\x1b[2J";
  evil.user = "bob\"><img src=x>\n";
  const std::string html = digest_html(digest({evil}));
  EXPECT_THAT(html, Not(HasSubstr("<script>")));
  EXPECT_THAT(html, Not(HasSubstr("<img")));
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"));
  const std::string text = digest_text(digest({evil}));
  EXPECT_THAT(text, Not(HasSubstr("\n2. team-a/fake")));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(DigestBodies, ShowTheUrgencyOfEachToken) {
  const auto mixed = digest({notice("late", 20 * kDay, 30 * kDay), notice("week", 3 * kDay),
                             notice("day", 5h), notice("hour", 42min), notice("over", -2h, 0s)});
  const std::string text = digest_text(mixed);
  const std::string html = digest_html(mixed);
  for (const auto* phrase : {"expired 2 hours ago", "expires in 42 minutes", "expires in 5 hours",
                             "expires in 3 days", "expires in 20 days"})
    EXPECT_THAT(html, HasSubstr(phrase));
  std::size_t last = 0;
  for (const auto* heading :
       {"EXPIRED\n", "WITHIN THE HOUR\n", "WITHIN 24 HOURS\n", "WITHIN 7 DAYS\n", "LATER\n"}) {
    const auto at = text.find(heading);
    ASSERT_NE(at, text.npos) << heading;
    EXPECT_GE(at, last) << heading;
    last = at;
  }
  // Minutes do not look like days.
  EXPECT_THAT(html, HasSubstr("background:#c5221f;border-radius:4px"));
  EXPECT_THAT(html, HasSubstr("background:#1a5fb4;border-radius:4px"));
}

TEST(DigestBodies, LabelEachActionAndDeleteLastAndApart) {
  const auto one = digest({notice("ci", kDay)});
  for (const std::string& body : {digest_text(one), digest_html(one)}) {
    const auto at = [&](std::string_view text) {
      const auto found = body.find(text);
      EXPECT_NE(found, body.npos) << text;
      return found;
    };
    const bool is_html = body.starts_with("<!DOCTYPE");
    EXPECT_LT(at(is_html ? "Renew it" : "renew it:"), at("rotate-requested-at="));
    EXPECT_LT(at("rotate-requested-at="), at(is_html ? "Look at it" : "look at it:"));
    EXPECT_LT(at(is_html ? "Look at it" : "look at it:"), at("describe apitoken ci"));
    const auto label =
        at(is_html ? "Delete it, if nobody needs it" : "delete it, if nobody needs it:");
    EXPECT_LT(at("describe apitoken ci"), label);
    EXPECT_LT(label, at("kubectl -n team-a delete apitoken ci"));
  }
  EXPECT_THAT(digest_html(one),
              HasSubstr("border-top:1px solid #dfe3e8;color:#a3211b\">Delete it"));
}

TEST(DigestBodies, SayWhichClusterAndConfigSpeaks) {
  auto one = digest({notice("ci", kDay)});
  for (const std::string& body : {digest_text(one), digest_html(one)}) {
    EXPECT_THAT(body, HasSubstr("TokenExpiryConfig default"));
    EXPECT_THAT(body, HasSubstr("7 days before expiry"));
    EXPECT_THAT(body, Not(HasSubstr("Cluster")));
  }
  one.installation.cluster_name = "prod-eu";
  for (const std::string& body : {digest_text(one), digest_html(one)})
    EXPECT_THAT(body, HasSubstr("Cluster prod-eu, TokenExpiryConfig default"));
}

TEST(DigestBodies, LinkToTheTokenInThePortal) {
  auto one = digest({notice("ci", kDay)});
  for (const std::string& body : {digest_text(one), digest_html(one)})
    EXPECT_THAT(body, Not(HasSubstr("/tokens/")));
  one.installation.portal_url = "https://portal.example.com/t?a&b";
  EXPECT_THAT(digest_text(one),
              HasSubstr("portal:      https://portal.example.com/t?a&b/tokens/team-a/ci\n"));
  EXPECT_THAT(digest_html(one),
              HasSubstr("href=\"https://portal.example.com/t?a&amp;b/tokens/team-a/ci\""));
  EXPECT_THAT(digest_html(one), HasSubstr(">Open in the portal</a>"));
}

TEST(DigestBodies, StayReadableWithThousandsOfTokens) {
  std::vector<core::Notice> many;
  for (int i = 0; i < 10'000; ++i) {
    many.push_back(notice("a-token-with-a-long-name-" + std::to_string(i), 2 * kDay + Seconds(i)));
    many.back().ns = "team-" + std::to_string(i % 30);
    many.back().user = "somebody-with-a-long-address@department.example.com";
  }
  auto huge = digest(std::move(many));
  EXPECT_THAT(digest_subject(huge), HasSubstr("10000 API tokens expire within 3 days"));
  const Outline outline = outline_of(huge);
  EXPECT_EQ(outline.cards.size(), kMaxCards);
  EXPECT_EQ(outline.cards.front().name, "a-token-with-a-long-name-0");
  ASSERT_EQ(outline.groups.size(), kMaxNamespaces);
  std::size_t listed = outline.cards.size() + outline.other_tokens;
  for (const auto& group : outline.groups) {
    listed += group.count;
    EXPECT_EQ(group.lines.size(), kMaxLines);
    EXPECT_EQ(group.lines.front().ns, group.ns);
  }
  EXPECT_EQ(listed, 10'000u) << "each token is shown or counted";
  EXPECT_EQ(outline.other_namespaces, 10u);
  for (const std::string& body : {digest_text(huge), digest_html(huge)}) {
    EXPECT_THAT(body, HasSubstr("team-20"));
    EXPECT_THAT(body, HasSubstr("... and 325 more in team-20"));
    EXPECT_THAT(body, HasSubstr("more API tokens in 10 other namespaces"));
    EXPECT_THAT(body, HasSubstr("kubectl get apitokens -A --sort-by=.status.expiresAt"));
    EXPECT_LT(body.size(), 100'000u) << "Gmail cuts a mail at 102 kB";
  }
  huge.installation.portal_url = "https://portal.example.com";
  EXPECT_THAT(digest_text(huge),
              HasSubstr("See all in the portal: https://portal.example.com/tokens\n"));
  EXPECT_THAT(digest_html(huge), HasSubstr("href=\"https://portal.example.com/tokens\""));
  EXPECT_LT(digest_html(huge).size(), 100'000u);
}

TEST(RenderedMail, IsMarkedImportantIfATokenExpiresWithinADay) {
  const auto marked = [](Seconds ahead) {
    return render_mail(digest({notice("ci", ahead), notice("late", 9 * kDay)}))
               .find("Importance: high\r\n") != std::string::npos;
  };
  EXPECT_TRUE(marked(-1h));
  EXPECT_TRUE(marked(kDay));
  EXPECT_FALSE(marked(kDay + 1s));
}

TEST(RenderedMail, IsDeterministicSevenBitAndWellFormed) {
  auto d = digest({notice("ci", kDay)});
  d.notices[0].description = "grün = schön";
  const std::string mail = render_mail(d);
  EXPECT_EQ(mail, render_mail(d));
  EXPECT_THAT(mail, HasSubstr("Date: Tue, 24 Nov 2026 08:00:00 +0000\r\n"));
  EXPECT_THAT(mail, HasSubstr("From: \"API tokens\" <tokens@example.com>\r\n"));
  EXPECT_THAT(mail, HasSubstr("To: ops@example.com,\r\n sec@example.com\r\n"));
  EXPECT_THAT(mail, HasSubstr("Message-ID: <0123456789abcdef0123456789abcdef@example.com>\r\n"));
  EXPECT_THAT(mail, HasSubstr("Auto-Submitted: auto-generated\r\n"));
  EXPECT_THAT(mail, HasSubstr("X-Auto-Response-Suppress: All\r\n"));
  EXPECT_THAT(mail, HasSubstr("Content-Type: multipart/alternative;\r\n"));
  EXPECT_THAT(mail, HasSubstr("gr=C3=BCn =3D sch=C3=B6n"));
  std::size_t line = 0;
  for (std::size_t i = 0; i < mail.size(); ++i) {
    ASSERT_LT(static_cast<unsigned char>(mail[i]), 0x80);
    if (mail[i] == '\n') {
      ASSERT_EQ(mail[i - 1], '\r');
      ASSERT_LE(i - line, 79u) << mail.substr(line, i - line);
      line = i + 1;
    }
  }
}

TEST(Headers, EncodeNamesThatAreNotAscii) {
  EXPECT_EQ(render_mailbox({"Tokens \"A\\B\"", "t@example.com"}),
            "\"Tokens \\\"A\\\\B\\\"\" <t@example.com>");
  EXPECT_EQ(render_mailbox({"für alle", "t@example.com"}),
            "=?utf-8?B?ZsO8ciBhbGxl?=\r\n <t@example.com>");
  const std::string wide =
      header_line("Subject", std::string(30, 'x') + "ü" + std::string(60, 'y'));
  EXPECT_THAT(wide, HasSubstr("?=\r\n =?utf-8?B?"));
}

// A header with UTF-8 would need SMTPUTF8 on the whole way to each recipient.
TEST(Headers, LeaveOutAddressesThatAreNotAscii) {
  EXPECT_EQ(address_line("To", {"ops@example.com", "jürgen@example.com", "b@example.com"}),
            "To: ops@example.com,\r\n b@example.com\r\n");
  EXPECT_EQ(address_line("To", {"jürgen@example.com"}), "To: undisclosed-recipients:;\r\n");
}

TEST(Headers, CarryQuotedLocalPartsAsTheyStand) {
  EXPECT_EQ(address_line("To", {R"("a, b"@example.com)", "c@example.com"}),
            "To: \"a, b\"@example.com,\r\n c@example.com\r\n");
  EXPECT_EQ(render_mailbox({"Tokens", R"("a <b>"@example.com)"}),
            R"("Tokens" <"a <b>"@example.com>)");
}

TEST(QuotedPrintable, KeepsLinesShortAndTrailingBlanks) {
  EXPECT_EQ(quoted_printable("a b \nc\n"), "a b=20\r\nc\r\n");
  EXPECT_EQ(quoted_printable(std::string(80, 'x')),
            std::string(75, 'x') + "=\r\n" + std::string(5, 'x'));
}

}  // namespace
}  // namespace apitoken::notify
