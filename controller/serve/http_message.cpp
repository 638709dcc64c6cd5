// Looks up headers and parameters; answers for a Responder that was not used.
#include "serve/http_message.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "serve/refusals.hpp"

namespace apitoken::serve {
namespace {

constexpr std::string_view kBearer = "Bearer ";

std::string_view value_of(const auto& pairs, auto has_name) {
  const auto found =
      std::ranges::find_if(pairs, [&](const auto& pair) { return has_name(pair.first); });
  return found == pairs.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b,
                            [](char one, char other) { return to_lower(one) == to_lower(other); });
}

std::string_view HttpRequest::header(std::string_view name) const {
  return value_of(headers, [name](std::string_view other) { return same_name(name, other); });
}

std::string_view HttpRequest::parameter(std::string_view name) const {
  return value_of(query, [name](std::string_view other) { return name == other; });
}

std::string_view HttpRequest::bearer_token() const {
  auto token = header("Authorization");
  if (!same_name(token.substr(0, kBearer.size()), kBearer)) return {};
  token.remove_prefix(kBearer.size());
  while (token.starts_with(' ')) token.remove_prefix(1);
  while (token.ends_with(' ')) token.remove_suffix(1);
  return token;
}

Responder::~Responder() {
  if (send_) send_(unavailable("nobody could answer this request now; try again\n"));
}

void Responder::answer(HttpReply reply) && { std::exchange(send_, nullptr)(std::move(reply)); }

}  // namespace apitoken::serve
