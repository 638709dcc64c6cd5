// Which proxy leads to the API server: the rules of Go's net/http, which kubectl follows.
#include "kube/proxy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temporary_folder.hpp"

namespace apitoken::kube {
namespace {

using test::ScopedVariable;
using namespace std::string_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(Proxy, IsASchemeAHostAndAPortAndPerhapsALogin) {
  struct Row {
    const char* text;
    const char* address;
    const char* user;
    const char* password;
  };
  for (const Row& row :
       {Row{"http://proxy:3128", "http://proxy:3128", "", ""},
        Row{"http://proxy", "http://proxy:80", "", ""},
        Row{"HTTP://proxy:3128/", "http://proxy:3128", "", ""},
        Row{"proxy:3128", "http://proxy:3128", "", ""}, Row{"proxy:", "http://proxy:80", "", ""},
        Row{"10.0.0.1:8080", "http://10.0.0.1:8080", "", ""},
        Row{"http://al:p%40ss@proxy:80/x", "http://proxy:80", "al", "p@ss"},
        Row{"http://:token@proxy", "http://proxy:80", "", "token"},
        Row{"al@proxy", "http://proxy:80", "al", ""},
        Row{"https://al:pass@proxy", "https://proxy:443", "al", "pass"},
        Row{"https://proxy:3129", "https://proxy:3129", "", ""},
        Row{"socks5://proxy", "socks5://proxy:1080", "", ""},
        Row{"SOCKS5h://al:p%3Ass@proxy:9", "socks5://proxy:9", "al", "p:ss"},
        Row{"http://[::1]", "http://[::1]:80", "", ""},
        Row{"[fd00::1]:3128", "http://[fd00::1]:3128", "", ""},
        Row{"socks5://al@[::1]:9", "socks5://[::1]:9", "al", ""}}) {
    const auto proxy = parse_proxy(row.text, "proxy-url");
    ASSERT_TRUE(proxy) << proxy.error().message;
    EXPECT_EQ(proxy->address(), row.address) << row.text;
    EXPECT_EQ(proxy->user, row.user) << row.text;
    EXPECT_EQ(proxy->password.reveal(), row.password) << row.text;
  }
  EXPECT_EQ(parse_proxy("[fd00::1]:3128", "")->host, "fd00::1") << "as a resolver takes it";
  EXPECT_TRUE(parse_proxy("http://al:" + std::string(1000, 'p') + "@proxy", ""))
      << "SOCKS5 alone limits a login";
}

TEST(Proxy, IsRefusedWithTheRemedyIfItCannotBeUsed) {
  const std::string long_name(256, 'u');
  for (const std::string& text :
       {"socks4://u:s3cret@p:1080"s, "socks://u:s3cret@p"s, "ftp://u:s3cret@p"s,
        "http://u:s3cret@p:99999"s, "http://u:s3cret@p:0"s, "socks5://u:s3cret@::1"s,
        "http://u:s3cret@[::1]x"s, "http://u:s3cret@[10.0.0.1]"s, "http://u:s3cret@[p]:1"s,
        "http://u:s3cret@"s, "://u:s3cret@p"s, "http://u:s3cret@a b"s,
        "socks5://" + long_name + ":s3cret@p", "socks5://s3cret:" + long_name + "@p"}) {
    const auto proxy = parse_proxy(text, "cluster \"c\": proxy-url");
    ASSERT_FALSE(proxy) << text;
    EXPECT_THAT(proxy.error().message,
                AllOf(HasSubstr("cluster \"c\": proxy-url"), HasSubstr("http://HOST:PORT"),
                      HasSubstr("socks5://HOST:PORT"), Not(HasSubstr("s3cret"))))
        << text;
  }
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
  const ScopedVariable socks("https_proxy", "socks4://p:1080");
  EXPECT_THAT(proxy_to("https://kube.example.com"),
              AllOf(HasSubstr("https_proxy"), HasSubstr("socks5://"),
                    HasSubstr("add it to NO_PROXY"), HasSubstr("kube.example.com")));
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
