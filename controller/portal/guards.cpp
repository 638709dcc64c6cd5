// Refuses requests that no page of the portal sends, and sets the headers that make browsers
// strict.
#include "portal/guards.hpp"

namespace apitoken::portal {
namespace {

Problem foreign(std::string message) {
  return {403, "Foreign", std::move(message), "Use the portal's own pages."};
}

bool is_json(std::string_view type) {
  return serve::same_name(type.substr(0, type.find_first_of("; ")), "application/json");
}

bool writes(std::string_view method) { return method != "GET" && method != "HEAD"; }

}  // namespace

std::optional<Problem> refuse_host(const serve::HttpRequest& request, const Door& door) {
  if (door.is_our_host(request.header("Host"))) return {};
  return Problem{421, "Misdirected", "This portal is not reached under that name.",
                 "Open the address that the portal was given to you under."};
}

std::optional<Problem> refuse_foreign(const serve::HttpRequest& request, const Door& door) {
  if (request.header(kPortalHeader) != "1")
    return foreign("The request does not come from a page of this portal.");
  const auto site = request.header("Sec-Fetch-Site");
  if (!site.empty() && site != "same-origin")
    return foreign("The request comes from a page of another site.");
  const auto origin = request.header("Origin");
  if (!origin.empty() && !door.is_our_origin(origin, request.header("Host")))
    return foreign("The request comes from a page of another site.");
  const bool has_body = !request.body.empty();
  if (writes(request.method) && (has_body || request.method != "DELETE") &&
      !is_json(request.header("Content-Type"))) {
    return Problem{415, "UnsupportedMediaType", "The body must be application/json.",
                   "Send JSON with Content-Type: application/json."};
  }
  return {};
}

std::vector<std::pair<const char*, std::string>> security_headers(bool https) {
  std::vector<std::pair<const char*, std::string>> headers{
      {"Content-Security-Policy",
       "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src "
       "'self'; font-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'; "
       "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"},
      {"X-Frame-Options", "DENY"},
      {"X-Content-Type-Options", "nosniff"},
      {"Referrer-Policy", "no-referrer"},
      {"Cross-Origin-Opener-Policy", "same-origin"},
      {"Cross-Origin-Resource-Policy", "same-origin"},
      {"Permissions-Policy",
       "accelerometer=(), autoplay=(), camera=(), clipboard-read=(), clipboard-write=(self), "
       "display-capture=(), encrypted-media=(), fullscreen=(), geolocation=(), gyroscope=(), "
       "magnetometer=(), microphone=(), midi=(), payment=(), picture-in-picture=(), "
       "publickey-credentials-get=(), screen-wake-lock=(), usb=(), xr-spatial-tracking=()"}};
  if (https) headers.emplace_back("Strict-Transport-Security", "max-age=31536000");
  return headers;
}

}  // namespace apitoken::portal
