// Checks names before they become parts of a path.
#include "portal/names.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.hpp"
#include "core/dns_name.hpp"
#include "core/plain_text.hpp"

namespace apitoken::portal {
namespace {

constexpr std::size_t kMaxName = 253;
constexpr std::size_t kMaxUid = 64;
constexpr std::size_t kShown = 80;

std::string shown(std::string_view text) { return core::cut_text(core::plain_text(text), kShown); }

}  // namespace

bool is_namespace(std::string_view text) { return core::is_dns_label(text); }

bool is_object_name(std::string_view text) { return core::is_dns_subdomain(text); }

bool is_user(std::string_view text) {
  return !text.empty() && text.size() <= kMaxName && !core::has_invisible(text);
}

bool is_token_hash(std::string_view text) {
  constexpr std::string_view kPrefix = "sha256:";
  return text.size() == kPrefix.size() + 64 && text.starts_with(kPrefix) &&
         std::ranges::all_of(text.substr(kPrefix.size()), is_lower_hex);
}

bool is_uid(std::string_view text) {
  return !text.empty() && text.size() <= kMaxUid &&
         std::ranges::all_of(text, [](char c) { return is_letter_or_digit(c) || c == '-'; });
}

Expected<void> check_namespace(std::string_view text) {
  if (is_namespace(text)) return {};
  return refuse(bad_request(
      "namespace", fmt::format("\"{}\" is no namespace: allowed are at most 63 of a-z, 0-9 and -, "
                               "with a letter or digit at either end",
                               shown(text))));
}

Expected<void> check_name(std::string_view text, std::string_view field) {
  if (is_object_name(text)) return {};
  return refuse(bad_request(std::string(field),
                            fmt::format("\"{}\" is no name: allowed are at most 253 of a-z, 0-9, - "
                                        "and ., with a letter or digit at either end",
                                        shown(text))));
}

Expected<void> check_uid(std::string_view text) {
  if (is_uid(text)) return {};
  return refuse(bad_request("uid", text.empty() ? "uid is missing: name the object by its uid"
                                                : fmt::format("\"{}\" is no uid", shown(text))));
}

std::string_view parameter(const Query& query, std::string_view name) {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return {};
}

std::vector<std::string> parameters(const Query& query, std::string_view name) {
  std::vector<std::string> values;
  for (const auto& [key, value] : query) {
    if (key == name) values.push_back(value);
  }
  return values;
}

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> parts;
  if (path.starts_with('/')) path.remove_prefix(1);
  if (path.ends_with('/')) path.remove_suffix(1);
  while (true) {
    const auto slash = std::min(path.find('/'), path.size());
    parts.emplace_back(path.substr(0, slash));
    if (slash == path.size()) return parts;
    path.remove_prefix(slash + 1);
  }
}

}  // namespace apitoken::portal
