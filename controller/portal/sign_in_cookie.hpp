// SignInCookies: the cookie of a sign-in under way. It carries what /signin/callback needs from
// /signin/start. It is encrypted with a key of this process (AES-256-GCM), so the browser can
// neither read nor make one, and each works for one callback. The session door owns the only one;
// any thread. Source: RFC 6749 section 10.12, RFC 7636 section 7.1.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "base/result.hpp"
#include "base/secret_string.hpp"

namespace apitoken::portal {

struct SignInAttempt {
  std::string state;
  std::string nonce;
  SecretString verifier;    // of PKCE
  std::string to;           // the page to go to afterwards
  std::string old_session;  // hash of the session id that the browser had; empty: none
  WallTime until{};         // ten minutes after the start
};

class SignInCookies {
 public:
  static constexpr const char* kName = "__Host-apitoken-signin";
  static constexpr Seconds kLifetime{600};
  static constexpr std::size_t kMaxUsed = 10'000;

  // Errors: Unavailable if there is no random source.
  static Result<SignInCookies> make();
  SignInCookies(SignInCookies&& other) noexcept : key_(std::move(other.key_)) {}

  // The cookie's value. Errors: Unavailable.
  Result<std::string> seal(const SignInAttempt& attempt) const;
  // The attempt in a cookie of this process, if the cookie is not past `until`, has the state
  // `state` and was not taken before. Empty otherwise.
  std::optional<SignInAttempt> take(std::string_view cookie, std::string_view state, WallTime now);

 private:
  explicit SignInCookies(SecretString key) : key_(std::move(key)) {}
  std::optional<SignInAttempt> open(std::string_view cookie) const;
  bool use(const SignInAttempt& attempt, WallTime now);

  SecretString key_;
  Mutex mutex_;
  std::map<std::string, WallTime, std::less<>> used_ GUARDED_BY(mutex_);  // states
};

// `to` if it is the path of a page on this very site, else "/". Such a path begins with one slash,
// has no backslash, control character or blank, and is not a sign-in route.
std::string local_path(std::string_view to);

// The value of the cookie `name` in a Cookie header; empty if there is none.
std::string_view cookie_value(std::string_view header, std::string_view name);

}  // namespace apitoken::portal
