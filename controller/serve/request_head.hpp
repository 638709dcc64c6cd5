// Whether a request's head may be trusted to say where the request ends and what it asks for.
// libmicrohttpd 0.9.75 takes more than that, and its own strict mode drops connections without a
// word; so each head is judged here before anything else happens. HttpExchange asks, on the serving
// threads. Source: RFC 9112 sections 3, 5, 6; RFC 9110 section
// 5
#pragma once

#include <optional>

#include "serve/http_message.hpp"
#include "serve/limits.hpp"

namespace apitoken::serve {

// Where the parts of the head are in memory: libmicrohttpd parses it in place.
struct RawHead {
  const char* method = nullptr;
  const char* target = nullptr;
  std::size_t target_size = 0;
  bool target_is_plain = true;  // as it was received: neither blanks nor control characters
  const char* version = nullptr;
  std::size_t size = 0;  // from the method to the end of the empty line
};

// The answer if it is refused: 400, 414 or 431. The connection is to be closed after it.
std::optional<HttpAnswer> refuse_head(const RawHead& head, const HttpRequest& request,
                                      const Limits& limits);

// Whether a target holds neither blanks nor control characters.
bool is_plain_target(std::string_view target);

// Undoes percent-encoding; escapes that are none stay as they are. `form`: "+" is a blank.
std::string decode_percent(std::string_view text, bool form);
// The pairs of a query or of an application/x-www-form-urlencoded body.
std::vector<std::pair<std::string, std::string>> decode_form(std::string_view text);

}  // namespace apitoken::serve
