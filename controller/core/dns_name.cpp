// Checks DNS names.
#include "core/dns_name.hpp"

#include <algorithm>
#include <string>

#include "base/ascii.hpp"

namespace apitoken::core {
namespace {

constexpr std::size_t kMaxLabel = 63;

bool is_lower_alnum(char c) { return is_lower_letter(c) || is_digit(c); }

bool is_label_of_any_length(std::string_view text) {
  return !text.empty() && is_lower_alnum(text.front()) && is_lower_alnum(text.back()) &&
         std::ranges::all_of(text, [](char c) { return is_lower_alnum(c) || c == '-'; });
}

}  // namespace

bool is_dns_label(std::string_view name) {
  return name.size() <= kMaxLabel && is_label_of_any_length(name);
}

bool is_dns_subdomain(std::string_view name) {
  if (name.size() > kMaxSubdomain) return false;
  for (auto dot = name.find('.'); dot != name.npos; dot = name.find('.')) {
    if (!is_label_of_any_length(name.substr(0, dot))) return false;
    name.remove_prefix(dot + 1);
  }
  return is_label_of_any_length(name);
}

bool is_label_value(std::string_view value) {
  return !value.empty() && value.size() <= kMaxLabel && is_letter_or_digit(value.front()) &&
         is_letter_or_digit(value.back()) && std::ranges::all_of(value, [](char c) {
           return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.';
         });
}

bool is_label_name(std::string_view name) {
  const auto slash = name.find('/');
  if (slash == name.npos) return is_label_value(name);
  return is_dns_subdomain(name.substr(0, slash)) && is_label_value(name.substr(slash + 1));
}

bool is_annotation_name(std::string_view name) {
  const auto prefix = name.substr(0, name.find('/'));
  return is_label_name(to_lower(prefix).append(name.substr(prefix.size())));
}

}  // namespace apitoken::core
