// Log lines whose message and value are any text of users and servers: one line each, and the
// JSON line has exactly the fields that it was given.
#include <nlohmann/json.hpp>

#include "base/log.hpp"
#include "fuzz/fuzz.hpp"

namespace apitoken::fuzz {

void fuzz(std::string_view input) {
  const log::Time time{std::chrono::seconds(1774355400)};
  const std::vector<log::Field> fields{{"name", "ci"}, {"error", input}};
  const std::string json_line = log::json_line(time, log::Level::Info, input, fields);
  const std::string text_line = log::text_line(time, log::Level::Info, input, fields);
  for (std::string_view line : {std::string_view(json_line), std::string_view(text_line)}) {
    require(line.ends_with('\n'), "a message ends its line");
    line.remove_suffix(1);
    for (const char c : line)
      require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "a message is one line");
  }
  const auto json = nlohmann::json::parse(json_line, nullptr, false);
  require(json.is_object() && json.size() == 5, "a line is a JSON object with its fields");
  require(json.contains("msg") && json["level"] == "info" && json["name"] == "ci",
          "text does not change the other fields");
  require(json["msg"] == json["error"], "message and value are written alike");
}

}  // namespace apitoken::fuzz
