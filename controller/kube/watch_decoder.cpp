// Splits a watch into lines and decodes each.
#include "kube/watch_decoder.hpp"

#include <fmt/format.h>

#include <cstring>

namespace apitoken::kube {
namespace {

constexpr std::size_t kUsualLine = 256 * 1024;  // more memory than that is released after the line

std::optional<EventType> event_type(std::string_view name) {
  if (name == "ADDED") return EventType::Added;
  if (name == "MODIFIED") return EventType::Modified;
  if (name == "DELETED") return EventType::Deleted;
  if (name == "BOOKMARK") return EventType::Bookmark;
  if (name == "ERROR") return EventType::Error;
  return {};
}

}  // namespace

std::string_view version_of(api::Json object) {
  std::string_view version;
  return object["metadata"]["resourceVersion"].get(version) == simdjson::SUCCESS
             ? version
             : std::string_view();
}

Status WatchDecoder::feed(std::string_view bytes,
                          const std::function<void(const WatchEvent&)>& tell) {
  while (!bytes.empty()) {
    const auto newline = bytes.find('\n');
    TRY(append(bytes.substr(0, newline)));
    if (newline == std::string_view::npos) return {};
    bytes.remove_prefix(newline + 1);
    const bool blank = std::string_view(line_).substr(0, used_).find_first_not_of(" \t\r") ==
                       std::string_view::npos;
    if (!blank) {
      const auto event = TRY(decode_line());
      tell(event);
    }
    reset();
  }
  return {};
}

Status WatchDecoder::append(std::string_view bytes) {
  if (bytes.size() > max_line_ - used_) {
    return fail(ErrorKind::Decode, fmt::format("a watch event of more than {} bytes", max_line_));
  }
  const std::size_t needed = used_ + bytes.size() + simdjson::SIMDJSON_PADDING;
  if (line_.size() < needed) line_.resize(std::max(needed, 2 * line_.size()));
  std::memcpy(line_.data() + used_, bytes.data(), bytes.size());
  used_ += bytes.size();
  return {};
}

Result<WatchEvent> WatchDecoder::decode_line() {
  api::Json event;
  std::string_view name;
  WatchEvent result{};
  if (const auto error = api::parse_document(parser_, {line_.data(), used_}, true).get(event)) {
    return fail(ErrorKind::Decode, fmt::format("malformed JSON in a watch event of {} bytes: {}",
                                               used_, simdjson::error_message(error)));
  }
  if (event["type"].get(name) != simdjson::SUCCESS ||
      event["object"].get(result.object) != simdjson::SUCCESS || !result.object.is_object()) {
    return fail(ErrorKind::Decode,
                fmt::format("a watch event of {} bytes without type and object", used_));
  }
  const auto type = event_type(name);
  if (!type)
    return fail(ErrorKind::Decode,
                fmt::format("a watch event of unknown type \"{}\"", name.substr(0, 40)));
  result.type = *type;
  return result;
}

void WatchDecoder::reset() {
  used_ = 0;
  if (line_.size() > kUsualLine) shrink();
}

void WatchDecoder::shrink() {
  line_ = std::string();
  parser_ = simdjson::dom::parser();
}

}  // namespace apitoken::kube
