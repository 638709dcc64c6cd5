// The pieces of HTTP requests that the operator reads itself: targets, queries and form bodies,
// bearer tokens, and what a caller shows as one.
#include "fuzz/fuzz.hpp"
#include "serve/credential.hpp"
#include "serve/request_head.hpp"
#include "verify/answers.hpp"

namespace apitoken::fuzz {

void fuzz(std::string_view input) {
  serve::HttpRequest request{.method = "GET", .path = "/auth"};
  request.headers.emplace_back("Authorization", input);
  require(request.bearer_token().size() <= input.size(), "a token is part of its header");
  (void)serve::examine_credential(input);
  (void)serve::is_plain_target(input);
  for (const bool form : {true, false})
    require(serve::decode_percent(input, form).size() <= input.size(), "decoding adds nothing");
  std::size_t decoded = 0;
  for (const auto& [name, value] : serve::decode_form(input)) decoded += name.size() + value.size();
  require(decoded <= input.size(), "the pairs of a form are no longer than the form");
  if (const auto field = verify::form_field(input, "token"))
    require(field->size() <= input.size(), "a field is part of its form");
}

}  // namespace apitoken::fuzz
