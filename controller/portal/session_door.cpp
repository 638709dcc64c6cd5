// The ways to sign in, and the cookie of a session.
#include "portal/session_door.hpp"

#include <fmt/format.h>

#include "base/log.hpp"
#include "core/plain_text.hpp"
#include "kube/token_file.hpp"
#include "portal/random_text.hpp"
#include "portal/session_body.hpp"
#include "serve/refusals.hpp"

namespace apitoken::portal {
namespace {

using nlohmann::json;

const std::string kProgram = "apitoken-portal";
constexpr std::size_t kIncidentDigits = 12;

std::string set_cookie(std::string_view name, std::string_view value, std::string_view more) {
  return fmt::format("{}={}; Path=/; Secure; HttpOnly; {}", name, value, more);
}

std::string drop_cookie(std::string_view name) { return set_cookie(name, "", "Max-Age=0"); }

serve::HttpAnswer redirect(int status, std::string to) {
  serve::HttpAnswer answer{.status = status};
  answer.headers.emplace_back("Location", std::move(to));
  answer.headers.emplace_back("Cache-Control", "no-store");
  return answer;
}

// "tokens.example.com" of "https://tokens.example.com/path"; the scheme's own port is left out, as
// browsers do.
std::string_view authority_of(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme != url.npos) url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find('/'));
  if (url.ends_with(":443")) url.remove_suffix(4);
  return url;
}

bool same_authority(std::string_view host, std::string_view ours) {
  if (host.ends_with(":443")) host.remove_suffix(4);
  return serve::same_name(host, ours);
}

// The token of a sign-in form. Errors: 400.
Expected<SecretString> token_of(const std::string& body) {
  auto form = json::parse(body, nullptr, false);
  const auto found = form.is_object() ? form.find("token") : form.end();
  if (!form.is_object() || found == form.end() || !found->is_string())
    return refuse(
        bad_request("token", "The body must be a JSON object with the string \"token\"."));
  auto& text = found->get_ref<std::string&>();
  auto token = kube::clean_token(text);
  wipe(text);
  if (!token) return refuse(bad_request("token", "Paste a token first."));
  return std::move(*token);
}

Problem unknown_token() {
  return {401, "Unauthorized", "The cluster does not know this token, or it has expired.",
          "Make a new one, for example with: kubectl create token NAME."};
}

Problem too_many(std::string message, Seconds wait) {
  Problem problem{429, "TooManyRequests", std::move(message),
                  fmt::format("Try again in {} seconds.", wait.count())};
  problem.retry_after = wait;
  return problem;
}

// Names an incident on the page and in the log.
std::string incident_id() {
  const auto random = random_text();
  return random ? Sessions::hash_of(random->reveal()).substr(0, kIncidentDigits) : "unknown";
}

}  // namespace

SessionDoor::SessionDoor(Setup setup, SignInCookies cookies, Parts parts)
    : setup_(std::move(setup)),
      parts_(parts),
      cookies_(std::move(cookies)),
      sessions_(setup_.limits, parts.clock) {
  if (setup_.oidc) oidc_.emplace(std::move(*setup_.oidc), parts.clock);
}

bool SessionDoor::is_our_host(std::string_view host) const {
  return setup_.public_url.empty() || same_authority(host, authority_of(setup_.public_url));
}

bool SessionDoor::is_our_origin(std::string_view origin, std::string_view host) const {
  if (!setup_.public_url.empty())
    return origin.starts_with("https://") &&
           same_authority(authority_of(origin), authority_of(setup_.public_url));
  return origin == fmt::format("{}://{}", setup_.plain_http ? "http" : "https", host);
}

SignedIn SessionDoor::make_signed_in(Bearer bearer, BearerCredentials::Renew renew) const {
  auto credentials = std::make_unique<BearerCredentials>(setup_.server, std::move(bearer),
                                                         std::move(renew), parts_.clock);
  auto* const own = credentials.get();
  return {std::make_shared<Viewer>(std::move(credentials), kProgram, parts_.observer, parts_.clock),
          own};
}

