// WatchDecoder: makes events of the bytes of a watch, which come in pieces of any size: one JSON
// document a line. A reflector owns one. No I/O; not shared between threads. Source:
// https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
#pragma once

#include <simdjson.h>

#include <functional>
#include <string>
#include <string_view>

#include "api/json.hpp"

namespace apitoken::kube {

enum class EventType { Added, Modified, Deleted, Bookmark, Error };

// `object` lives until the next event.
struct WatchEvent {
  EventType type;
  api::Json object;
};

class WatchDecoder {
 public:
  static constexpr std::size_t kMaxLine = 64 * 1024 * 1024;

  explicit WatchDecoder(std::size_t max_line = kMaxLine) : max_line_(max_line) {}

  // Takes the next bytes and tells each event that they complete. Errors: Decode (a line that is no
  // event, or too long); the stream is then worth nothing more. Memory that an unusually large line
  // took is given back.
  Status feed(std::string_view bytes, const std::function<void(const WatchEvent&)>& tell);
  // A line has begun that did not end.
  bool mid_line() const { return used_ != 0; }
  // Forgets a begun line: the next bytes are of a new stream.
  void reset();

 private:
  Status append(std::string_view bytes);
  Result<WatchEvent> decode_line();
  void shrink();

  const std::size_t max_line_;
  simdjson::dom::parser parser_;
  std::string
      line_;  // the line so far in its first used_ bytes, and room for simdjson's padding after it
  std::size_t used_ = 0;
};

}  // namespace apitoken::kube
