// Prints objects as JSON, YAML and names.
#include "cli/print.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace apitoken::cli {
namespace {

using Tree = nlohmann::ordered_json;

// The string needs no quotes: no reader of YAML 1.1 or 1.2 takes it for another type.
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

// `in_line`: `out` ends where the value begins, not at the beginning of a line.
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

Tree parsed(const std::string& object) {
  Tree tree = Tree::parse(object, nullptr, false);
  if (tree.is_object() && tree.contains("metadata") && tree["metadata"].is_object())
    tree["metadata"].erase("managedFields");
  return tree;
}

}  // namespace

std::string to_yaml(const nlohmann::ordered_json& value) {
  std::string out;
  write(out, value, 0, false);
  return out;
}

std::string full_name(std::string_view name) {
  return fmt::format("apitoken.apitoken.dev/{}", name);
}

std::string print_objects(const std::vector<std::string>& objects, Output output, bool is_list) {
  Tree shown = Tree::array();
  for (const auto& object : objects) shown.push_back(parsed(object));
  if (output == Output::Name) {
    std::string names;
    for (const auto& object : shown)
      names += full_name(object["metadata"].value("name", "")) + "\n";
    return names;
  }
  Tree whole = is_list || shown.size() != 1 ? Tree{{"apiVersion", "v1"},
                                                   {"kind", "List"},
                                                   {"metadata", Tree::object()},
                                                   {"items", shown}}
                                            : shown.front();
  if (output == Output::Yaml) return to_yaml(whole);
  return whole.dump(4, ' ', false, Tree::error_handler_t::replace) + "\n";
}

}  // namespace apitoken::cli
