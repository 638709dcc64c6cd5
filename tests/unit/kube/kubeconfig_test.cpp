// Kubeconfig files: supported fields work, and all others are refused by name.
#include "kube/kubeconfig.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/base64.hpp"
#include "kube/find_credentials.hpp"
#include "kube/tls_server.hpp"
#include "support/manual_clock.hpp"
#include "support/temporary_folder.hpp"

namespace apitoken::kube {
namespace {

using test::Authority;
using test::Identity;
using test::ScopedVariable;
using test::TemporaryFolder;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const Authority& authority() {
  static const Authority instance;
  return instance;
}

const Identity& operator_identity() {
  static const Identity instance = authority().issue({.common_name = "operator"});
  return instance;
}

// One cluster, user and context with these fields, in YAML's flow style.
std::string config(const std::string& cluster, const std::string& user,
                   const std::string& context = "namespace: team-a") {
  return fmt::format(
      "apiVersion: v1\nkind: Config\ncurrent-context: main\n"
      "clusters:\n- name: c\n  cluster: {{{}}}\nusers:\n- name: u\n  user: {{{}}}\n"
      "contexts:\n- name: main\n  context: {{cluster: c, user: u, {}}}\n",
      cluster, user, context);
}

class Kubeconfig : public testing::Test {
 protected:
  Result<std::unique_ptr<Credentials>> load(const std::string& text) {
    return load_kubeconfig(folder.write("config", text), clock);
  }
  std::unique_ptr<Credentials> good(const std::string& text) {
    auto credentials = load(text);
    if (!credentials) ADD_FAILURE() << credentials.error().message;
    return credentials ? std::move(*credentials) : nullptr;
  }
  std::string refusal(const std::string& text) {
    const auto credentials = load(text);
    if (credentials) return "it was accepted";
    EXPECT_THAT(credentials.error().message, HasSubstr(folder.path("config")));
    return credentials.error().message;
  }
  static std::string token_of(Credentials& credentials) {
    const auto token = credentials.bearer_token();
    if (!token) return token.error().message;
    return *token ? std::string((*token)->reveal()) : "none";
  }

