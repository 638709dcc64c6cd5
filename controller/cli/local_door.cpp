// Checks the key of a request, and the names of this machine in Host and Origin.
#include "cli/local_door.hpp"

#include <fmt/format.h>
#include <sys/random.h>

#include <array>

#include "base/base64.hpp"

namespace apitoken::cli {
namespace {

constexpr std::string_view kScheme = "Portal ";
constexpr std::array<std::string_view, 3> kNames{"127.0.0.1", "localhost", "[::1]"};

}  // namespace

SecretString make_portal_key() {
  std::string bytes(32, '\0');
  std::size_t got = 0;
  while (got < bytes.size()) {
    const auto more = getrandom(bytes.data() + got, bytes.size() - got, 0);
    if (more > 0) got += static_cast<std::size_t>(more);
  }
  std::string key = base64url_encode(bytes);
  wipe(bytes);
  return SecretString(std::move(key));
}

bool LocalDoor::is_our_host(std::string_view host) const {
  for (const auto name : kNames) {
    if (host == fmt::format("{}:{}", name, port_)) return true;
  }
  return false;
}

// Only the page's own origin: localhost and 127.0.0.1 are two origins to a browser.
bool LocalDoor::is_our_origin(std::string_view origin, std::string_view host) const {
  return origin == fmt::format("http://{}", host);
}

std::variant<std::shared_ptr<portal::Viewer>, portal::Problem> LocalDoor::admit(
    const serve::HttpRequest& request) {
  const auto given = request.header("Authorization");
  if (!given.starts_with(kScheme) ||
      !equal_constant_time(given.substr(kScheme.size()), setup_.key.reveal())) {
    portal::Problem problem{401, "Unauthorized", "The key of this portal is missing or wrong.",
                            "Open the link that kubectl apitoken web printed."};
    problem.extra = {{"mode", "local"},
                     {"signIn", nlohmann::json::array()},
                     {"issuerName", ""},
                     {"cluster", setup_.cluster}};
    return problem;
  }
  used_ = now();
  return viewer_;
}

nlohmann::json LocalDoor::about() const {
  return {{"mode", "local"},
          {"cluster", setup_.cluster},
          {"features",
           {{"temporaryToken", !setup_.read_only},
            {"readOnly", setup_.read_only},
            {"signIn", nlohmann::json::array()},
            {"issuer", ""},
            {"issuerName", ""},
            {"signOut", false}}},
          {"homeNamespaces", nlohmann::json::array()}};
}

portal::Door::KnownNamespaces LocalDoor::known_namespaces(portal::Viewer&, std::stop_token) {
  return {{setup_.name_space}, "kubeconfig"};
}

serve::HttpAnswer LocalDoor::sign_out(portal::Viewer&, std::stop_token) {
  return portal::json_answer(200, R"({"next":"/signin"})");
}

}  // namespace apitoken::cli
