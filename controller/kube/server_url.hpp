// Parses and checks the address of an API server before anything connects. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace apitoken::kube {

// The API server's name in every cluster.
inline constexpr std::string_view kApiServerName = "kubernetes.default.svc";

struct ServerUrl {
  std::string text;  // without a trailing slash
  std::string host;
  std::string port;    // that of the scheme if the URL has none
  std::string prefix;  // "/prefix", or empty
  bool tls = true;
};

// Parses "https://host[:port][/prefix]". Refuses plain http except to a loopback host, user names,
// queries, and IPv6 literals, to which the HTTP library cannot connect. Errors: Invalid; `where`
// begins the message.
Result<ServerUrl> parse_server_url(std::string_view text, std::string_view where);

bool is_ip_address(const std::string& host);
bool is_loopback(const std::string& host);

}  // namespace apitoken::kube
