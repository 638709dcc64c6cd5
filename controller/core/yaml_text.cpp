// Scalars, maps and lists.
#include "core/yaml_text.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

namespace apitoken::core {
namespace {

using Tree = nlohmann::ordered_json;

// Plain only where no reader of YAML 1.1 or 1.2 could take it for another type.
bool is_plain(const std::string& text) {
  constexpr std::string_view kWords[] = {"y",   "n",    "yes",   "no",   "on",
                                         "off", "true", "false", "null", "nan"};
  const auto letter = [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  const auto inner = [&](unsigned char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' || c == '/' ||
           c == '@';
  };
  if (text.empty() || !letter(static_cast<unsigned char>(text.front())) ||
      !std::ranges::all_of(text, inner))
    return false;
  std::string lower = text;
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return std::ranges::find(kWords, lower) == std::end(kWords);
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
