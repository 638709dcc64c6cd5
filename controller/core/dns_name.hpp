// Names by RFC 1123, lower case, as Kubernetes requires them, and names of labels and annotations.
// Pure; any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace apitoken::core {

// A namespace: 1 to 63 of a-z, 0-9 and '-', with a letter or digit at both ends.
bool is_dns_label(std::string_view name);

constexpr std::size_t kMaxSubdomain = 253;
// The name of most objects: labels of any length with dots between them, at most kMaxSubdomain
// characters.
bool is_dns_subdomain(std::string_view name);

// The name of a label: a DNS prefix and "/", which may be missing, and at most 63 letters, digits,
// '-', '_' and '.' with a letter or digit at both ends.
bool is_label_name(std::string_view name);
// The same, but the prefix may have capital letters.
bool is_annotation_name(std::string_view name);
// A label's value that is not empty.
bool is_label_value(std::string_view value);

}  // namespace apitoken::core
