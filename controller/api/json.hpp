// Reads JSON from the API server: getters over simdjson's DOM. A missing or null field is absent. A
// field of the wrong type is absent too, and named in `problems` if the caller passes a list.
// Values; any thread.
//
//   Problems problems;
//   std::optional<std::string> ttl = read_string(spec, "ttl", "spec.ttl", &problems);
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
// A flat map: thousands of Secrets have a handful of small entries each.
using StringMap = boost::container::flat_map<std::string, std::string, std::less<>>;
using Problems = std::vector<std::string>;  // "spec.ttl: must be a string"

// The member `name` of `object`. Empty if `object` is not an object, or has no such member or null.
std::optional<Json> member(Json object, std::string_view name);
// A member that must be an object.
std::optional<Json> read_object(Json object, std::string_view name, std::string_view path,
                                Problems* problems = nullptr);

// A scalar member, a map or a list. `path` names the field in problems ("spec.ttl").
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

// The elements of an array member; no elements if the member is absent, null or not an array
// (PartialObjectMetadataList can have `"items": null`).
std::vector<Json> read_array(Json object, std::string_view name, std::string_view path = {},
                             Problems* problems = nullptr);

// Parses a document. simdjson refuses the whole document for one integer beyond 64 bits, and a page
// holds many objects; here such an integer becomes a double, so that only its field has the wrong
// type. `padded`: SIMDJSON_PADDING bytes after `bytes` are readable, which saves a copy. The
// element is valid until the parser's next document.
simdjson::simdjson_result<Json> parse_document(simdjson::dom::parser& parser,
                                               std::string_view bytes, bool padded);

// A parser for one thread, to be kept: its memory grows to the largest document.
class JsonParser {
 public:
  // Copies `bytes` and parses them. The element is valid until the next call. Errors: Decode, with
  // the reason and the size.
  Result<Json> parse(std::string_view bytes);

 private:
  simdjson::dom::parser parser_;
};

}  // namespace apitoken::api
