// Addresses and mail servers: what passes, what is refused, and with which words.
#include "core/addresses.hpp"

#include <gmock/gmock.h>

namespace apitoken::core {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Addresses, AreTakenAsRfc5322WritesThem) {
  const std::string longest_local = std::string(64, 'a') + "@example.com";
  for (const std::string text :
       {"ops@example.com", "a.b+c=d@sub.example.com", "o'neil@example.com", "root@localhost",
        "ops@[192.0.2.1]", "ops@[IPv6:2001:db8::1]", "!#$%&'*+-/=?^_`{|}~@example.com"}) {
    EXPECT_TRUE(parse_address(text)) << text;
  }
  EXPECT_TRUE(parse_address(longest_local));
}

TEST(Addresses, MayQuoteTheirLocalPart) {
  for (const std::string text :
       {R"("quo ted"@example.com)", R"("a;b"@example.com)", R"("a@b"@example.com)",
        R"("a, <b>: (c) "@example.com)", R"("a\"b\\"@example.com)", R"(".a..b."@example.com)",
        R"(""@example.com)", R"(" "@[192.0.2.1])"}) {
    EXPECT_EQ(parse_address(text).value_or(""), text);
  }
  EXPECT_TRUE(parse_address('"' + std::string(62, 'a') + "\"@example.com"));
  EXPECT_EQ(parse_address("\"A\"@EXAMPLE.com").value_or(""), "\"A\"@example.com");
  EXPECT_EQ(domain_of("\"a@b\"@example.com"), "example.com");
}

TEST(Addresses, AreRefusedWithTheReason) {
  const std::string nul("a\0b@example.com", 15);
  const std::pair<std::string, const char*> kCases[] = {
      {"", "is empty"},
      {"ops", "has no @"},
      {"@example.com", "nothing before the @"},
      {"ops@", "no domain"},
      {".ops@example.com", "before the @"},
      {"o..ps@example.com", "before the @"},
      {"a b@example.com", "before the @"},
      {"a@b@example.com", "before the @"},
      {"\"a b@example.com", "no closing quotation mark"},
      {"\"a b\\\"@example.com", "no closing quotation mark"},
      {"\"", "no closing quotation mark"},
      {"\"a b\"", "right after the closing quotation mark"},
      {"\"a@b\"", "right after the closing quotation mark"},
      {"\"a\"b@example.com", "right after the closing quotation mark"},
      {"\"a\".b@example.com", "right after the closing quotation mark"},
      {"a\"b c\"@example.com", "before the @"},
      {"\"a b\"@", "no domain"},
      {"\"a\"@b@example.com", "domain name"},
      {"\"a\tb\"@example.com", "control character"},
      {"\"a\r\nBcc: x\"@example.com", "control character"},
      {"\"a\\\nb\"@example.com", "control character"},
      {"\"j\u00fcrgen\"@example.com", "not ASCII"},
      {'"' + std::string(63, 'a') + "\"@example.com", "64 characters"},
      {"ops@-example.com", "domain name"},
      {"ops@example..com", "domain name"},
      {"ops@exa_mple.com", "domain name"},
      {"ops@example.com.", "domain name"},
      {"ops@[300.1.1.1]", "IP address"},
      {"ops@example.com\r\nBcc: x@example.com", "control character"},
      {"ops@example.com\n", "control character"},
      {nul, "control character"},
      {"ops@bücher.example", "xn-- form"},
      {"j\u200Brgen@example.com", "invisible"},
      {std::string(65, 'a') + "@example.com", "64 characters"},
      {"a@" + std::string(260, 'b'), "254 characters"},
      {"Ops <ops@example.com>", "write the address alone"},
  };
  for (const auto& [text, reason] : kCases) {
    const auto address = parse_address(text);
    ASSERT_FALSE(address) << text;
    EXPECT_THAT(address.error().message, HasSubstr(reason)) << text;
    EXPECT_EQ(address.error().message.find_first_of("\r\n"), std::string::npos);
  }
}

TEST(AddressLists, IgnoreBlanksAndTrailingSemicolons) {
  const auto list = parse_address_list(" a@example.com ;; b@example.com;\n c@example.com ; ");
  EXPECT_THAT(list.addresses, ElementsAre("a@example.com", "b@example.com", "c@example.com"));
  EXPECT_THAT(list.problems, IsEmpty());
  EXPECT_EQ(parse_address_list(""), AddressList{});
}

