// Which proxy leads to the API server: the rules of Go's net/http, which kubectl follows.
#include "kube/proxy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kube/temporary_folder.hpp"

namespace apitoken::kube {
namespace {

using test::ScopedVariable;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(Proxy, IsAHostWithAPortAndPerhapsALogin) {
  struct Row {
    const char* text;
    const char* host;
    const char* port;
    const char* user;
    const char* password;
  };
  for (const Row& row : {Row{"http://proxy:3128", "proxy", "3128", "", ""},
                         Row{"http://proxy", "proxy", "80", "", ""},
                         Row{"HTTP://proxy:3128/", "proxy", "3128", "", ""},
                         Row{"proxy:3128", "proxy", "3128", "", ""},
                         Row{"10.0.0.1:8080", "10.0.0.1", "8080", "", ""},
                         Row{"http://al:p%40ss@proxy:80/x", "proxy", "80", "al", "p@ss"},
                         Row{"al@proxy", "proxy", "80", "al", ""}}) {
    const auto proxy = parse_proxy(row.text, "proxy-url");
    ASSERT_TRUE(proxy) << proxy.error().message;
    EXPECT_EQ(proxy->host, row.host) << row.text;
    EXPECT_EQ(proxy->port, row.port) << row.text;
    EXPECT_EQ(proxy->user, row.user) << row.text;
    EXPECT_EQ(proxy->password.reveal(), row.password) << row.text;
  }
}

TEST(Proxy, IsRefusedWithTheRemedyIfItCannotBeUsed) {
  const auto refusal = [](const char* text) {
    const auto proxy = parse_proxy(text, "cluster \"c\": proxy-url");
    return proxy ? std::string("it was accepted") : proxy.error().message;
  };
  EXPECT_THAT(refusal("socks5://u:s3cret@p:1080"),
              AllOf(HasSubstr("cluster \"c\": proxy-url"), HasSubstr("SOCKS"),
                    HasSubstr("http://proxy:3128"), Not(HasSubstr("s3cret"))));
  EXPECT_THAT(refusal("socks5h://p"), HasSubstr("SOCKS"));
  EXPECT_THAT(refusal("https://p"), AllOf(HasSubstr("TLS"), HasSubstr("http://proxy:3128")));
  EXPECT_THAT(refusal("ftp://p"), HasSubstr("http://proxy:3128"));
  EXPECT_THAT(refusal("http://[::1]:3128"), HasSubstr("IPv6"));
  EXPECT_THAT(refusal("http://u:s3cret@p:99999"), AllOf(HasSubstr("port"), Not(HasSubstr("s3c"))));
  EXPECT_THAT(refusal("http://"), HasSubstr("no usable host"));
}

// NO_PROXY as golang.org/x/net/http/httpproxy reads it.
TEST(NoProxy, ExemptsWhatGoExempts) {
  struct Row {
    const char* list;
    const char* host;
    const char* port;
    bool exempt;
  };
  for (const Row& row : {
           Row{"", "kube.example.com", "443", false},
           Row{"", "localhost", "6443", true},
           Row{"", "127.0.0.1", "6443", true},
           Row{"", "127.9.9.9", "6443", true},
           Row{"", "::1", "6443", true},
           Row{"", "localhost.example.com", "6443", false},
           Row{"*", "kube.example.com", "443", true},
           Row{"a.com, *", "10.0.0.1", "443", true},
           Row{"example.com", "example.com", "443", true},
           Row{"example.com", "kube.example.com", "443", true},
           Row{"example.com", "notexample.com", "443", false},
           Row{".example.com", "kube.example.com", "443", true},
           Row{".example.com", "example.com", "443", false},
           Row{"*.example.com", "kube.example.com", "443", true},
           Row{"*.example.com", "example.com", "443", false},
           Row{" Example.COM ", "KUBE.example.com", "443", true},
           Row{"example.com:6443", "kube.example.com", "6443", true},
           Row{"example.com:6443", "kube.example.com", "443", false},
           Row{"10.0.0.1", "10.0.0.1", "443", true},
           Row{"10.0.0.1:6443", "10.0.0.1", "6443", true},
           Row{"10.0.0.1:6443", "10.0.0.1", "443", false},
           Row{"10.0.0.0/8", "10.96.0.1", "443", true},
           Row{"10.0.0.0/8", "11.0.0.1", "443", false},
           Row{"10.96.0.0/13", "10.103.255.255", "443", true},
           Row{"10.96.0.0/13", "10.104.0.0", "443", false},
           Row{"0.0.0.0/0", "192.0.2.1", "443", true},
           Row{"10.0.0.0/33,x/8,/", "10.0.0.1", "443", false},
           Row{"fd00::/8", "fd12::1", "443", true},
           Row{"fd00::/8", "fe80::1", "443", false},
           Row{"::/0", "10.0.0.1", "443", false},
           Row{"[fd00::1]:6443", "fd00::1", "6443", true},
           Row{"fd00::1", "fd00::1", "443", true},
           Row{"::ffff:10.0.0.1", "10.0.0.1", "443", true},
           Row{"0.0.1", "10.0.0.1", "443", false},
           Row{",, ,:443,]:", "kube.example.com", "443", false},
       }) {
    EXPECT_EQ(is_exempt_from_proxy(row.list, row.host, row.port), row.exempt)
        << row.list << " and " << row.host << ":" << row.port;
  }
}

class ProxyEnvironment : public testing::Test {
 protected:
  // "host:port", "none", or the error.
  static std::string proxy_to(const char* server) {
    const auto url = parse_server_url(server, "test");
    if (!url) return url.error().message;
    const auto proxy = proxy_of_environment(*url);
    if (!proxy) return proxy.error().message;
    return *proxy ? (*proxy)->host + ":" + (*proxy)->port : "none";
  }
  ScopedVariable upper{"HTTPS_PROXY", nullptr}, lower{"https_proxy", nullptr},
      plain{"HTTP_PROXY", nullptr}, no_upper{"NO_PROXY", nullptr}, no_lower{"no_proxy", nullptr},
      all{"ALL_PROXY", nullptr}, pod{"KUBERNETES_SERVICE_HOST", nullptr};
};

TEST_F(ProxyEnvironment, NamesNoneIfItIsEmptyOrForPlainHttp) {
  EXPECT_EQ(proxy_to("https://kube.example.com"), "none");
  const ScopedVariable empty("HTTPS_PROXY", "");
  const ScopedVariable others("HTTP_PROXY", "http://p:1");
  const ScopedVariable all_of_them("ALL_PROXY", "http://p:1");
  EXPECT_EQ(proxy_to("https://kube.example.com"), "none");
  EXPECT_EQ(proxy_to("http://127.0.0.1:8001"), "none");
}

TEST_F(ProxyEnvironment, NamesItInUpperCaseBeforeLowerCase) {
  const ScopedVariable small("https_proxy", "small:1");
  EXPECT_EQ(proxy_to("https://kube.example.com"), "small:1");
  const ScopedVariable big("HTTPS_PROXY", "http://big:2");
  EXPECT_EQ(proxy_to("https://kube.example.com"), "big:2");
  const ScopedVariable small_list("no_proxy", "kube.example.com:443");
  EXPECT_EQ(proxy_to("https://kube.example.com"), "none");
  EXPECT_EQ(proxy_to("https://kube.example.com:6443"), "big:2");
  const ScopedVariable big_list("NO_PROXY", "other.example.com");
  EXPECT_EQ(proxy_to("https://kube.example.com"), "big:2");
}

TEST_F(ProxyEnvironment, ThatCannotBeUsedIsNamedWithTheRemedy) {
  const ScopedVariable socks("https_proxy", "socks5://p:1080");
  EXPECT_THAT(proxy_to("https://kube.example.com"),
              AllOf(HasSubstr("https_proxy"), HasSubstr("SOCKS"), HasSubstr("add it to NO_PROXY"),
                    HasSubstr("kube.example.com")));
  const ScopedVariable list("NO_PROXY", ".example.com");
  EXPECT_EQ(proxy_to("https://kube.example.com"), "none");
}

TEST_F(ProxyEnvironment, ExemptsAPodsServerByItsAddressTooIfItIsReachedByName) {
  const ScopedVariable proxy("HTTPS_PROXY", "p:1");
  const ScopedVariable address("KUBERNETES_SERVICE_HOST", "fd00:10:96::1");
  EXPECT_EQ(proxy_to("https://kubernetes.default.svc"), "p:1");
  const ScopedVariable list("NO_PROXY", "fd00:10:96::/112");
  EXPECT_EQ(proxy_to("https://kubernetes.default.svc"), "none");
  EXPECT_EQ(proxy_to("https://kube.example.com"), "p:1");
}

}  // namespace
}  // namespace apitoken::kube
