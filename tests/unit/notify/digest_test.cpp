// The digest mail: what it says, and that nothing a user wrote gets out of its place.
#include "notify/digest.hpp"

#include <gmock/gmock.h>

#include "base/rfc3339.hpp"
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

TEST(DigestText, TellsWhichWhoseWhenAndWhatToDo) {
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

TEST(DigestBodies, StayBoundedWithThousandsOfTokens) {
  std::vector<core::Notice> many;
  for (int i = 0; i < 3000; ++i)
    many.push_back(notice("token-" + std::to_string(i), 2 * kDay + Seconds(i)));
  const auto huge = digest(std::move(many));
  EXPECT_THAT(digest_subject(huge), HasSubstr("3000 API tokens expire within 3 days"));
  EXPECT_THAT(digest_text(huge), HasSubstr("... and 2800 more"));
  EXPECT_THAT(digest_text(huge), HasSubstr("200. team-a/token-199 "));
  EXPECT_THAT(digest_text(huge), Not(HasSubstr("token-200 ")));
  EXPECT_LT(render_mail(huge).size(), 300'000u);
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
