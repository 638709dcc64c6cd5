// What OpenID providers and browsers that sign in send to the portal: discovery documents, answers
// of the token endpoint, claims of an id_token, cookies and paths. The first byte says how the rest
// is read.
#include "base/base64.hpp"
#include "fuzz/fuzz.hpp"
#include "portal/oidc.hpp"
#include "portal/sign_in_cookie.hpp"

namespace apitoken::fuzz {
namespace {

constexpr std::string_view kIssuer = "https://issuer.example.com";
constexpr WallTime kNow{Seconds(1'800'000'000)};

bool is_one_line(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0\x1b", 4)) == text.npos;
}

void discovery(std::string_view text) {
  const auto provider = portal::parse_discovery(text, kIssuer);
  if (!provider) return require(is_one_line(provider.error().message), "a refusal is one line");
  require(provider->issuer == kIssuer, "another issuer is refused");
  for (const auto& url : {provider->authorization_endpoint, provider->token_endpoint})
    require(url.starts_with("https://"), "an endpoint is reached over TLS");
  const portal::OidcClient client{"portal", SecretString(std::string("s")),
                                  "https://p.example.com/c"};
  require(portal::authorization_url(*provider, client, "openid", "s", "n", "v")
                  .find("response_type=code") != std::string::npos,
          "the browser is sent for a code");
  (void)portal::logout_url(*provider, client.id, "https://p.example.com/");
  (void)portal::code_request(*provider, client, text, "v");
}

void token_answer(std::string_view text) {
  for (const int status : {200, 400, 503}) {
    const auto answer = portal::parse_token_answer(status, text);
    require(status == 200 || !answer, "another status is no answer");
    if (!answer) require(is_one_line(answer.error().message), "a refusal is one line");
  }
}

void claims(std::string_view text) {
  const auto check = [](std::string_view token) {
    (void)portal::jwt_end(token);
    const auto read = portal::read_id_claims(token);
    if (!read) return;
    const auto good = portal::check_id_claims(*read, {std::string(kIssuer), "portal", "n"}, kNow);
    require(!good || (read->issuer == kIssuer && read->expires_at > kNow && read->nonce == "n" &&
                      !read->subject.empty()),
            "claims that pass are for this sign-in");
  };
  check(text);
  check("e30." + base64url_encode(text) + ".AA");
}

void cookies(std::string_view text) {
  static auto jar = portal::SignInCookies::make();
  require(jar.has_value(), "a key");
  require(!jar->take(text, "state", kNow), "nobody else makes a cookie");
  const auto value = portal::cookie_value(text, portal::SignInCookies::kName);
  require(value.find(';') == value.npos, "a cookie ends at a semicolon");
  const auto path = portal::local_path(text);
  require(path.starts_with('/') && !path.starts_with("//") && is_one_line(path) &&
              path.find('\\') == path.npos,
          "a path leads to this site");
}

}  // namespace

void fuzz(std::string_view input) {
  if (input.empty()) return;
  const char how = input.front();
  input.remove_prefix(1);
  if (how == 'd') return discovery(input);
  if (how == 't') return token_answer(input);
  if (how == 'c') return claims(input);
  cookies(input);
}

}  // namespace apitoken::fuzz
