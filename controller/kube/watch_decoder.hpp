// WatchDecoder: decodes the bytes of a watch, which come in pieces of any size, into events: one
// JSON document a line. ListWatch owns one. No I/O; one thread. Source:
// https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
#pragma once

#include <simdjson.h>

#include <functional>
#include <string>
#include <string_view>

#include "api/json.hpp"

namespace apitoken::kube {

enum class EventType { Added, Modified, Deleted, Bookmark, Error };

// `object` is valid until the next event.
struct WatchEvent {
  EventType type;
  api::Json object;
};

// The resourceVersion of an object, a list or a bookmark; empty if it has none. Valid as long as
// `object`.
std::string_view version_of(api::Json object);

class WatchDecoder {
 public:
  static constexpr std::size_t kMaxLine = 64 * 1024 * 1024;

  explicit WatchDecoder(std::size_t max_line = kMaxLine) : max_line_(max_line) {}

  // Takes the next bytes and calls `tell` for each event that they complete. Errors: Decode if a
  // line is not an event or is too long; the rest of the stream is then useless. Memory for an
  // unusually large line is released after it.
  Status feed(std::string_view bytes, const std::function<void(const WatchEvent&)>& tell);
  // Whether a line has begun that has not ended.
  bool mid_line() const { return used_ != 0; }
  // Drops an unfinished line: the next bytes are of a new stream.
  void reset();

 private:
  Status append(std::string_view bytes);
  Result<WatchEvent> decode_line();
  void shrink();

  const std::size_t max_line_;
  simdjson::dom::parser parser_;
  std::string line_;  // used_ bytes of the line so far, then room for simdjson's padding
  std::size_t used_ = 0;
};

}  // namespace apitoken::kube