std::variant<std::shared_ptr<Viewer>, Problem> SessionDoor::admit(
    const serve::HttpRequest& request) {
  if (setup_.ways.header) {
    if (const auto token = kube::clean_token(request.bearer_token())) {
      return sessions_.find_or_begin(token->reveal(), [&] {
        return make_signed_in(
            {SecretString(std::string(token->reveal())), jwt_end(token->reveal()), {}}, nullptr);
      });
    }
  }
  auto viewer = sessions_.find(cookie_value(request.header("Cookie"), Sessions::kCookie));
  if (!viewer) return not_signed_in();
  return viewer;
}

Problem SessionDoor::not_signed_in() const {
  Problem problem{401, "Unauthorized", "You are not signed in, or your session has ended.",
                  setup_.ways.oidc || setup_.ways.token
                      ? "Sign in."
                      : "Come through the proxy that signs people in."};
  problem.extra = {{"mode", "cluster"},
                   {"signIn", way_names()},
                   {"issuerName", issuer_name()},
                   {"cluster", setup_.cluster}};
  return problem;
}

json SessionDoor::way_names() const {
  json names = json::array();
  if (setup_.ways.oidc) names.push_back("oidc");
  if (setup_.ways.token) names.push_back("token");
  if (setup_.ways.header) names.push_back("header");
  return names;
}

std::string SessionDoor::issuer_name() const {
  return oidc_ ? std::string(authority_of(oidc_->settings().issuer)) : "";
}

json SessionDoor::about() const {
  return {{"mode", "cluster"},
          {"cluster", setup_.cluster},
          {"features",
           {{"temporaryToken", setup_.temporary_token},
            {"readOnly", false},
            {"signIn", way_names()},
            {"issuer", oidc_ ? oidc_->settings().issuer : ""},
            {"issuerName", issuer_name()},
            {"signOut", setup_.ways.oidc || setup_.ways.token}}},
          {"homeNamespaces", setup_.home_namespaces}};
}

Door::KnownNamespaces SessionDoor::known_namespaces(Viewer&, std::stop_token stop) {
  auto names = setup_.home_namespaces;
  if (parts_.directory != nullptr) {
    auto all = parts_.directory->names(stop);
    names.insert(names.end(), std::make_move_iterator(all.begin()),
                 std::make_move_iterator(all.end()));
  }
  return {std::move(names), "portal"};
}

serve::HttpAnswer SessionDoor::with_session(serve::HttpAnswer answer,
                                            const SecretString& id) const {
  answer.headers.emplace_back("Set-Cookie",
                              set_cookie(Sessions::kCookie, id.reveal(), "SameSite=Strict"));
  return answer;
}

serve::HttpAnswer SessionDoor::sign_in(const SignIn& request, std::stop_token stop) {
  if (!setup_.ways.token)
    return to_answer(not_found("Signing in with a token is switched off here."));
  if (const auto wait = tries_.take(request.peer, parts_.clock.steady()); wait > Seconds(0))
    return to_answer(too_many("There were too many tries to sign in from your address.", wait));
  auto token = token_of(request.body);
  if (!token) return to_answer(token.error());
  Bearer bearer{{}, jwt_end(token->reveal()), {}};
  bearer.token = std::move(*token);
  auto signed_in = make_signed_in(std::move(bearer), nullptr);
  const auto viewer = signed_in.viewer;
  const auto identity = viewer->identity(stop);
  if (!identity) {
    log::info("sign-in refused",
              {{"by", "token"}, {"peer", request.peer}, {"status", identity.error().status}});
    return to_answer(identity.error().status == 401 ? unknown_token() : identity.error());
  }
  const auto id = sessions_.begin(std::move(signed_in), identity->user);
  if (!id) {
    return to_answer(id.error().kind == ErrorKind::Throttled
                         ? too_many("Too many people are signed in.", Seconds(60))
                         : problem_of(id.error()));
  }
  const auto old = cookie_value(request.cookies, Sessions::kCookie);
  if (!old.empty()) sessions_.end_by_hash(Sessions::hash_of(old));
  log::info("signed in",
            {{"user", core::plain_text(identity->user)}, {"by", "token"}, {"peer", request.peer}});
  const auto body = session_body(*this, *viewer, setup_.version, parts_.clock, stop);
  return with_session(json_answer(200, dump(body ? *body : json::object())), *id);
}

