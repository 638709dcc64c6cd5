// Encodes Events.
#include "api/event.hpp"

#include <nlohmann/json.hpp>

#include "api/names.hpp"
#include "base/rfc3339.hpp"

namespace apitoken::api {
namespace {

constexpr std::size_t kMaxNote = 1000;

std::string cut(std::string_view note) {
  if (note.size() <= kMaxNote) return std::string(note);
  std::size_t end = kMaxNote - 3;
  const auto is_continuation = [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
  };
  while (end > 0 && is_continuation(note[end])) --end;  // never inside a UTF-8 character
  return std::string(note.substr(0, end)) + "...";
}

}  // namespace

std::string encode_event(const Event& event, std::chrono::system_clock::time_point now,
                         std::string_view instance) {
  nlohmann::json regarding{{"apiVersion", event.regarding.api_version},
                           {"kind", event.regarding.kind},
                           {"name", event.regarding.name},
                           {"uid", event.regarding.uid}};
  if (!event.regarding.ns.empty()) regarding["namespace"] = event.regarding.ns;
  const nlohmann::json object{{"apiVersion", "events.k8s.io/v1"},
                              {"kind", "Event"},
                              {"metadata", {{"namespace", event.ns}, {"name", event.name}}},
                              {"eventTime", format_rfc3339_micro(now)},
                              {"reportingController", kReportingController},
                              {"reportingInstance", instance.substr(0, 128)},
                              {"regarding", std::move(regarding)},
                              {"type", event.warning ? "Warning" : "Normal"},
                              {"reason", event.reason},
                              {"action", event.action},
                              {"note", cut(event.note)}};
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string encode_event_series(int count, std::chrono::system_clock::time_point now) {
  return nlohmann::json{
      {"series", {{"count", count}, {"lastObservedTime", format_rfc3339_micro(now)}}}}
      .dump();
}

}  // namespace apitoken::api
