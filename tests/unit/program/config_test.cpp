#include "config.hpp"

#include <gmock/gmock.h>

#include <cstdlib>

namespace apitoken {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class ParseFlags : public testing::Test {
 protected:
  void SetUp() override { unsetenv("POD_NAMESPACE"); }
  void TearDown() override { unsetenv("POD_NAMESPACE"); }

  static std::expected<Config, std::string> parse(std::vector<const char*> arguments) {
    return parse_flags(arguments);
  }
  static std::string refused(std::vector<const char*> arguments) {
    const auto config = parse(std::move(arguments));
    return config ? "accepted" : config.error();
  }
};

TEST_F(ParseFlags, WithoutFlagsHasTheDefaults) { EXPECT_EQ(parse({}).value(), Config{}); }

TEST_F(ParseFlags, AcceptsEveryFlag) {
  const auto config = parse({"--kubeconfig=/tmp/k",
                             "--metrics-bind-address=127.0.0.1:0",
                             "--health-probe-bind-address=0",
                             "--operator-namespace=ops",
                             "--namespaces=team-b,team-a, team-b",
                             "--reserved-groups=ops, admins",
                             "--reserved-groups=root",
                             "--reserved-secret-metadata=example.com/,sync",
                             "--workers=16",
                             "--leader-elect",
                             "--issuer=https://tokens.example.com/apis",
                             "--jwt-key-rotation=36h",
                             "--cluster-name=prod-eu",
                             "--portal-url=https://portal.example.com/",
                             "--log-level=debug",
                             "--log-format=json",
                             "--per-token-metrics=false",
                             "--dry-run",
                             "--version",
                             "--help"});
  ASSERT_TRUE(config) << config.error();
  EXPECT_EQ(config->kubeconfig, "/tmp/k");
  EXPECT_EQ(config->metrics_bind_address, "127.0.0.1:0");
  EXPECT_EQ(config->health_probe_bind_address, "0");
  EXPECT_EQ(config->operator_namespace, "ops");
  EXPECT_THAT(config->namespaces, ElementsAre("team-a", "team-b"));
  EXPECT_THAT(config->reserved_groups.value(), ElementsAre("ops", "admins", "root"));
  EXPECT_THAT(config->reserved_secret_metadata, ElementsAre("example.com/", "sync"));
  EXPECT_EQ(config->workers, 16);
  EXPECT_EQ(config->issuer, "https://tokens.example.com/apis");
  EXPECT_EQ(config->jwt_key_rotation, std::chrono::hours(36));
  EXPECT_EQ(config->installation, (core::Installation{"prod-eu", "https://portal.example.com"}));
  EXPECT_EQ(config->log_level, log::Level::Debug);
  EXPECT_EQ(config->log_format, log::Format::Json);
  EXPECT_FALSE(config->per_token_metrics);
  EXPECT_TRUE(config->leader_elect && config->dry_run && config->version && config->help);
}

TEST_F(ParseFlags, AcceptsTheVerificationFlags) {
  const auto config = parse({"--verify-bind-address=127.0.0.1:0", "--verify-tls-cert-file=/c",
                             "--verify-tls-key-file=/k", "--verify-client-ca-file=/a"});
  ASSERT_TRUE(config) << config.error();
  EXPECT_EQ(config->verify_bind_address, "127.0.0.1:0");
  EXPECT_EQ(config->verify_tls_cert_file, "/c");
  EXPECT_EQ(config->verify_tls_key_file, "/k");
  EXPECT_EQ(config->verify_client_ca_file, "/a");
  EXPECT_THAT(refused({"--verify-tls-cert-file=/c"}),
              HasSubstr("--verify-tls-key-file go together"));
  EXPECT_THAT(refused({"--verify-bind-address=8443"}),
              HasSubstr("--verify-bind-address: invalid value \"8443\""));
}

TEST_F(ParseFlags, AcceptsOneDashOrTwoAndTheValueAsNextArgument) {
  EXPECT_EQ(parse({"-workers", "3"})->workers, 3);
  EXPECT_EQ(parse({"--workers", "3"})->workers, 3);
  EXPECT_EQ(parse({"-workers=3"})->workers, 3);
  EXPECT_TRUE(parse({"-leader-elect", "--workers=3"})->leader_elect);
  EXPECT_FALSE(parse({"--leader-elect=f"})->leader_elect);
  EXPECT_TRUE(parse({"-h"})->help);
  EXPECT_EQ(parse({"--workers=3", "--workers=4"})->workers, 4);
}

TEST_F(ParseFlags, ReservedNamesAreLists) {
  EXPECT_EQ(parse({})->reserved_groups, std::nullopt);
  EXPECT_THAT(parse({"--reserved-groups="})->reserved_groups.value(), testing::IsEmpty());
  EXPECT_THAT(refused({"--reserved-groups=a,,b"}),
              HasSubstr("--reserved-groups: invalid value \"a,,b\""));
  for (const char* keys : {"--reserved-secret-metadata=a b", "--reserved-secret-metadata=/a",
                           "--reserved-secret-metadata=a/b/c", "--reserved-secret-metadata=a,,b"})
    EXPECT_THAT(refused({keys}),
                HasSubstr("is neither a key such as example.com/sync nor a domain"))
        << keys;
}

TEST_F(ParseFlags, AnUnknownFlagIsNamedWithTheNearestKnownOne) {
  EXPECT_EQ(refused({"--worker=3"}), "unknown flag --worker; did you mean --workers? See --help");
  EXPECT_THAT(refused({"--leader-election"}), HasSubstr("did you mean --leader-elect?"));
  EXPECT_THAT(refused({"--metrics-addr=:1"}), HasSubstr("unknown flag --metrics-addr"));
}

TEST_F(ParseFlags, ArgumentsThatAreNotFlagsAreRefused) {
  for (const char* argument : {"run", "", "-", "--"})
    EXPECT_THAT(refused({argument}), HasSubstr("unexpected argument"));
  EXPECT_THAT(refused({"--leader-elect", "false"}), HasSubstr("unexpected argument \"false\""));
}

TEST_F(ParseFlags, AMissingValueIsAskedFor) {
  EXPECT_EQ(refused({"--workers"}), "--workers needs a value: --workers=N");
}

TEST_F(ParseFlags, ABadValueIsNamedWithItsFlagAndTheAllowedValues) {
  for (const char* workers : {"0", "257", "-1", "x", "", "8.5", "99999999999"}) {
    EXPECT_EQ(refused({"--workers", workers}), std::string("--workers: invalid value \"") +
                                                   workers +
                                                   "\": allowed are whole numbers from 1 to 256");
  }
  EXPECT_THAT(refused({"--leader-elect=maybe"}),
              AllOf(HasSubstr("\"maybe\""), HasSubstr("true and false")));
  EXPECT_THAT(refused({"--log-level=trace"}), HasSubstr("allowed are debug, info, warn and error"));
  EXPECT_THAT(refused({"--log-format=xml"}), HasSubstr("allowed are text and json"));
  EXPECT_THAT(refused({"--metrics-bind-address=8080"}),
              HasSubstr("allowed are host:port, :port, [IPv6]:port"));
  EXPECT_THAT(refused({"--kubeconfig="}), HasSubstr("the path of a file is wanted"));
}

TEST_F(ParseFlags, AnIssuerIsAUrlThatVerifiersCanAppendTo) {
  for (const char* url : {"https://a", "https://a.example.com:8443", "https://a:1",
                          "https://a:65535/b", "https://[::1]", "https://[::1]:8443",
                          "https://[fd00::2]/b", "https://a/b/c", "https://a/b:c"})
    EXPECT_EQ(parse({"--issuer", url})->issuer, url);
  for (const char* url : {"",
                          "a.example.com",
                          "http://a",
                          "https://",
                          "https://a/",
                          "https://a?b",
                          "https://a#b",
                          "https://me@a",
                          "https://a b",
                          "https:///b",
                          "https://:8443",
                          "HTTPS://a",
                          "https://[::1",
                          "https://[::1]x",
                          "https://[]",
                          "https://[a]",
                          "https://[::1]:",
                          "https://a:",
                          "https://a:x",
                          "https://a:0",
                          "https://a:65536",
                          "https://a:99999",
                          "https://a:-1",
                          "https://a:1:2",
                          "https://::1",
                          "https://a]",
                          "https://[::1%25lo]"}) {
    EXPECT_EQ(refused({"--issuer", url}),
              std::string("--issuer: invalid value \"") + url +
                  "\": allowed are URLs https://HOST[:PORT][/PATH] without query, fragment, "
                  "user and slash at the end");
  }
}

TEST_F(ParseFlags, TheClusterNameFitsASubject) {
  for (const char* name : {"prod-eu", "eu/prod:1", "k"})
    EXPECT_EQ(parse({"--cluster-name", name})->installation.cluster_name, name);
  const std::string too_long(64, 'a');
  for (const char* name : {"", "prod eu", "prod\"", "a\nb", "z\xC3\xBCrich", too_long.c_str()})
    EXPECT_THAT(refused({"--cluster-name", name}), HasSubstr("such as prod-eu"));
}

TEST_F(ParseFlags, ThePortalUrlIsAPlainUrl) {
  for (const char* url :
       {"https://portal.example.com", "https://a:8443/tokens", "http://127.0.0.1:8080"})
    EXPECT_EQ(parse({"--portal-url", url})->installation.portal_url, url);
  EXPECT_EQ(parse({"--portal-url", "https://a/b/"})->installation.portal_url, "https://a/b");
  for (const char* url : {"", "portal.example.com", "ftp://a", "https://", "http://", "https://a?b",
                          "https://a#b", "https://u@a", "https://a b", "javascript:alert(1)"})
    EXPECT_THAT(refused({"--portal-url", url}), HasSubstr("--portal-url: invalid value"));
}

TEST_F(ParseFlags, KeysRotateOnceAMinuteAtMost) {
  EXPECT_EQ(parse({})->jwt_key_rotation, std::chrono::hours(720));
  EXPECT_EQ(parse({"--jwt-key-rotation=1m"})->jwt_key_rotation, std::chrono::seconds(60));
  for (const char* rotation : {"59s", "0s", "30", "30d", "-1h", ""}) {
    EXPECT_THAT(refused({"--jwt-key-rotation", rotation}),
                HasSubstr("allowed are durations of 1m and more, such as 720h"));
  }
}

TEST_F(ParseFlags, ClocksMayDifferByTenSecondsAtLeast) {
  EXPECT_EQ(parse({})->clock_tolerance, std::chrono::minutes(5));
  EXPECT_EQ(parse({"--clock-tolerance=10s"})->clock_tolerance, std::chrono::seconds(10));
  for (const char* tolerance : {"9s", "0s", "30", "-1h", ""}) {
    EXPECT_THAT(refused({"--clock-tolerance", tolerance}),
                HasSubstr("allowed are durations of 10s and more, such as 5m"));
  }
}

TEST_F(ParseFlags, NamespacesAreLabels) {
  const std::string long_name(64, 'a');
  for (const char* list : {"Team", "a_b", "-a", "a-", "a,,b", "a.b", long_name.c_str()}) {
    EXPECT_THAT(refused({"--namespaces", list}),
                AllOf(HasSubstr("--namespaces"), HasSubstr("is no namespace")));
    EXPECT_THAT(refused({"--operator-namespace", list}), HasSubstr("is no namespace"));
  }
  EXPECT_TRUE(parse({"--namespaces="})->namespaces.empty());
  EXPECT_THAT(parse({"--namespaces=b", "--namespaces=a,c"})->namespaces,
              ElementsAre("a", "b", "c"));
}

TEST_F(ParseFlags, CallerAudiencesAreNames) {
  EXPECT_THAT(parse({"--caller-audiences=apitoken-verify, https://kubernetes.default.svc",
                     "--caller-audiences=b"})
                  ->caller_audiences,
              ElementsAre("apitoken-verify", "https://kubernetes.default.svc", "b"));
  for (const char* list : {"", "a,,b", ",", "a b", "a\"b", "a\\b", "a\nb"}) {
    EXPECT_THAT(refused({"--caller-audiences", list}),
                HasSubstr("allowed are names without blanks and quotes"));
  }
}

TEST_F(ParseFlags, WithoutAFlagTheOperatorsNamespaceIsThePods) {
  setenv("POD_NAMESPACE", "apitoken-system", 1);
  EXPECT_EQ(parse({})->operator_namespace, "apitoken-system");
  EXPECT_EQ(parse({"--operator-namespace=ops"})->operator_namespace, "ops");
  setenv("POD_NAMESPACE", "Not A Namespace", 1);
  EXPECT_THAT(refused({}), HasSubstr("$POD_NAMESPACE"));
}

TEST(HelpText, NamesEveryFlagInLinesOfAReadableLength) {
  const auto text = help_text();
  for (const char* flag :
       {"--kubeconfig FILE", "--metrics-bind-address ADDRESS",
        "--health-probe-bind-address ADDRESS", "--operator-namespace NAMESPACE",
        "--namespaces LIST", "--workers N", "--leader-elect", "--issuer URL",
        "--jwt-key-rotation DURATION", "--clock-tolerance DURATION", "--per-token-metrics",
        "--dry-run", "--log-level LEVEL", "--log-format FORMAT", "--version", "--help"}) {
    EXPECT_THAT(text, HasSubstr(flag));
  }
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1)
    EXPECT_LE(text.find('\n', at) - at, 110u);
}

}  // namespace
}  // namespace apitoken
