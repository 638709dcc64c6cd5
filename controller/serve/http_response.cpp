// Bodies of one part, of several parts and of streams, and their headers.
#include "serve/http_response.hpp"

#include <fmt/format.h>
#include <microhttpd.h>

#include <cstring>

#include "base/log.hpp"
#include "base/secret_string.hpp"

namespace apitoken::serve {
namespace {

constexpr std::size_t kBlock = 16 * 1024;

// A body in parts: those that exist, then those that are made when the peer has room.
struct Outgoing {
  std::vector<std::string> parts;
  std::function<std::string()> rest;
  std::size_t part = 0;
  std::size_t at = 0;  // position in the part

  std::uint64_t size() const {
    if (rest) return MHD_SIZE_UNKNOWN;
    std::uint64_t sum = 0;
    for (const auto& one : parts) sum += one.size();
    return sum;
  }
  // False at the end.
  bool advance() {
    while (part < parts.size() && at == parts[part].size()) {
      parts[part++] = {};
      at = 0;
    }
    if (part < parts.size()) return true;
    if (!rest) return false;
    parts = {rest()};
    part = 0;
    return !parts.front().empty();
  }
  static ssize_t read(void* self, std::uint64_t, char* block, std::size_t size) {
    auto& body = *static_cast<Outgoing*>(self);
    try {
      if (!body.advance()) return MHD_CONTENT_READER_END_OF_STREAM;
    } catch (const std::exception& error) {  // must not unwind through C
      log::error("cannot make the rest of an answer", {{"error", error.what()}});
      return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    const auto copied = body.parts[body.part].copy(block, size, body.at);
    body.at += copied;
    return static_cast<ssize_t>(copied);
  }
  static void done(void* self) { delete static_cast<Outgoing*>(self); }
};

struct OutgoingStream {
  std::shared_ptr<Stream> stream;

  static ssize_t read(void* self, std::uint64_t, char* block, std::size_t size) {
    const auto taken = static_cast<OutgoingStream*>(self)->stream->take(block, size);
    if (taken.broken) return MHD_CONTENT_READER_END_WITH_ERROR;
    return taken.ended ? MHD_CONTENT_READER_END_OF_STREAM : static_cast<ssize_t>(taken.bytes);
  }
  static void done(void* self) {
    const std::unique_ptr<OutgoingStream> owned(static_cast<OutgoingStream*>(self));
    owned->stream->detach();
  }
};

Response from_parts(HttpAnswer& answer) {
  auto outgoing = std::make_unique<Outgoing>(std::move(answer.more), std::move(answer.rest));
  outgoing->parts.insert(outgoing->parts.begin(), std::move(answer.body));
  auto* response = MHD_create_response_from_callback(outgoing->size(), kBlock, &Outgoing::read,
                                                     outgoing.get(), &Outgoing::done);
  if (response != nullptr) outgoing.release();  // the response's from here on
  return Response(response);
}

// Sends one string without a copy, and wipes it afterwards: introspection tells much about a token.
Response from_body(std::string body) {
  auto kept = std::make_unique<std::string>(std::move(body));
  const auto done = +[](void* self) {
    const std::unique_ptr<std::string> owned(static_cast<std::string*>(self));
    wipe(*owned);
  };
  auto* response = MHD_create_response_from_buffer_with_free_callback_cls(
      kept->size(), kept->data(), done, kept.get());
  if (response != nullptr) kept.release();  // the response's from here on
  return Response(response);
}

Result<Response> with_headers(Response response, const HttpAnswer& answer, const Limits& limits) {
  if (!response) return fail(ErrorKind::Unavailable, "there is no memory for a response");
  std::size_t size = 0;
  const auto add = [&](const char* name, const std::string& value) {
    size += std::strlen(name) + value.size() + 4;
    return MHD_add_response_header(response.get(), name, value.c_str()) == MHD_YES;
  };
  const auto refuse = [](const char* name) {
    return fail(ErrorKind::Invalid,
                fmt::format("the header {} cannot be sent: it is empty or holds a line end", name));
  };
  if (!answer.content_type.empty() && !add(MHD_HTTP_HEADER_CONTENT_TYPE, answer.content_type)) {
    return refuse(MHD_HTTP_HEADER_CONTENT_TYPE);
  }
  for (const auto& [name, value] : answer.headers) {
    if (!add(name, value)) return refuse(name);
  }
  if (size > limits.answer_head_bytes) {
    return fail(ErrorKind::Invalid,
                fmt::format("the headers of the answer take {} bytes; at most {} are sent", size,
                            limits.answer_head_bytes));
  }
  return response;
}

}  // namespace

void DropResponse::operator()(MHD_Response* response) const { MHD_destroy_response(response); }

Result<Response> make_response(HttpAnswer answer, const Limits& limits) {
  const bool whole = answer.more.empty() && !answer.rest;
  auto response = whole ? from_body(std::move(answer.body)) : from_parts(answer);
  return with_headers(std::move(response), answer, limits);
}

Result<Response> make_response(HttpAnswer head, std::shared_ptr<Stream> stream,
                               MHD_Connection* connection, const Limits& limits) {
  stream->attach({[connection] { MHD_suspend_connection(connection); },
                  [connection] { MHD_resume_connection(connection); }});
  auto outgoing = std::make_unique<OutgoingStream>(std::move(stream));
  Response response(MHD_create_response_from_callback(
      MHD_SIZE_UNKNOWN, kBlock, &OutgoingStream::read, outgoing.get(), &OutgoingStream::done));
  if (response) outgoing.release();  // the response's from here on
  return with_headers(std::move(response), head, limits);
}

}  // namespace apitoken::serve
