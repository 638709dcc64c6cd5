// One function a column, in the order of the wire.
#include "portal/rows.hpp"

#include <fmt/format.h>

#include <iterator>

#include "api/names.hpp"

namespace apitoken::portal {
namespace {

std::string_view text_of(api::Json object, std::string_view outer, std::string_view field) {
  std::string_view text;
  const auto found = api::member(object, outer);
  return found && (*found)[field].get(text) == simdjson::SUCCESS ? text : std::string_view();
}

std::optional<api::Json> ready_of(api::Json token) {
  const auto status = api::member(token, "status");
  if (!status) return {};
  simdjson::dom::array conditions;
  if ((*status)["conditions"].get(conditions) != simdjson::SUCCESS) return {};
  for (const api::Json one : conditions) {
    std::string_view type;
    if (one["type"].get(type) == simdjson::SUCCESS && type == api::condition::kReady) return one;
  }
  return {};
}

std::string_view member_text(std::optional<api::Json> object, std::string_view field) {
  std::string_view text;
  return object && (*object)[field].get(text) == simdjson::SUCCESS ? text : std::string_view();
}

std::string_view reason_of(api::Json token) {
  const auto reason = member_text(ready_of(token), "reason");
  return reason.empty() ? api::reason::kPending : reason;
}

// Only for tokens that do not work.
std::string_view message_of(api::Json token) {
  const auto ready = ready_of(token);
  return member_text(ready, "status") == api::condition::kTrue ? std::string_view()
                                                               : member_text(ready, "message");
}

std::string_view type_of(api::Json token) {
  const auto type = text_of(token, "spec", "type");
  return type.empty() ? api::kPermanent : type;
}

std::string_view format_of(api::Json token) {
  const auto format = text_of(token, "spec", "format");
  return format.empty() ? api::kOpaque : format;
}

// Without a status, the name of the Secret that the token will have.
std::string_view secret_of(api::Json token) {
  if (const auto name = text_of(token, "status", "secretName"); !name.empty()) return name;
  const auto spec = api::member(token, "spec");
  const auto name = spec ? text_of(*spec, "secret", "name") : std::string_view();
  return name.empty() ? text_of(token, "metadata", "name") : name;
}

struct Column {
  const char* name;
  std::string_view (*text)(api::Json token);
};

constexpr Column kColumns[] = {
    {"ns", [](api::Json t) { return text_of(t, "metadata", "namespace"); }},
    {"name", [](api::Json t) { return text_of(t, "metadata", "name"); }},
    {"uid", [](api::Json t) { return text_of(t, "metadata", "uid"); }},
    {"user", [](api::Json t) { return text_of(t, "spec", "user"); }},
    {"description", [](api::Json t) { return text_of(t, "spec", "description"); }},
    {"type", type_of},
    {"format", format_of},
    {"reason", reason_of},
    {"message", message_of},
    {"issuedAt", [](api::Json t) { return text_of(t, "status", "issuedAt"); }},
    {"expiresAt", [](api::Json t) { return text_of(t, "status", "expiresAt"); }},
    {"warnAt", [](api::Json t) { return text_of(t, "status", "warnAt"); }},
    {"rotateAt", [](api::Json t) { return text_of(t, "status", "rotateAt"); }},
    {"lastUsedAt", [](api::Json t) { return text_of(t, "status", "lastUsedAt"); }},
    {"tokenID", [](api::Json t) { return text_of(t, "status", "tokenID"); }},
    {"hint", [](api::Json t) { return text_of(t, "status", "hint"); }},
    {"secretName", secret_of},
    {"revision", nullptr},  // the one number
    {"createdAt", [](api::Json t) { return text_of(t, "metadata", "creationTimestamp"); }},
};

std::int64_t revision_of(api::Json token) {
  const auto status = api::member(token, "status");
  return status ? api::read_integer(*status, "revision", "").value_or(0) : 0;
}

}  // namespace

void append_json(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

std::string columns_line() {
  std::string line = "{\"columns\":[";
  for (const auto& column : kColumns) {
    if (line.back() != '[') line += ',';
    append_json(line, column.name);
  }
  return line += "]}";
}

void RowsLine::add(api::Json token) {
  text_ += size_ == 0 ? "{\"rows\":[[" : ",[";
  for (const auto& column : kColumns) {
    if (text_.back() != '[') text_ += ',';
    if (column.text == nullptr) {
      fmt::format_to(std::back_inserter(text_), "{}", revision_of(token));
    } else {
      append_json(text_, column.text(token));
    }
  }
  text_ += ']';
  ++size_;
}

std::string RowsLine::take() {
  size_ = 0;
  auto line = std::exchange(text_, {});
  return line.empty() ? "{\"rows\":[]}" : line += "]}";
}

std::string gone_line(api::Json token) {
  std::string line = "{\"gone\":[";
  append_json(line, text_of(token, "metadata", "uid"));
  return line += "]}";
}

std::string_view token_hash_of(api::Json token) { return text_of(token, "status", "tokenHash"); }

}  // namespace apitoken::portal