TEST(AddressLists, DropRepetitionsWhoseDomainsDifferInCaseAlone) {
  const auto list = parse_address_list("ops@example.com;ops@EXAMPLE.com;Ops@example.com");
  EXPECT_THAT(list.addresses, ElementsAre("ops@example.com", "Ops@example.com"));
}

TEST(AddressLists, NameEachBadAddressAndKeepTheGoodOnes) {
  const auto list = parse_address_list("ops@example.com;nobody;a@b c;sec@example.com");
  EXPECT_THAT(list.addresses, ElementsAre("ops@example.com", "sec@example.com"));
  EXPECT_THAT(list.problems, ElementsAre(HasSubstr("\"nobody\" has no @"), HasSubstr("\"a@b c\"")));
}

TEST(AddressLists, SayThatSemicolonsSeparate) {
  for (const char* text : {"a@example.com,b@example.com", "a@example.com, b@example.com",
                           "a@example.com , b@example.com; c@example.com"})
    EXPECT_THAT(parse_address_list(text).problems,
                ElementsAre(HasSubstr("separate addresses by semicolons")))
        << text;
}

TEST(AddressLists, AreNotSplitWithinQuotationMarks) {
  const auto list =
      parse_address_list(R"( "a;b"@example.com;"c\";d"@example.com ; ops@example.com; "e")");
  EXPECT_THAT(list.addresses,
              ElementsAre(R"("a;b"@example.com)", R"("c\";d"@example.com)", "ops@example.com"));
  EXPECT_THAT(list.problems, ElementsAre(HasSubstr(R"(""e"" has no @)")));
}

TEST(AddressLists, LoseNobodyToAQuotationMarkThatNothingCloses) {
  const auto list =
      parse_address_list(R"(ops@example.com;"a b@example.com; se"c@example.com;last@example.com)");
  EXPECT_THAT(list.addresses, ElementsAre("ops@example.com", "last@example.com"));
  EXPECT_THAT(list.problems, ElementsAre(HasSubstr(R"("a b@example.com)")));
  const auto open = parse_address_list(R"("a b@example.com; ops@example.com)");
  EXPECT_THAT(open.addresses, ElementsAre("ops@example.com"));
  EXPECT_THAT(open.problems,
              ElementsAre(HasSubstr(R"(""a b@example.com" has no closing quotation mark)")));
}

TEST(Mailboxes, HaveANameOrNone) {
  EXPECT_EQ(parse_mailbox("API tokens <tokens@example.com>"),
            (Mailbox{"API tokens", "tokens@example.com"}));
  EXPECT_EQ(parse_mailbox("\"Tokens, \\\"API\\\"\" <tokens@example.com>"),
            (Mailbox{"Tokens, \"API\"", "tokens@example.com"}));
  EXPECT_EQ(parse_mailbox("tokens@example.com"), (Mailbox{"", "tokens@example.com"}));
  EXPECT_EQ(parse_mailbox("<tokens@example.com>"), (Mailbox{"", "tokens@example.com"}));
  EXPECT_EQ(parse_mailbox(R"("a<b> c"@example.com)"), (Mailbox{"", R"("a<b> c"@example.com)"}));
  EXPECT_EQ(parse_mailbox(R"("Tokens <API>" <"a<b> c"@example.com>)"),
            (Mailbox{"Tokens <API>", R"("a<b> c"@example.com)"}));
  EXPECT_EQ(parse_mailbox("Plattform für Tokens <t@example.com>")->display, "Plattform für Tokens");
}

TEST(Mailboxes, AreRefusedWhereSomethingCouldBeInjected) {
  for (const char* text :
       {"", "API <tokens@example.com", "API tokens@example.com>",
        "A\r\nBcc: x@y.z <tokens@example.com>", "a <b> <tokens@example.com>",
        "\"open <tokens@example.com>", "\"a\"b\" <t@example.com>", "\"a\\\" <t@example.com>",
        "API <to kens@example.com>", "\"a\r\nb\"@example.com", "API <\"a\r\nb\"@example.com>",
        "\"a\"@example.com>\r\nBcc: <x@y.z>"}) {
    const auto mailbox = parse_mailbox(text);
    EXPECT_FALSE(mailbox) << text << " gave " << mailbox->display;
  }
}

TEST(Servers, AreHostAndPort) {
  EXPECT_EQ(parse_server("Smtp.example.com:587"), (ServerAddress{"smtp.example.com", 587}));
  EXPECT_EQ(parse_server("127.0.0.1:25"), (ServerAddress{"127.0.0.1", 25}));
  EXPECT_EQ(parse_server("[2001:db8::1]:465"), (ServerAddress{"2001:db8::1", 465}));
  EXPECT_EQ(parse_server("[2001:DB8:0:0::0001]:465"), (ServerAddress{"2001:db8::1", 465}));
  EXPECT_EQ((ServerAddress{"::1", 25}).text(), "[::1]:25");
  for (const char* text :
       {"", "smtp.example.com", "smtp.example.com:", ":25", "smtp.example.com:0",
        "smtp.example.com:65536", "smtp.example.com:99999999999999999999", "smtp.example.com:a",
        "2001:db8::1:25", "[::1]", "[x]:25", "user@smtp:25", "a b:25", "smtp/x:25"}) {
    const auto server = parse_server(text);
    ASSERT_FALSE(server) << text;
    EXPECT_THAT(server.error().message,
                HasSubstr("write host:port, for example smtp.example.com:587"));
  }
}

TEST(Servers, GetMailWithoutTlsOnlyWhereItStaysInside) {
  for (const char* host :
       {"localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1", "10.1.2.3", "172.16.0.1",
        "172.31.255.255", "192.168.1.1", "169.254.1.1", "fd00::1", "fc00::1", "fe80::1",
        "::ffff:10.0.0.1", "mail.infra.svc", "mail.infra.svc.cluster.local"}) {
    EXPECT_TRUE(may_go_without_tls(host)) << host;
  }
  for (const char* host : {"smtp.example.com", "8.8.8.8", "172.32.0.1", "172.15.0.1", "192.169.0.1",
                           "11.0.0.1", "2001:db8::1", "::ffff:8.8.8.8", "fec0::1", "127.1",
                           "2130706433", "0.0.0.0", "localhost.example.com", "svc", ""}) {
    EXPECT_FALSE(may_go_without_tls(host)) << host;
  }
}

TEST(Servers, GetALoginWithoutTlsOnTheMachineAlone) {
  for (const char* host : {"localhost", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"})
    EXPECT_TRUE(may_log_in_without_tls(host)) << host;
  for (const char* host :
       {"10.1.2.3", "fe80::1", "mail.infra.svc", "0.0.0.0", "::", "smtp.example.com", "", "x"})
    EXPECT_FALSE(may_log_in_without_tls(host)) << host;
}

TEST(Users, HaveAMailboxWhereTheirNameIsAPlainAddressOfAKnownDomain) {
  const std::vector<std::string> domains{"example.com", "example.org"};
  EXPECT_EQ(mailbox_of_user("alice@example.com", "", domains), "alice@example.com");
  EXPECT_EQ(mailbox_of_user("Alice.O'Neil+x_y-z@EXAMPLE.org", "", domains),
            "Alice.O'Neil+x_y-z@example.org");
  EXPECT_EQ(mailbox_of_user("oidc:alice@example.com", "oidc:", domains), "alice@example.com");
  EXPECT_EQ(mailbox_of_user("IAM#alice@example.com", "IAM#", domains), "alice@example.com");
  EXPECT_EQ(mailbox_of_user("alice@example.com", "oidc:", domains), "alice@example.com");
  for (const char* user :
       {"alice", "robot:team-a:ci", "", "oidc:alice@example.com", "IAM#alice@example.com",
        "alice@sub.example.com", "alice@example.com.", "alice@examp1e.com", "a!b@example.com",
        "a%b@example.com", "a/b@example.com", "\"a b\"@example.com", "\"alice@example.com\"",
        "alice@example.com@evil.com", "alice@[127.0.0.1]", "alice@example.com,bob@example.com",
        "alice@example.com\n", "al\u00efce@example.com"}) {
    EXPECT_EQ(mailbox_of_user(user, "", domains), std::nullopt) << user;
  }
  EXPECT_EQ(mailbox_of_user("oidc:oidc:a@example.com", "oidc:", domains), std::nullopt);
  EXPECT_EQ(mailbox_of_user("alice@example.com", "", {}), std::nullopt);
}

TEST(Servers, KnowThreeTlsModes) {
  EXPECT_EQ(parse_tls_mode("StartTLS"), TlsMode::StartTls);
  EXPECT_EQ(parse_tls_mode("Implicit"), TlsMode::Implicit);
  EXPECT_EQ(parse_tls_mode("None"), TlsMode::None);
  EXPECT_EQ(parse_tls_mode("none"), std::nullopt);
}

}  // namespace
}  // namespace apitoken::core
