// Checks DNS names.
#include "core/dns_name.hpp"

#include <algorithm>
#include <string>

namespace apitoken::core {
namespace {

constexpr std::size_t kMaxLabel = 63;
constexpr std::size_t kMaxName = 253;

bool is_lower_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_alnum(char c) { return is_lower_alnum(c) || (c >= 'A' && c <= 'Z'); }

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

bool is_label_value(std::string_view value) {
  return !value.empty() && value.size() <= kMaxLabel && is_alnum(value.front()) &&
         is_alnum(value.back()) && std::ranges::all_of(value, [](char c) {
           return is_alnum(c) || c == '-' || c == '_' || c == '.';
         });
}

bool is_label_name(std::string_view name) {
  const auto slash = name.find('/');
  if (slash == name.npos) return is_label_value(name);
  return is_dns_subdomain(name.substr(0, slash)) && is_label_value(name.substr(slash + 1));
}

bool is_annotation_name(std::string_view name) {
  std::string lower(name);
  const auto end = std::ranges::find(lower, '/');
  std::transform(lower.begin(), end, lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  return is_label_name(lower);
}

}  // namespace apitoken::core
