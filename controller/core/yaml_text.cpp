// Scalars, maps and lists.
#include "core/yaml_text.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/ascii.hpp"

namespace apitoken::core {
namespace {

using Tree = nlohmann::ordered_json;

// Plain only where no reader of YAML 1.1 or 1.2 could take it for another type.
bool is_plain(const std::string& text) {
  constexpr std::string_view kWords[] = {"y",   "n",    "yes",   "no",   "on",
                                         "off", "true", "false", "null", "nan"};
  const auto inner = [](char c) {
    return is_letter_or_digit(c) || c == '_' || c == '-' || c == '.' || c == '/' || c == '@';
  };
  if (text.empty() || !is_letter(text.front()) || !std::ranges::all_of(text, inner)) return false;
  return std::ranges::find(kWords, to_lower(text)) == std::end(kWords);
}

// A JSON string is a double-quoted scalar of YAML.
std::string scalar(const Tree& value) {
  if (value.is_string() && is_plain(value.get_ref<const std::string&>()))
    return value.get<std::string>();
  return value.dump(-1, ' ', false, Tree::error_handler_t::replace);
}

void write(std::string& out, const Tree& value, std::size_t indent, bool in_line);

void write_member(std::string& out, const Tree& value, std::size_t indent) {
  if (value.empty() || !value.is_structured()) {
    out += ' ';
    write(out, value, indent, true);
  } else {
    out += '\n';
    write(out, value, value.is_array() ? indent : indent + 2, false);
  }
}

// `in_line`: the cursor stands where the value begins, not at the beginning of a line.
void write(std::string& out, const Tree& value, std::size_t indent, bool in_line) {
  if (value.empty() || !value.is_structured()) {
    out += scalar(value) + '\n';
    return;
  }
  const auto begin_line = [&] {
    if (!in_line) out.append(indent, ' ');
    in_line = false;
  };
  if (value.is_array()) {
    for (const auto& item : value) {
      begin_line();
      out += "- ";
      write(out, item, indent + 2, true);
    }
    return;
  }
  for (const auto& [name, member] : value.items()) {
    begin_line();
    out += scalar(Tree(name)) + ':';
    write_member(out, member, indent);
  }
}

}  // namespace

std::string to_yaml(const nlohmann::ordered_json& value) {
  std::string out;
  write(out, value, 0, false);
  return out;
}

}  // namespace apitoken::core
