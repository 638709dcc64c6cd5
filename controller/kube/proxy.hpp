// Proxies between us and the API server: proxy-url of a kubeconfig, else HTTPS_PROXY and NO_PROXY,
// by the rules of Go's net/http, which kubectl follows. Credentials ask once, at start; ProxyRelay
// speaks to the proxy. Any thread that changes no environment.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/secret_string.hpp"
#include "kube/server_url.hpp"

namespace apitoken::kube {

struct Proxy {
  // An HTTP proxy that takes CONNECT, the same over TLS, or a SOCKS5 proxy.
  enum class Kind { Http, Https, Socks5 };
  Kind kind = Kind::Http;
  std::string host;  // a name or an IP address, without brackets
  std::string port;
  std::string user;
  SecretString password;

  bool has_login() const { return !user.empty() || !password.empty(); }
  // "socks5://host:port". `login` goes before the host.
  std::string address(std::string_view login = "") const;
};

// Parses "http://[user:password@]host[:port]", and the same with https, socks5 or socks5h. The
// scheme may be missing, as with Go: http. Each SOCKS5 proxy resolves names itself, as with Go.
// Errors: Invalid; `where` begins the message, which never has the login.
Result<Proxy> parse_proxy(std::string_view text, std::string_view where);

// Whether NO_PROXY exempts this host. Loopback hosts are always exempt. An entry is "*", an IP
// address, a CIDR, a domain (with its subdomains), ".domain" or "*.domain" (subdomains only), each
// but "*" and a CIDR with ":port" if it is for that port alone.
bool is_exempt_from_proxy(std::string_view no_proxy, std::string_view host, std::string_view port);

// The proxy that the environment names for this server; none: connect directly. For a pod that
// reaches the API server by name, KUBERNETES_SERVICE_HOST in NO_PROXY counts too. Errors: Invalid,
// naming the variable and the remedy.
Result<std::optional<Proxy>> proxy_of_environment(const ServerUrl& server);

}  // namespace apitoken::kube
