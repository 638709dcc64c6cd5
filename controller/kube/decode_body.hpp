// decode_body: parses the body of an answer and decodes the object in it. Any thread; the decoded
// value owns its data. The parser's memory, which may hold a token, is freed (and so wiped) with
// the call.
//
//   auto meta = decode_body(body, api::decode_meta);  // Result<api::ObjectMeta>
#pragma once

#include <string_view>
#include <type_traits>

#include "api/json.hpp"

namespace apitoken::kube {

// Errors: Decode if `body` is not JSON; those of `decode`.
template <typename Decode>
std::invoke_result_t<Decode, api::Json> decode_body(std::string_view body, Decode decode) {
  api::JsonParser parser;
  return decode(TRY(parser.parse(body)));
}

// The same for an answer; its error, if it has one, is returned.
template <typename Decode>
std::invoke_result_t<Decode, api::Json> decode_body(const Result<std::string>& answer,
                                                    Decode decode) {
  if (!answer) return std::unexpected(answer.error());
  return decode_body(std::string_view(*answer), std::move(decode));
}

}  // namespace apitoken::kube
