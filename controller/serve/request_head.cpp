// Checks the head of a request, and decodes percent-encoding and forms.
#include "serve/request_head.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/ascii.hpp"
#include "serve/refusals.hpp"

namespace apitoken::serve {
namespace {

constexpr std::size_t kLineEnd = 2;  // CR LF

bool is_token(std::string_view text) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [=](char c) {
    return is_letter_or_digit(c) || kOthers.find(c) != kOthers.npos;
  });
}

bool is_field_text(std::string_view text) {
  return std::ranges::all_of(text,
                             [](unsigned char c) { return c == '\t' || (c >= 0x20 && c != 0x7F); });
}

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_digit);
}

// libmicrohttpd reads lines as C strings, so bytes after a NUL, folded lines and bare line feeds
// leave gaps between the parts that it found. Only separators may be between the parts.
bool has_hidden_bytes(const RawHead& head, const HttpRequest& request) {
  if (head.method + request.method.size() + 1 != head.target) return true;
  if (head.target + head.target_size + 1 != head.version) return true;
  const char* end = head.version + std::strlen(head.version);
  for (const auto& [name, value] : request.headers) {
    if (name.data() != end + kLineEnd) return true;
    end = value.data() + value.size();
  }
  return head.method + head.size != end + 2 * kLineEnd;
}

struct Lookup {
  std::size_t count = 0;
  std::string_view value;
};

Lookup look_up(const HttpRequest& request, std::string_view name) {
  Lookup found;
  for (const auto& [other, value] : request.headers) {
    if (same_name(other, name)) {
      ++found.count;
      found.value = value;
    }
  }
  return found;
}

// Why the body's length is ambiguous; empty if it is not.
std::string_view doubt_about_length(const RawHead& head, const HttpRequest& request) {
  const auto length = look_up(request, "Content-Length");
  const auto encoding = look_up(request, "Transfer-Encoding");
  if (length.count > 1) return "send one Content-Length";
  if (length.count == 1 && !is_number(length.value)) return "Content-Length is no number";
  if (encoding.count == 0) return {};
  if (length.count != 0) return "send either Content-Length or Transfer-Encoding";
  const bool chunked = same_name(encoding.value, "chunked");
  if (encoding.count > 1 || !chunked)
    return "the only Transfer-Encoding understood here is chunked";
  return std::string_view(head.version) == "HTTP/1.0" ? "HTTP/1.0 knows no Transfer-Encoding"
                                                      : std::string_view();
}

std::string_view fault_of(const RawHead& head, const HttpRequest& request) {
  if (head.shows_gaps && has_hidden_bytes(head, request))
    return "the head holds NUL, a bare line feed or a folded line";
  if (!is_token(request.method)) return "the method is no token";
  if (!head.target_is_plain) return "the target holds blanks or control characters";
  if (request.path.find('\0') != request.path.npos) return "the path holds NUL";
  for (const auto& [name, value] : request.headers) {
    if (!is_token(name)) return "a header's name is no token";
    if (!is_field_text(value)) return "a header's value holds control characters";
  }
  const auto hosts = look_up(request, "Host").count;
  if (hosts > 1 || (hosts == 0 && std::string_view(head.version) != "HTTP/1.0"))
    return "send one Host header";
  if (look_up(request, "Authorization").count > 1) return "send one Authorization header";
  return doubt_about_length(head, request);
}

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::optional<HttpAnswer> refuse_head(const RawHead& head, const HttpRequest& request,
                                      const Limits& limits) {
  if (head.target_size > limits.target_bytes) {
    return plain(414, fmt::format("the target is longer than {} bytes\n", limits.target_bytes));
  }
  if (head.size > limits.head_bytes) {
    return plain(431, fmt::format("the head is longer than {} bytes\n", limits.head_bytes));
  }
  if (request.headers.size() > limits.headers) {
    return plain(431, fmt::format("there are more than {} headers\n", limits.headers));
  }
  const auto fault = fault_of(head, request);
  if (fault.empty()) return {};
  return plain(400, fmt::format("{}\n", fault));
}

bool is_plain_target(std::string_view target) {
  return std::ranges::all_of(target, [](unsigned char c) { return c > 0x20 && c != 0x7F; });
}

std::string decode_percent(std::string_view text, bool form) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
    if (low >= 0) {
      result += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      result += form && text[i] == '+' ? ' ' : text[i];
    }
  }
  return result;
}

std::vector<std::pair<std::string, std::string>> decode_form(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> pairs;
  while (!text.empty()) {
    const auto pair = text.substr(0, std::min(text.find('&'), text.size()));
    const auto equals = std::min(pair.find('='), pair.size());
    pairs.emplace_back(decode_percent(pair.substr(0, equals), true),
                       decode_percent(pair.substr(std::min(equals + 1, pair.size())), true));
    text.remove_prefix(std::min(pair.size() + 1, text.size()));
  }
  return pairs;
}

}  // namespace apitoken::serve
