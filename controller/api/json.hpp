// Reading JSON that the API server sent: lenient getters over simdjson's DOM. A missing or null
// field is absent; a field of the wrong type is absent too and, where a list of problems is given,
// named there. Any thread; values only.
#pragma once

#include <simdjson.h>

#include <boost/container/flat_map.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace apitoken::api {

using Json = simdjson::dom::element;
// Flat: a Secret has seven small entries, and there are thousands of them.
using StringMap = boost::container::flat_map<std::string, std::string, std::less<>>;
using Problems = std::vector<std::string>;  // "spec.ttl: must be a string"

// The member `name` of an object; nothing if `object` is no object or the member is missing or
// null.
std::optional<Json> member(Json object, std::string_view name);
// The same, for a member that must be an object.
std::optional<Json> read_object(Json object, std::string_view name, std::string_view path,
                                Problems* problems = nullptr);

// A scalar member. `path` names the field in problems ("spec.ttl").
std::optional<std::string> read_string(Json object, std::string_view name, std::string_view path,
                                       Problems* problems = nullptr);
std::optional<std::int64_t> read_integer(Json object, std::string_view name, std::string_view path,
                                         Problems* problems = nullptr);
std::optional<bool> read_bool(Json object, std::string_view name, std::string_view path,
                              Problems* problems = nullptr);
StringMap read_string_map(Json object, std::string_view name, std::string_view path,
                          Problems* problems = nullptr);
std::vector<std::string> read_string_list(Json object, std::string_view name, std::string_view path,
                                          Problems* problems = nullptr);
std::optional<WallTime> read_time(Json object, std::string_view name);

// The elements of an array member; an absent, null or mistyped one is empty
// (PartialObjectMetadataList has `"items": null`).
std::vector<Json> read_array(Json object, std::string_view name, std::string_view path = {},
                             Problems* problems = nullptr);

// simdjson refuses a document for one integer that 64 bits do not hold, and with it every object of
// a page; here such an integer becomes a double, so that its field alone is of the wrong type.
// `padded`: SIMDJSON_PADDING bytes may be read after `bytes`, which are then not copied. The
// element lives until the parser's next document.
simdjson::simdjson_result<Json> parse_document(simdjson::dom::parser& parser,
                                               std::string_view bytes, bool padded);

// A parser to keep for a thread: it grows to the largest document seen. The element lives until the
// next parse.
class JsonParser {
 public:
  // Bytes of one document; they are copied. Errors: Decode, with the reason and the size.
  Result<Json> parse(std::string_view bytes);

 private:
  simdjson::dom::parser parser_;
};

}  // namespace apitoken::api
