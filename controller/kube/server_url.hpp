// The address of an API server, taken apart and checked before anything connects. Pure; any thread.
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

// Takes "https://host[:port][/prefix]". Plain http is refused but for a loopback host; so are user
// names, queries and IPv6 literals (the HTTP library cannot connect to them). Errors: Invalid;
// `where` begins the message.
Result<ServerUrl> parse_server_url(std::string_view text, std::string_view where);

bool is_ip_address(const std::string& host);
bool is_loopback(const std::string& host);

}  // namespace apitoken::kube
