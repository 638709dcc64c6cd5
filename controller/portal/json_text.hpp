// Reads texts out of JSON that others wrote. Pure; any thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace apitoken::portal {

// The string at a JSON pointer (RFC 6901), "/metadata/name"; empty if there is none, or another
// type.
inline std::string text_at(const nlohmann::json& value, const char* pointer) {
  const nlohmann::json::json_pointer at(pointer);
  if (!value.contains(at)) return "";
  const auto& found = value.at(at);
  return found.is_string() ? found.get<std::string>() : "";
}

}  // namespace apitoken::portal