  TemporaryFolder folder;
  ManualClock clock{WallTime(Seconds(1'700'000'000))};
  std::string ca64 = base64_encode(authority().certificate());
  std::string cluster = "server: 'https://127.0.0.1:6443', certificate-authority-data: " + ca64;
};

TEST_F(Kubeconfig, ReadsServerNamespaceAuthorityAndClientCertificateFromData) {
  const auto credentials =
      good(config(cluster, fmt::format("client-certificate-data: {}, client-key-data: {}",
                                       base64_encode(operator_identity().certificate),
                                       base64_encode(operator_identity().key))));
  ASSERT_TRUE(credentials);
  EXPECT_EQ(credentials->server(), "https://127.0.0.1:6443");
  EXPECT_EQ(credentials->default_namespace(), "team-a");
  EXPECT_EQ(token_of(*credentials), "none");
  const auto tls = credentials->tls();
  ASSERT_TRUE(tls) << tls.error().message;
  EXPECT_EQ(tls->ca, authority().certificate());
  EXPECT_EQ(tls->certificate, operator_identity().certificate);
  EXPECT_EQ(tls->key.reveal(), operator_identity().key);
  EXPECT_EQ(tls->server_name, "127.0.0.1");
  EXPECT_FALSE(tls->insecure);
}

TEST_F(Kubeconfig, ReadsFilesFromItsOwnFolderAndAgainForEachConnection) {
  folder.write("ca.pem", authority().certificate());
  folder.write("own.pem", operator_identity().certificate);
  folder.write("own.key", operator_identity().key);
  const auto credentials = good(
      config("server: 'https://h:6443', certificate-authority: ca.pem",
             fmt::format("client-certificate: own.pem, client-key: {}", folder.path("own.key"))));
  ASSERT_TRUE(credentials);
  const Identity renewed = authority().issue({.common_name = "renewed"});
  folder.write("own.pem", renewed.certificate);
  folder.write("own.key", renewed.key);
  EXPECT_EQ(credentials->tls()->certificate, renewed.certificate);
  EXPECT_EQ(credentials->tls()->key.reveal(), renewed.key);
  folder.write("ca.pem", "");
  EXPECT_FALSE(credentials->tls()) << "an empty file must not select the system's CAs";
}

TEST_F(Kubeconfig, ReadsTokensAndTokenFiles) {
  EXPECT_EQ(token_of(*good(config(cluster, "token: abc"))), "abc");
  folder.write("token", "first\n");
  const auto credentials = good(config(cluster, "token: abc, tokenFile: token"));
  EXPECT_EQ(token_of(*credentials), "first");
  folder.write("token", "second\n");
  clock.advance(std::chrono::seconds(60));
  EXPECT_EQ(token_of(*credentials), "second");
}

TEST_F(Kubeconfig, RunsAPluginNextToItAndTellsItTheCluster) {
  folder.write_script(
      "plugin",
      "printf %s \"$KUBERNETES_EXEC_INFO\" > \"$0.info\"\n"
      "echo '{\"apiVersion\":\"client.authentication.k8s.io/v1beta1\",\"kind\":\"ExecCredential\","
      "\"status\":{\"token\":\"'$1$WHO'\"}}'");
  const std::string extension =
      ", tls-server-name: k8s, extensions: [{name: client.authentication.k8s.io/exec, extension: "
      "{audience: '1', "
      "depth: 2, on: true}}]";
  const auto credentials = good(config(
      cluster + extension,
      "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: ./plugin, args: [hello-], "
      "env: [{name: WHO, value: robot}], provideClusterInfo: true}"));
  ASSERT_TRUE(credentials);
  EXPECT_EQ(token_of(*credentials), "hello-robot");
  const auto info = nlohmann::json::parse(folder.read("plugin.info"));
  EXPECT_EQ(info["spec"]["cluster"],
            nlohmann::json({{"server", "https://127.0.0.1:6443"},
                            {"tls-server-name", "k8s"},
                            {"certificate-authority-data", ca64},
                            {"config", {{"audience", "1"}, {"depth", 2}, {"on", true}}}}));
  EXPECT_EQ(info["spec"]["interactive"], false);
}

TEST_F(Kubeconfig, ShowsTheCertificateOfAPlugin) {
  nlohmann::json answer = {{"apiVersion", "client.authentication.k8s.io/v1"},
                           {"kind", "ExecCredential"},
                           {"status",
                            {{"clientCertificateData", operator_identity().certificate},
                             {"clientKeyData", operator_identity().key}}}};
  folder.write("answer", answer.dump());
  const auto credentials =
      good(config(cluster, fmt::format("exec: {{apiVersion: client.authentication.k8s.io/v1, "
                                       "command: cat, args: ['{}'], interactiveMode: Never}}",
                                       folder.path("answer"))));
  ASSERT_TRUE(credentials);
  EXPECT_EQ(token_of(*credentials), "none");
  EXPECT_EQ(credentials->tls()->certificate, operator_identity().certificate);
}

TEST_F(Kubeconfig, SkipsVerificationOnlyIfItSaysInsecure) {
  const auto credentials =
      good(config("server: 'https://h', insecure-skip-tls-verify: true", "token: abc"));
  EXPECT_TRUE(credentials->tls()->insecure);
  EXPECT_THAT(refusal(config(cluster + ", insecure-skip-tls-verify: true", "")),
              HasSubstr("contradicts"));
  EXPECT_THAT(refusal(config("server: 'https://h', insecure-skip-tls-verify: yes please", "")),
              AllOf(HasSubstr("cluster \"c\""), HasSubstr("yes please")));
}

TEST_F(Kubeconfig, RefusesAuthProvidersAndNamesWhatReplacesThem) {
  const auto provider = [&](const std::string& name) {
    return refusal(config(cluster, "auth-provider: {name: " + name + ", config: {a: s3cret}}"));
  };
  EXPECT_THAT(provider("gcp"), AllOf(HasSubstr("user \"u\""), HasSubstr("removed"),
                                     HasSubstr("gke-gcloud-auth-plugin")));
  EXPECT_THAT(provider("azure"), AllOf(HasSubstr("removed"), HasSubstr("kubelogin")));
  EXPECT_THAT(provider("oidc"), AllOf(HasSubstr("oidc-login"), Not(HasSubstr("s3cret"))));
}

TEST_F(Kubeconfig, SendsUserNameAndPassword) {
  const auto credentials = good(config(cluster, "username: al, password: 's3cret'"));
  EXPECT_EQ(credentials->basic_login(), "al:s3cret");
  EXPECT_EQ(token_of(*credentials), "none");
  EXPECT_THAT(refusal(config(cluster, "username: al, password: s3cret, token: abc")),
              AllOf(HasSubstr("contradict"), Not(HasSubstr("s3cret"))));
  EXPECT_THAT(refusal(config(cluster, "username: 'a:l'")), HasSubstr("colon"));
}

TEST_F(Kubeconfig, ActsAsAnotherUserByTheFileAndByFlags) {
  const std::string user =
      "token: abc, as: jane, as-uid: '7', as-groups: [dev, ops], as-user-extra: {Scopes: [a, b]}";
  const auto credentials = good(config(cluster, user));
  EXPECT_EQ(credentials->impersonation().user, "jane");
  EXPECT_EQ(credentials->impersonation().uid, "7");
  EXPECT_THAT(credentials->impersonation().groups, testing::ElementsAre("dev", "ops"));
  EXPECT_THAT(credentials->impersonation().extra,
              testing::ElementsAre(testing::Pair("Scopes", "a"), testing::Pair("Scopes", "b")));
  const auto flags = load_kubeconfig(folder.write("config", config(cluster, user)), clock,
                                     {.as = {.user = "bob", .groups = {"qa"}}});
  ASSERT_TRUE(flags) << flags.error().message;
  EXPECT_EQ((*flags)->impersonation().user, "bob");
  EXPECT_EQ((*flags)->impersonation().uid, "7") << "each flag replaces its field, as with kubectl";
  EXPECT_THAT((*flags)->impersonation().groups, testing::ElementsAre("qa"));
  EXPECT_THAT(refusal(config(cluster, "as-groups: [dev]")), HasSubstr("--as"));
  EXPECT_THAT(refusal(config(cluster, "as: jane, as-groups: dev")), HasSubstr("as-groups must be"));
  EXPECT_THAT(refusal(config(cluster, "as: jane, as-groups: [\"a\\r\\nX: y\"]")),
              HasSubstr("printable"))
      << "a line end would begin a header of its own";
  EXPECT_THAT(refusal(config(cluster, "as: jane, as-user-extra: {k: [\"a\\nb\"]}")),
              HasSubstr("printable"));
}

TEST_F(Kubeconfig, NamesItsProxyWhichPrecedesTheEnvironment) {
  const std::string remote = "server: 'https://h:6443', certificate-authority-data: " + ca64;
  const ScopedVariable all("HTTPS_PROXY", "http://other:1");
  const ScopedVariable none("NO_PROXY", "*");
  EXPECT_FALSE(*good(config(remote, ""))->proxy());
  const auto proxy = *good(config(remote + ", proxy-url: 'http://u:p@proxy:3128'", ""))->proxy();
  ASSERT_TRUE(proxy);
  EXPECT_EQ(proxy->host + ":" + proxy->port, "proxy:3128");
  EXPECT_EQ(proxy->user, "u");
  EXPECT_THAT(refusal(config(remote + ", proxy-url: 'socks4://u:s3cret@p'", "")),
              AllOf(HasSubstr("cluster \"c\": proxy-url"), HasSubstr("socks5://"),
                    Not(HasSubstr("s3cret"))));
  EXPECT_THAT(refusal(config("server: 'http://localhost:1', proxy-url: 'http://p'", "")),
              HasSubstr("https://"));
  const ScopedVariable some("NO_PROXY", "other");
  const ScopedVariable socks("HTTPS_PROXY", "socks4://p");
  const auto refused = load(config(remote, ""));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("HTTPS_PROXY"));
}

TEST_F(Kubeconfig, RunsNoPluginBesideOtherCredentialsOfTheUser) {
  folder.write_script("plugin", "touch \"$0.ran\"; exit 1");
  const std::string exec =
      ", exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: ./plugin}";
  EXPECT_EQ(token_of(*good(config(cluster, "token: abc" + exec))), "abc");
  EXPECT_EQ(token_of(*good(config(cluster, "username: al" + exec))), "none");
  EXPECT_EQ(token_of(*good(
                config(cluster, fmt::format("client-certificate-data: {}, client-key-data: {}{}",
                                            base64_encode(operator_identity().certificate),
                                            base64_encode(operator_identity().key), exec)))),
            "none");
  EXPECT_FALSE(std::filesystem::exists(folder.path("plugin.ran")));
}

TEST_F(Kubeconfig, IgnoresWhatHasNoEffectHere) {
  const auto credentials = good(
      "preferences: {colors: true}\nextensions:\n- {name: minikube, extension: {a: 1}}\n" +
      config(cluster + ", disable-compression: true, extensions: [{name: x, extension: {b: 2}}]",
             "token: abc, extensions: [{name: x, extension: 3}]",
             "namespace: team-a, extensions: [{name: context_info, extension: {}}]"));
  EXPECT_EQ(token_of(*credentials), "abc");
  EXPECT_EQ(credentials->default_namespace(), "team-a");
  EXPECT_THAT(refusal(config(cluster + ", disable-compression: 3", "")),
              HasSubstr("disable-compression"));
}

TEST_F(Kubeconfig, IsAConfigOfV1) {
  EXPECT_THAT(refusal("kind: Secret\napiVersion: v1\n"), HasSubstr("it is a Secret"));
  EXPECT_THAT(refusal("kind: Config\napiVersion: v2\n"), HasSubstr("\"v2\""));
  EXPECT_TRUE(
      good("kind: Config\napiVersion: v1\n" +
           config(cluster, "").substr(std::string("apiVersion: v1\nkind: Config\n").size())));
}

TEST_F(Kubeconfig, UsesANamedClusterInPlaceOfTheContexts) {
  const std::string file =
      folder.write("config", "clusters:\n- {name: d, cluster: {server: 'https://d:1'}}\n");
  const std::string main = folder.write("main", config(cluster, "token: a"));
  const auto credentials = load_kubeconfigs({main, file}, clock, {.cluster = "d"});
  ASSERT_TRUE(credentials) << credentials.error().message;
  EXPECT_EQ((*credentials)->server(), "https://d:1");
  EXPECT_THAT(load_kubeconfigs({main, file}, clock, {.cluster = "e"}).error().message,
              AllOf(HasSubstr("--cluster names the cluster \"e\""), HasSubstr("there is: c, d")));
}

TEST_F(Kubeconfig, RefusesServersThatCannotBeUsed) {
  const auto server = [&](const std::string& url) {
    return refusal(config("server: '" + url + "'", ""));
  };
  EXPECT_THAT(server("http://example.com"), HasSubstr("not encrypted"));
  EXPECT_THAT(server("example.com"), HasSubstr("must begin with https://"));
  EXPECT_THAT(server("https://[::1]:6443"), HasSubstr("IPv6"));
  EXPECT_THAT(server("https://h:70000"), HasSubstr("port"));
  EXPECT_THAT(server("https://u:s3cret@h"),
              AllOf(HasSubstr("user name"), Not(HasSubstr("s3cret"))));
  EXPECT_THAT(server(""), HasSubstr("server is missing"));
  EXPECT_EQ(good(config("server: 'http://127.0.0.1:8080/prefix/'", ""))->server(),
            "http://127.0.0.1:8080/prefix");
}

TEST_F(Kubeconfig, RefusesCredentialsThatCannotWork) {
  const std::string certificate =
      "client-certificate-data: " + base64_encode(operator_identity().certificate);
  EXPECT_THAT(refusal(config(cluster, certificate)), HasSubstr("client-key"));
  EXPECT_THAT(refusal(config(cluster, certificate + ", client-key-data: '***'")),
              HasSubstr("client-key-data must be PEM in base64"));
  EXPECT_THAT(
      refusal(config(cluster, certificate + ", client-key-data: " + base64_encode("no PEM"))),
      HasSubstr("client key"));
  EXPECT_THAT(refusal(config(cluster, certificate + ", client-key-data: " +
                                          base64_encode(authority().issue({}).key))),
              HasSubstr("client key"));
  EXPECT_THAT(refusal(config("server: 'https://h', certificate-authority: missing.pem", "")),
              HasSubstr(folder.path("missing.pem")));
  EXPECT_THAT(
      refusal(config("server: 'https://h', certificate-authority-data: " + base64_encode("no PEM"),
                     "")),
      HasSubstr("certificate authority"));
}

TEST_F(Kubeconfig, RefusesPluginsThatCannotRun) {
  const auto exec = [&](const std::string& fields) {
    return refusal(config(cluster, "exec: {" + fields + "}"));
  };
  EXPECT_THAT(exec("apiVersion: client.authentication.k8s.io/v1alpha1, command: x"),
              AllOf(HasSubstr("exec"), HasSubstr("v1alpha1"),
                    HasSubstr("client.authentication.k8s.io/v1")));
  EXPECT_THAT(exec("apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never"),
              HasSubstr("command is missing"));
  EXPECT_THAT(exec("apiVersion: client.authentication.k8s.io/v1, command: x"),
              HasSubstr("interactiveMode"));
  const std::string always =
      "apiVersion: client.authentication.k8s.io/v1, command: x, interactiveMode: Always";
  EXPECT_THAT(exec(always), HasSubstr("terminal"));
  EXPECT_TRUE(load_kubeconfig(folder.write("config", config(cluster, "exec: {" + always + "}")),
                              clock, {.terminal = true}));
}

TEST_F(Kubeconfig, NamesEntriesThatAreMissing) {
  EXPECT_THAT(refusal("apiVersion: v1\nkind: Config\n"), HasSubstr("current-context is not set"));
  EXPECT_THAT(refusal("current-context: x\ncontexts:\n- {name: y, context: {}}\n"),
              AllOf(HasSubstr("\"x\""), HasSubstr("there is: y")));
  EXPECT_THAT(refusal("current-context: x\ncontexts:\n- {name: x, context: {cluster: z}}\n"),
              AllOf(HasSubstr("cluster \"z\""), HasSubstr("context \"x\"")));
  EXPECT_THAT(refusal("a: [b\n"), HasSubstr("no YAML, line"));
  EXPECT_THAT(refusal("just text"), HasSubstr("no kubeconfig"));
  EXPECT_THAT(refusal("clusters: {a: b}\nusers: 7\ncurrent-context: [x]\n"),
              HasSubstr("current-context"));
  EXPECT_THAT(load_kubeconfig(folder.path("nowhere")).error().message, HasSubstr("does not exist"));
}

TEST_F(Kubeconfig, MergesFilesAndTheFirstEntryOfANameCounts) {
  const std::string first =
      folder.write("first", "current-context: main\nusers:\n- {name: u, user: {token: first}}\n");
  const std::string second = folder.write("second", config(cluster, "token: second"));
  const auto credentials = load_kubeconfigs({folder.path("missing"), first, second}, clock);
  ASSERT_TRUE(credentials) << credentials.error().message;
  EXPECT_EQ(token_of(**credentials), "first");
  EXPECT_THAT(load_kubeconfigs({folder.path("missing")}, clock).error().message,
              HasSubstr("none of the kubeconfig files"));
}

TEST_F(Kubeconfig, UsesANamedContextInPlaceOfTheCurrentOne) {
  const std::string file = folder.write(
      "config", config(cluster, "token: a") +
                    "- name: other\n  context: {cluster: c, user: u, namespace: team-b}\n");
  EXPECT_EQ((*load_kubeconfig(file, clock))->default_namespace(), "team-a");
  EXPECT_EQ((*load_kubeconfig(file, clock, {.context = "other"}))->default_namespace(), "team-b");
  EXPECT_THAT(load_kubeconfig(file, clock, {.context = "third"}).error().message,
              AllOf(HasSubstr("--context names the context \"third\""),
                    HasSubstr("there is: main, other")));
}

TEST_F(Kubeconfig, InTheHomeDirectoryPrecedesThePodForPeople) {
  const ScopedVariable home("HOME", folder.path().c_str());
  const ScopedVariable no_list("KUBECONFIG", nullptr);
  const ScopedVariable pod("KUBERNETES_SERVICE_HOST", "10.0.0.1");
  const ScopedVariable port("KUBERNETES_SERVICE_PORT", "443");
  std::filesystem::create_directory(folder.path(".kube"));
  folder.write(".kube/config", config(cluster, "token: home"));
  EXPECT_EQ(token_of(**find_credentials("", {.home_first = true})), "home");
  EXPECT_EQ(token_of(**find_credentials("", {.overrides = {.context = "main"}})), "home")
      << "a pod has no contexts";
}

TEST_F(Kubeconfig, IsLookedForByFlagThenEnvironmentThenPodThenHome) {
  const ScopedVariable home("HOME", folder.path().c_str());
  const ScopedVariable no_list("KUBECONFIG", nullptr);
  const ScopedVariable no_pod("KUBERNETES_SERVICE_HOST", nullptr);
  EXPECT_THAT(find_credentials("").error().message, HasSubstr("--kubeconfig"));

  std::filesystem::create_directory(folder.path(".kube"));
  folder.write(".kube/config", config(cluster, "token: home"));
  EXPECT_EQ(token_of(**find_credentials("")), "home");

  const ScopedVariable pod("KUBERNETES_SERVICE_HOST", "10.0.0.1");
  const ScopedVariable port("KUBERNETES_SERVICE_PORT", "443");
  EXPECT_THAT(find_credentials("").error().message, HasSubstr("serviceaccount"))
      << "a pod whose files cannot be used is an error";

  const ScopedVariable list("KUBECONFIG", (":" + folder.path("missing") + ":" +
                                           folder.write("listed", config(cluster, "token: listed")))
                                              .c_str());
  EXPECT_EQ(token_of(**find_credentials("")), "listed");
  EXPECT_EQ(token_of(**find_credentials(folder.write("given", config(cluster, "token: flag")))),
            "flag");
}

}  // namespace
}  // namespace apitoken::kube
