// Parses and checks the address of an API server before anything connects. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace apitoken::kube {

struct ServerUrl {
  std::string text;  // without a trailing slash
  std::string host;
  bool tls = true;
};

// Parses "https://host[:port][/prefix]". Refuses plain http except to a loopback host, user names,
// queries, and IPv6 literals, to which the HTTP library cannot connect. Errors: Invalid; `where`
// begins the message.
Result<ServerUrl> parse_server_url(std::string_view text, std::string_view where);

bool is_ip_address(const std::string& host);
bool is_loopback(const std::string& host);

}  // namespace apitoken::kube