serve::HttpAnswer SessionDoor::sign_out(Viewer& viewer, std::stop_token stop) {
  const auto user = sessions_.end(viewer);
  log::info("signed out", {{"user", core::plain_text(user)}});
  std::string next = oidc_ ? oidc_->logout_url(stop) : "";
  if (next.empty()) next = "/signin";
  auto answer = json_answer(200, dump(json{{"next", next}}));
  answer.headers.emplace_back("Set-Cookie", drop_cookie(Sessions::kCookie));
  return answer;
}

std::optional<serve::HttpReply> SessionDoor::serve_own(const serve::HttpRequest& request) {
  const bool starts = request.path == "/signin/start";
  if (!oidc_ || (!starts && request.path != "/signin/callback")) return {};
  if (request.method != "GET") return serve::only("GET");
  const auto cookies = request.header("Cookie");
  if (starts) {
    const auto old = cookie_value(cookies, Sessions::kCookie);
    return parts_.workers.serve([this, to = local_path(request.parameter("to")),
                                 old_session = old.empty() ? "" : Sessions::hash_of(old)](
                                    std::stop_token stop) { return start(to, old_session, stop); });
  }
  auto callback = std::make_shared<Callback>(
      std::string(cookie_value(cookies, SignInCookies::kName)),
      std::string(request.parameter("state")), SecretString(std::string(request.parameter("code"))),
      std::string(request.parameter("error")), std::string(request.peer));
  return parts_.workers.serve(
      [this, callback](std::stop_token stop) { return finish(*callback, stop); });
}

serve::HttpAnswer SessionDoor::start(std::string to, std::string old_session,
                                     const std::stop_token& stop) {
  auto begun = oidc_->start(std::move(to), std::move(old_session), stop);
  if (!begun) return failed(begun.error(), "");
  const auto cookie = cookies_.seal(begun->attempt);
  if (!cookie) return failed({"issuer", cookie.error().message}, "");
  auto answer = redirect(302, std::move(begun->location));
  answer.headers.emplace_back(
      "Set-Cookie",
      set_cookie(SignInCookies::kName, *cookie,
                 fmt::format("SameSite=Lax; Max-Age={}", SignInCookies::kLifetime.count())));
  return answer;
}

serve::HttpAnswer SessionDoor::finish(const Callback& callback, const std::stop_token& stop) {
  auto entered = enter(callback, stop);
  auto answer = entered ? std::move(*entered) : failed(entered.error(), callback.peer);
  answer.headers.emplace_back("Set-Cookie", drop_cookie(SignInCookies::kName));
  return answer;
}

std::expected<serve::HttpAnswer, SignInFault> SessionDoor::enter(const Callback& callback,
                                                                 const std::stop_token& stop) {
  const auto fault = [](const char* step, std::string message) {
    return std::unexpected<SignInFault>(SignInFault{step, std::move(message)});
  };
  const auto attempt = cookies_.take(callback.cookie, callback.state, parts_.clock.wall());
  if (!attempt) return fault("state", "no sign-in under way has this state");
  if (callback.code.empty()) {
    return fault("refused", fmt::format("the issuer answers {}",
                                        core::cut_text(core::plain_text(callback.error), 64)));
  }
  auto granted = TRY(oidc_->redeem(*attempt, callback.code.reveal(), stop));
  auto signed_in = make_signed_in(std::move(granted.bearer), std::move(granted.renew));
  const auto identity = signed_in.viewer->identity(stop);
  if (!identity)
    return fault("cluster", fmt::format("the API server answers {}: {}", identity.error().status,
                                        identity.error().message));
  const auto id = sessions_.begin(std::move(signed_in), identity->user);
  if (!id) return fault("full", id.error().message);
  sessions_.end_by_hash(attempt->old_session);
  log::info("signed in",
            {{"user", core::plain_text(identity->user)}, {"by", "oidc"}, {"peer", callback.peer}});
  return with_session(redirect(303, attempt->to), *id);
}

serve::HttpAnswer SessionDoor::failed(const SignInFault& fault, std::string_view peer) const {
  const auto id = incident_id();
  log::warn("sign-in failed", {{"step", fault.step},
                               {"id", id},
                               {"peer", peer},
                               {"reason", core::plain_text(fault.message)}});
  return redirect(303, fmt::format("/signin/failed?step={}&id={}", fault.step, id));
}

}  // namespace apitoken::portal
