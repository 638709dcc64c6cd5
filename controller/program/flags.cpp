// Setters and checks that tables of flags share.
#include "program/flags.hpp"

#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <cstdint>

#include "base/ascii.hpp"
#include "core/dns_name.hpp"
#include "serve/bind_address.hpp"

namespace apitoken {
namespace {

bool is_ipv6(std::string_view text) {
  in6_addr address;
  return inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1;
}

// HOST[:PORT] of a URL; an IPv6 address is in brackets.
bool is_authority(std::string_view text) {
  const bool bracketed = text.starts_with('[');
  const auto end = bracketed ? text.find(']') : std::min(text.find(':'), text.size());
  if (end == text.npos) return false;
  const auto host = text.substr(0, end);
  if (bracketed ? !is_ipv6(host.substr(1))
                : host.empty() || !std::ranges::all_of(host, is_host_character))
    return false;
  const auto rest = text.substr(bracketed ? end + 1 : end);
  const auto digits = rest.substr(std::min<std::size_t>(1, rest.size()));
  std::uint16_t port = 0;
  const auto [stopped, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  const bool is_port = error == std::errc() && stopped == digits.data() + digits.size() && port > 0;
  return rest.empty() || (rest.starts_with(':') && is_port);
}

}  // namespace

bool is_host_character(char c) { return is_letter_or_digit(c) || c == '.' || c == '-' || c == '_'; }

bool is_plain_https_url(std::string_view value) {
  constexpr std::string_view kScheme = "https://";
  if (!value.starts_with(kScheme)) return false;
  const auto rest = value.substr(kScheme.size());
  const auto fits = [](char c) {
    return c > ' ' && c < 127 &&
           std::string_view("?#@\"\\<>^`{|}").find(c) == std::string_view::npos;
  };
  return std::ranges::all_of(rest, fits) &&
         is_authority(rest.substr(0, std::min(rest.find('/'), rest.size())));
}

Complaint set_bool(bool& field, std::string_view value) {
  constexpr std::array<std::string_view, 5> kTrue{"true", "TRUE", "True", "t", "1"};
  constexpr std::array<std::string_view, 5> kFalse{"false", "FALSE", "False", "f", "0"};
  const bool yes = std::ranges::find(kTrue, value) != kTrue.end();
  if (!yes && std::ranges::find(kFalse, value) == kFalse.end()) return "allowed are true and false";
  field = yes;
  return {};
}

Complaint set_bind_address(std::string& field, std::string_view value) {
  if (value != serve::kNoAddress && !serve::parse_bind_address(value)) {
    return "allowed are host:port, :port, [IPv6]:port, and 0 for none";
  }
  field = value;
  return {};
}

Complaint set_file(std::string& field, std::string_view value) {
  if (value.empty()) return "the path of a file is wanted";
  field = value;
  return {};
}

Complaint set_whole_number(int& field, std::string_view value, int least, int most) {
  int number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || number < least ||
      number > most) {
    return fmt::format("allowed are whole numbers from {} to {}", least, most);
  }
  field = number;
  return {};
}

Complaint set_log_level(log::Level& field, std::string_view value) {
  constexpr std::array<std::string_view, 4> kLevels{"debug", "info", "warn", "error"};
  const auto found = std::ranges::find(kLevels, value);
  if (found == kLevels.end()) return "allowed are debug, info, warn and error";
  field = static_cast<log::Level>(found - kLevels.begin());
  return {};
}

Complaint set_log_format(log::Format& field, std::string_view value) {
  if (value != "text" && value != "json") return "allowed are text and json";
  field = value == "json" ? log::Format::Json : log::Format::Text;
  return {};
}

Complaint add_items(std::vector<std::string>& items, std::string_view value,
                    Complaint (*refuse)(std::string_view)) {
  while (!value.empty()) {
    const auto comma = std::min(value.find(','), value.size());
    const auto item = trimmed(value.substr(0, comma), " ");
    if (auto complaint = refuse(item)) return complaint;
    items.emplace_back(item);
    value.remove_prefix(std::min(comma + 1, value.size()));
  }
  return {};
}

Complaint refuse_namespace(std::string_view name) {
  if (core::is_dns_label(name)) return {};
  return fmt::format(
      "\"{}\" is no namespace: allowed are at most 63 of a-z, 0-9 and -, with no - at either end",
      name);
}

std::optional<FlagArgument> split_argument(std::string_view argument) {
  if (!argument.starts_with('-') || argument.find_first_not_of('-') == std::string_view::npos)
    return {};
  const auto text = argument.substr(argument.starts_with("--") ? 2 : 1);
  const auto equals = text.find('=');
  FlagArgument split{text.substr(0, equals), {}};
  if (equals != std::string_view::npos) split.value = text.substr(equals + 1);
  return split;
}

}  // namespace apitoken
