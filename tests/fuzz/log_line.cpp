// Log messages with any text of users: one line of text, and one line of JSON.
#include <nlohmann/json.hpp>

#include "fuzz/fuzz.hpp"
#include "program/log.hpp"

namespace apitoken::fuzz {

void fuzz(std::string_view input) {
  const auto message = split_fields(input);
  require(message.text.size() <= input.size(), "splitting adds nothing");
  const std::chrono::system_clock::time_point time{std::chrono::seconds(1774355400)};
  for (std::string line : {format_text_line(time, LogLevel::Info, input),
                           format_json_line(time, LogLevel::Info, input)}) {
    require(line.ends_with('\n'), "a message ends its line");
    line.pop_back();
    for (const char c : line)
      require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "a message is one line");
  }
  const auto json =
      nlohmann::json::parse(format_json_line(time, LogLevel::Info, input), nullptr, false);
  require(json.is_object() && json.contains("msg") && json.value("level", "") == "info",
          "a line is a JSON object");
}

}  // namespace apitoken::fuzz
