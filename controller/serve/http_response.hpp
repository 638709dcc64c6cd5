// Turns replies into libmicrohttpd's responses. HttpExchange calls it on the serving threads. Each
// result of libmicrohttpd is checked, so that no answer is sent without one of its headers.
#pragma once

#include <memory>

#include "base/result.hpp"
#include "serve/http_message.hpp"
#include "serve/limits.hpp"

struct MHD_Connection;
struct MHD_Response;

namespace apitoken::serve {

struct DropResponse {
  void operator()(MHD_Response* response) const;
};
using Response = std::unique_ptr<MHD_Response, DropResponse>;

// Errors: Invalid, naming the header that cannot be sent; Unavailable if there is no memory.
Result<Response> make_response(HttpAnswer answer, const Limits& limits);
// The response reads `stream` until its end; `connection` is suspended while the stream is empty.
Result<Response> make_response(HttpAnswer head, std::shared_ptr<Stream> stream,
                               MHD_Connection* connection, const Limits& limits);

}  // namespace apitoken::serve
