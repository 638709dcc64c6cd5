#include "portal/sign_in_cookie.hpp"

#include <gtest/gtest.h>

#include "portal/random_text.hpp"

namespace apitoken::portal {
namespace {

const WallTime kNow = std::chrono::sys_days(std::chrono::year(2026) / 11 / 29);

SignInAttempt attempt(std::string state = "state-1") {
  return {std::move(state),      "nonce-1", SecretString("verifier-1"),
          "/faults?sort=expiry", "abcd",    kNow + SignInCookies::kLifetime};
}

TEST(SignInCookies, OpensWhatItSealed) {
  auto cookies = SignInCookies::make().value();
  const auto taken = cookies.take(cookies.seal(attempt()).value(), "state-1", kNow);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->state, "state-1");
  EXPECT_EQ(taken->nonce, "nonce-1");
  EXPECT_EQ(taken->verifier.reveal(), "verifier-1");
  EXPECT_EQ(taken->to, "/faults?sort=expiry");
  EXPECT_EQ(taken->old_session, "abcd");
}

TEST(SignInCookies, ACookieIsGoodOnce) {
  auto cookies = SignInCookies::make().value();
  const auto cookie = cookies.seal(attempt()).value();
  EXPECT_TRUE(cookies.take(cookie, "state-1", kNow));
  EXPECT_FALSE(cookies.take(cookie, "state-1", kNow));
}

TEST(SignInCookies, AWrongStateDoesNotUseACookieUp) {
  auto cookies = SignInCookies::make().value();
  const auto cookie = cookies.seal(attempt()).value();
  for (const char* state : {"", "state-2", "state-", "state-11"})
    EXPECT_FALSE(cookies.take(cookie, state, kNow)) << state;
  EXPECT_TRUE(cookies.take(cookie, "state-1", kNow));
}

TEST(SignInCookies, ACookieEndsAfterTenMinutes) {
  auto cookies = SignInCookies::make().value();
  const auto cookie = cookies.seal(attempt()).value();
  EXPECT_FALSE(cookies.take(cookie, "state-1", kNow + Seconds(600)));
  EXPECT_TRUE(cookies.take(cookie, "state-1", kNow + Seconds(599)));
}

TEST(SignInCookies, AnotherProcessOrAChangedByteOpensNothing) {
  auto cookies = SignInCookies::make().value();
  auto others = SignInCookies::make().value();
  const auto cookie = cookies.seal(attempt()).value();
  EXPECT_FALSE(others.take(cookie, "state-1", kNow));
  for (std::size_t i = 0; i < cookie.size(); ++i) {
    auto changed = cookie;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(cookies.take(changed, "state-1", kNow)) << i;
    EXPECT_FALSE(cookies.take(cookie.substr(0, i), "state-1", kNow)) << i;
  }
  EXPECT_TRUE(cookies.take(cookie, "state-1", kNow));
}

TEST(SignInCookies, ItsTextShowsNothingAndNeverRepeats) {
  const auto cookies = SignInCookies::make().value();
  const auto cookie = cookies.seal(attempt()).value();
  EXPECT_NE(cookie, cookies.seal(attempt()).value());
  EXPECT_EQ(cookie.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                     "0123456789-_"),
            std::string::npos);
}

// A state that was dropped early would be good a second time.
TEST(SignInCookies, AFullMemoryRefusesUntilOldStatesEnd) {
  auto cookies = SignInCookies::make().value();
  const auto first = cookies.seal(attempt("first")).value();
  EXPECT_TRUE(cookies.take(first, "first", kNow));
  for (std::size_t i = 1; i < SignInCookies::kMaxUsed; ++i) {
    const auto state = std::to_string(i);
    ASSERT_TRUE(cookies.take(cookies.seal(attempt(state)).value(), state, kNow));
  }
  EXPECT_FALSE(cookies.take(cookies.seal(attempt("late")).value(), "late", kNow));
  EXPECT_FALSE(cookies.take(first, "first", kNow));
  auto later = attempt("later");
  later.until = kNow + Seconds(1200);
  EXPECT_TRUE(cookies.take(cookies.seal(later).value(), "later", kNow + Seconds(601)));
}

TEST(RandomText, HasTwoHundredAndFiftySixBitsAndDiffers) {
  const auto one = random_text().value();
  const auto other = random_text().value();
  EXPECT_EQ(one.size(), 43U);
  EXPECT_NE(one.reveal(), other.reveal());
}

TEST(LocalPath, KeepsPathsOfThisSite) {
  for (const char* path : {"/", "/faults", "/tokens?state=expired&q=a%20b", "/tokens/team-a/ci",
                           "/users/bob@example.com", "/?to=https://evil.example"})
    EXPECT_EQ(local_path(path), path);
}

TEST(LocalPath, LeadsNowhereElse) {
  for (const char* path :
       {"", "faults", "//evil.example", "/\\evil.example", "\\\\evil.example", "https://evil",
        "https:evil.example", "/\t/evil.example", "/\n/evil", " /faults", "javascript:alert(1)",
        "/a\r\nSet-Cookie: x=y", "/a\\b", "/a b", "/\xc3\xa9", "/signin", "/signin/start?to=/",
        "/signin/callback?code=1"})
    EXPECT_EQ(local_path(path), "/") << path;
  EXPECT_EQ(local_path("/" + std::string(2048, 'a')), "/");
  EXPECT_EQ(local_path(std::string_view("/a\0b", 4)), "/");
}

TEST(CookieValue, FindsTheOneOfThatName) {
  EXPECT_EQ(cookie_value("__Host-apitoken=abc", "__Host-apitoken"), "abc");
  EXPECT_EQ(cookie_value("a=1; __Host-apitoken=abc; b=2", "__Host-apitoken"), "abc");
  EXPECT_EQ(cookie_value("__Host-apitoken-signin=x;__Host-apitoken=abc", "__Host-apitoken"), "abc");
  EXPECT_EQ(cookie_value("x__Host-apitoken=abc", "__Host-apitoken"), "");
  EXPECT_EQ(cookie_value("__Host-apitoken", "__Host-apitoken"), "");
  EXPECT_EQ(cookie_value(";;=;a", "a"), "");
  EXPECT_EQ(cookie_value("", "a"), "");
}

}  // namespace
}  // namespace apitoken::portal
