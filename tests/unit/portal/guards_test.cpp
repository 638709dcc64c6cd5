// What is refused before anything is served.
#include "portal/guards.hpp"

#include <gtest/gtest.h>

#include "cli/local_door.hpp"
#include "portal/routes.hpp"

namespace apitoken::portal {
namespace {

class Guards : public testing::Test {
 protected:
  Guards() { door_.set_port(4711); }

  serve::HttpRequest request(std::string_view method = "GET") {
    serve::HttpRequest made;
    made.method = method;
    made.path = "/api/session";
    made.headers = {{"Host", "127.0.0.1:4711"}, {"X-Apitoken-Portal", "1"}};
    return made;
  }

  SystemClock clock_;
  cli::LocalDoor door_{{.key = SecretString(std::string("k3y"))}, nullptr, clock_};
};

TEST_F(Guards, OnlyNamesOfThisMachineWithThePortAreOurs) {
  for (const char* host : {"127.0.0.1:4711", "localhost:4711", "[::1]:4711"})
    EXPECT_TRUE(door_.is_our_host(host)) << host;
  for (const char* host : {"", "evil.example", "evil.example:4711", "127.0.0.1", "127.0.0.1:4712",
                           "localhost.evil.example:4711", "127.0.0.1:4711.evil.example"}) {
    auto misdirected = request();
    misdirected.headers[0].second = host;
    ASSERT_TRUE(refuse_host(misdirected, door_)) << host;
    EXPECT_EQ(refuse_host(misdirected, door_)->status, 421);
  }
}

TEST_F(Guards, RequestsWithoutThePortalsHeaderAreRefused) {
  auto plain = request();
  EXPECT_FALSE(refuse_foreign(plain, door_));
  plain.headers.pop_back();
  ASSERT_TRUE(refuse_foreign(plain, door_));
  EXPECT_EQ(refuse_foreign(plain, door_)->status, 403);
}

TEST_F(Guards, RequestsOfOtherSitesAreRefused) {
  for (const char* site : {"cross-site", "same-site", "none"}) {
    auto foreign = request();
    foreign.headers.emplace_back("Sec-Fetch-Site", site);
    EXPECT_TRUE(refuse_foreign(foreign, door_)) << site;
  }
  for (const char* origin : {"null", "http://evil.example", "https://127.0.0.1:4711",
                             "http://localhost:4711", "http://127.0.0.1:4712"}) {
    auto foreign = request();
    foreign.headers.emplace_back("Origin", origin);
    EXPECT_TRUE(refuse_foreign(foreign, door_)) << origin;
  }
  auto own = request();
  own.headers.emplace_back("Origin", "http://127.0.0.1:4711");
  own.headers.emplace_back("Sec-Fetch-Site", "same-origin");
  EXPECT_FALSE(refuse_foreign(own, door_));
}

TEST_F(Guards, WritesMustBeJson) {
  auto write = request("POST");
  EXPECT_EQ(refuse_foreign(write, door_)->status, 415);
  for (const char* type :
       {"text/plain", "application/x-www-form-urlencoded", "application/jsonx"}) {
    auto form = request("POST");
    form.headers.emplace_back("Content-Type", type);
    EXPECT_EQ(refuse_foreign(form, door_)->status, 415) << type;
  }
  write.headers.emplace_back("content-type", "Application/JSON; charset=utf-8");
  EXPECT_FALSE(refuse_foreign(write, door_));
  EXPECT_FALSE(refuse_foreign(request("DELETE"), door_));
}

TEST_F(Guards, TheKeyOpensTheDoorAndNothingElseDoes) {
  const auto opens = [&](std::string_view authorization) {
    auto asked = request();
    if (!authorization.empty()) asked.headers.emplace_back("Authorization", authorization);
    return !std::holds_alternative<Problem>(door_.admit(asked));
  };
  EXPECT_TRUE(opens("Portal k3y"));
  for (const char* wrong : {"", "Portal", "Portal ", "Portal k3", "Portal k3yy", "portal k3y",
                            "Bearer k3y", "k3y", "Portal  k3y"})
    EXPECT_FALSE(opens(wrong)) << wrong;
}

TEST_F(Guards, EveryAnswerIsStrict) {
  const auto headers = security_headers(false);
  const auto value = [&](std::string_view name) -> std::string {
    for (const auto& [key, text] : headers) {
      if (key == name) return text;
    }
    return "";
  };
  EXPECT_NE(value("Content-Security-Policy").find("default-src 'none'"), std::string::npos);
  EXPECT_NE(value("Content-Security-Policy").find("require-trusted-types-for 'script'"),
            std::string::npos);
  EXPECT_EQ(value("X-Frame-Options"), "DENY");
  EXPECT_EQ(value("Strict-Transport-Security"), "");
  EXPECT_EQ(security_headers(true).back().first, std::string("Strict-Transport-Security"));
}

TEST(Pages, AreThoseOfTheFrontEnd) {
  for (const char* page :
       {"/", "/signin", "/signin/failed", "/profile", "/profile/new", "/tokens", "/tokens/",
        "/tokens/new", "/tokens/team-a/ci", "/users", "/users/alice@example.com",
        "/users/https://issuer/x/new", "/faults", "/settings", "/settings/default", "/about"})
    EXPECT_TRUE(is_page(page)) << page;
  for (const char* other :
       {"", "/x", "/api", "/apis", "/api/v1/secrets", "/tokens/a", "/tokens/a/b/c", "/signin/start",
        "/signin/callback", "/faults/x", "/settings/a/b", "/tokens//b", "/metrics"})
    EXPECT_FALSE(is_page(other)) << other;
}

}  // namespace
}  // namespace apitoken::portal
