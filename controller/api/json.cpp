// Getters over simdjson's DOM.
#include "api/json.hpp"

#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>

#include "base/rfc3339.hpp"

namespace apitoken::api {
namespace {

void note(Problems* problems, std::string_view path, std::string_view what) {
  if (problems) problems->push_back(fmt::format("{}: must be {}", path, what));
}

// The document with doubles in place of integers beyond 64 bits. Empty if `bytes` is not JSON, or
// nested so deep that writing it would exhaust the stack.
std::optional<std::string> without_big_integers(std::string_view bytes) {
  constexpr int kMaxDepth = 1000;
  bool too_deep = false;
  const auto look = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    too_deep = too_deep || depth > kMaxDepth;
    return !too_deep;
  };
  const auto document = nlohmann::json::parse(bytes, look, /*allow_exceptions=*/false);
  if (document.is_discarded() || too_deep) return {};
  return document.dump();
}

template <typename T>
std::optional<T> read_scalar(Json object, std::string_view name, std::string_view path,
                             std::string_view what, Problems* problems) {
  const auto found = member(object, name);
  if (!found) return {};
  T value;
  if (found->get(value) != simdjson::SUCCESS) {
    note(problems, path, what);
    return {};
  }
  return value;
}

}  // namespace

std::optional<Json> member(Json object, std::string_view name) {
  simdjson::dom::object fields;
  Json value;
  if (object.get(fields) != simdjson::SUCCESS ||
      fields.at_key(name).get(value) != simdjson::SUCCESS || value.is_null())
    return {};
  return value;
}

std::optional<Json> read_object(Json object, std::string_view name, std::string_view path,
                                Problems* problems) {
  const auto found = member(object, name);
  if (found && found->is_object()) return found;
  if (found) note(problems, path, "an object");
  return {};
}

std::optional<std::string> read_string(Json object, std::string_view name, std::string_view path,
                                       Problems* problems) {
  const auto view = read_scalar<std::string_view>(object, name, path, "a string", problems);
  return view ? std::optional(std::string(*view)) : std::nullopt;
}

std::optional<std::int64_t> read_integer(Json object, std::string_view name, std::string_view path,
                                         Problems* problems) {
  return read_scalar<std::int64_t>(object, name, path, "a whole number", problems);
}

std::optional<bool> read_bool(Json object, std::string_view name, std::string_view path,
                              Problems* problems) {
  return read_scalar<bool>(object, name, path, "true or false", problems);
}

StringMap read_string_map(Json object, std::string_view name, std::string_view path,
                          Problems* problems) {
  StringMap result;
  const auto found = member(object, name);
  if (!found) return result;
  simdjson::dom::object fields;
  if (found->get(fields) != simdjson::SUCCESS) {
    note(problems, path, "a map of strings");
    return result;
  }
  // Inserted as a whole: one by one, a large map takes quadratic time.
  std::vector<StringMap::value_type> entries;
  for (const auto field : fields) {
    std::string_view value;
    if (field.value.get(value) == simdjson::SUCCESS) {
      entries.emplace_back(field.key, value);
    } else {
      note(problems, fmt::format("{}.{}", path, field.key), "a string");
    }
  }
  result.insert(std::make_move_iterator(entries.begin()), std::make_move_iterator(entries.end()));
  return result;
}

std::vector<std::string> read_string_list(Json object, std::string_view name, std::string_view path,
                                          Problems* problems) {
  std::vector<std::string> result;
  std::size_t index = 0;
  for (const Json item : read_array(object, name, path, problems)) {
    std::string_view value;
    if (item.get(value) == simdjson::SUCCESS) {
      result.emplace_back(value);
    } else {
      note(problems, fmt::format("{}[{}]", path, index), "a string");
    }
    ++index;
  }
  return result;
}

std::optional<WallTime> read_time(Json object, std::string_view name) {
  const auto text = read_scalar<std::string_view>(object, name, name, "a time", nullptr);
  return text ? parse_rfc3339(*text) : std::nullopt;
}

std::vector<Json> read_array(Json object, std::string_view name, std::string_view path,
                             Problems* problems) {
  std::vector<Json> result;
  const auto found = member(object, name);
  if (!found) return result;
  simdjson::dom::array items;
  if (found->get(items) != simdjson::SUCCESS) {
    note(problems, path, "a list");
    return result;
  }
  result.reserve(items.size());
  for (const Json item : items) result.push_back(item);
  return result;
}

simdjson::simdjson_result<Json> parse_document(simdjson::dom::parser& parser,
                                               std::string_view bytes, bool padded) {
  const auto parsed = parser.parse(bytes.data(), bytes.size(), !padded);
  // Releases of simdjson differ in the error that they give for an integer beyond 64 bits.
  if (parsed.error() == simdjson::SUCCESS) return parsed;
  const auto rewritten = without_big_integers(bytes);
  return rewritten ? parser.parse(*rewritten) : parsed;
}

Result<Json> JsonParser::parse(std::string_view bytes) {
  Json element;
  if (const auto error = parse_document(parser_, bytes, false).get(element)) {
    return fail(ErrorKind::Decode, fmt::format("malformed JSON of {} bytes: {}", bytes.size(),
                                               simdjson::error_message(error)));
  }
  return element;
}

}  // namespace apitoken::api
