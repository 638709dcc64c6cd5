// Names by RFC 1123, lower case, as Kubernetes requires them. Pure; any thread.
#pragma once

#include <string_view>

namespace apitoken::core {

// A namespace: 1 to 63 of a-z, 0-9 and '-', with a letter or digit at both ends.
bool is_dns_label(std::string_view name);

// The name of most objects: labels of any length with dots between them, at most 253 characters.
bool is_dns_subdomain(std::string_view name);

}  // namespace apitoken::core
