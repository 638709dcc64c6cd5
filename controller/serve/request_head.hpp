// Checks a request's head before anything else happens: it must say without doubt where the request
// ends and what it asks for. libmicrohttpd 0.9.75 accepts ambiguous heads, and its strict mode
// closes connections without an answer; 1.0 has a strict mode that answers, which HttpServer asks
// for. HttpExchange calls it on the serving threads.
// Source: RFC 9112 sections 3, 5, 6; RFC 9110 section 5
#pragma once

#include <optional>

#include "serve/http_message.hpp"
#include "serve/limits.hpp"

namespace apitoken::serve {

// The parts of the head in memory, where libmicrohttpd parses it in place.
struct RawHead {
  const char* method = nullptr;
  const char* target = nullptr;
  std::size_t target_size = 0;
  bool target_is_plain = true;  // as received, it has neither blanks nor control characters
  const char* version = nullptr;
  std::size_t size = 0;    // from the method to the end of the empty line
  bool shows_gaps = true;  // hidden bytes are seen as gaps between the parts; not in 1.0
};

// The refusal, 400, 414 or 431, after which the connection must be closed; empty if the head is
// valid.
std::optional<HttpAnswer> refuse_head(const RawHead& head, const HttpRequest& request,
                                      const Limits& limits);

// Whether a target has neither blanks nor control characters.
bool is_plain_target(std::string_view target);

// Decodes percent-encoding; malformed escapes stay as they are. `form`: "+" is a blank.
std::string decode_percent(std::string_view text, bool form);
// The pairs of a query or of an application/x-www-form-urlencoded body.
std::vector<std::pair<std::string, std::string>> decode_form(std::string_view text);

}  // namespace apitoken::serve
