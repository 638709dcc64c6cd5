// Checks DNS names.
#include "core/dns_name.hpp"

#include <algorithm>

namespace apitoken::core {
namespace {

constexpr std::size_t kMaxLabel = 63;
constexpr std::size_t kMaxName = 253;

bool is_lower_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_label_of_any_length(std::string_view text) {
  return !text.empty() && is_lower_alnum(text.front()) && is_lower_alnum(text.back()) &&
         std::ranges::all_of(text, [](char c) { return is_lower_alnum(c) || c == '-'; });
}

}  // namespace

bool is_dns_label(std::string_view name) {
  return name.size() <= kMaxLabel && is_label_of_any_length(name);
}

bool is_dns_subdomain(std::string_view name) {
  if (name.size() > kMaxName) return false;
  for (auto dot = name.find('.'); dot != name.npos; dot = name.find('.')) {
    if (!is_label_of_any_length(name.substr(0, dot))) return false;
    name.remove_prefix(dot + 1);
  }
  return is_label_of_any_length(name);
}

}  // namespace apitoken::core
