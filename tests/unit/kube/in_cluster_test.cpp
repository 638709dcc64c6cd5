// A service account's folder and environment, as the kubelet gives them.
#include "kube/in_cluster.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/manual_clock.hpp"
#include "support/temporary_folder.hpp"

namespace apitoken::kube {
namespace {

using test::ScopedVariable;
using test::TemporaryFolder;
using testing::HasSubstr;

class InCluster : public testing::Test {
 protected:
  InCluster() {
    folder.write("token", "first\n");
    folder.write("ca.crt", "the CA");
    folder.write("namespace", "apitoken-system\n");
  }
  std::unique_ptr<Credentials> load() {
    auto credentials = in_cluster_credentials(folder.path(), clock);
    if (!credentials) ADD_FAILURE() << credentials.error().message;
    return credentials ? std::move(*credentials) : nullptr;
  }
  static std::string token_of(Credentials& credentials) {
    const auto token = credentials.bearer_token();
    return token && *token ? std::string((*token)->reveal()) : "none";
  }

  TemporaryFolder folder;
  ManualClock clock{WallTime(Seconds(1'700'000'000))};
  ScopedVariable host{"KUBERNETES_SERVICE_HOST", "10.96.0.1"};
  ScopedVariable port{"KUBERNETES_SERVICE_PORT", "443"};
  ScopedVariable own_namespace{"POD_NAMESPACE", nullptr}, proxy{"HTTPS_PROXY", nullptr},
      exempt{"NO_PROXY", nullptr};
};

TEST_F(InCluster, ReadsAddressNamespaceTokenAndAuthority) {
  const auto credentials = load();
  ASSERT_TRUE(credentials);
  EXPECT_TRUE(in_cluster());
  EXPECT_EQ(credentials->server(), "https://10.96.0.1:443");
  EXPECT_EQ(credentials->default_namespace(), "apitoken-system");
  EXPECT_EQ(token_of(*credentials), "first");
  const auto tls = credentials->tls();
  ASSERT_TRUE(tls);
  EXPECT_EQ(tls->ca, "the CA");
  EXPECT_EQ(tls->server_name, "10.96.0.1");
  EXPECT_FALSE(tls->insecure);
}

TEST_F(InCluster, TakesTheNamespaceOfTheEnvironmentFirst) {
  const ScopedVariable named("POD_NAMESPACE", "team-a");
  EXPECT_EQ(load()->default_namespace(), "team-a");
}

TEST_F(InCluster, GoesThroughTheProxyOfTheEnvironmentUnlessItsAddressIsExempt) {
  const ScopedVariable all("HTTPS_PROXY", "http://proxy:3128");
  const auto found = load()->proxy();
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->host, "proxy");
  const ScopedVariable list("NO_PROXY", ".svc,10.96.0.0/12");
  EXPECT_FALSE(*load()->proxy());
  const ScopedVariable unusable("HTTPS_PROXY", "socks4://p");
  EXPECT_FALSE(*load()->proxy());
  const ScopedVariable none("NO_PROXY", nullptr);
  const auto refused = in_cluster_credentials(folder.path(), clock);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("NO_PROXY"));
}

TEST_F(InCluster, ReadsTheTokenAgainAfterAMinute) {
  const auto credentials = load();
  folder.write("token", "second");
  clock.advance(std::chrono::seconds(59));
  EXPECT_EQ(token_of(*credentials), "first");
  clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(token_of(*credentials), "second");
}

TEST_F(InCluster, ReadsTheTokenAtOnceWhenTheServerRefusedIt) {
  const auto credentials = load();
  folder.write("token", "second");
  credentials->reject();
  EXPECT_EQ(token_of(*credentials), "second");
}

TEST_F(InCluster, KeepsTheTokenWhileTheFileCannotBeRead) {
  const auto credentials = load();
  std::filesystem::remove(folder.path("token"));
  clock.advance(std::chrono::seconds(61));
  EXPECT_EQ(token_of(*credentials), "first");
  credentials->reject();
  const auto token = credentials->bearer_token();
  ASSERT_FALSE(token);
  EXPECT_THAT(token.error().message, HasSubstr(folder.path("token")));
}

TEST_F(InCluster, ReadsARenewedAuthorityForTheNextConnection) {
  const auto credentials = load();
  folder.write("ca.crt", "another CA");
  EXPECT_EQ(credentials->tls()->ca, "another CA");
  folder.write("ca.crt", "");
  EXPECT_FALSE(credentials->tls()) << "an empty file must not select the system's CAs";
}

TEST_F(InCluster, ReachesAnIpv6ServiceByItsName) {
  const ScopedVariable v6("KUBERNETES_SERVICE_HOST", "fd00::1");
  const auto credentials = load();
  EXPECT_EQ(credentials->server(), "https://kubernetes.default.svc:443");
  EXPECT_EQ(credentials->tls()->server_name, "kubernetes.default.svc");
}

TEST_F(InCluster, SaysWhatIsMissing) {
  std::filesystem::remove(folder.path("token"));
  const auto no_token = in_cluster_credentials(folder.path(), clock);
  ASSERT_FALSE(no_token);
  EXPECT_THAT(no_token.error().message, HasSubstr("automountServiceAccountToken"));

  folder.write("token", "two\nlines");
  EXPECT_THAT(in_cluster_credentials(folder.path(), clock).error().message,
              HasSubstr("no bearer token"));

  const ScopedVariable none("KUBERNETES_SERVICE_HOST", nullptr);
  EXPECT_FALSE(in_cluster());
  EXPECT_THAT(in_cluster_credentials(folder.path(), clock).error().message,
              HasSubstr("--kubeconfig"));
}

}  // namespace
}  // namespace apitoken::kube
