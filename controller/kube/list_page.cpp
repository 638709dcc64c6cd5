// Looks for brackets outside of strings.
#include "kube/list_page.hpp"

#include <cstring>
#include <utility>

namespace apitoken::kube {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// Reads JSON texts one after the other. Each function returns false, or an empty view, where the
// text ends early or something else comes.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : at_(text.data()), end_(at_ + text.size()) {}

  bool take(char wanted) {
    skip_blanks();
    if (at_ == end_ || *at_ != wanted) return false;
    ++at_;
    return true;
  }
  // A value of any kind, from its first character to its last.
  std::string_view value() {
    skip_blanks();
    const char* const begin = at_;
    if (at_ == end_) return {};
    const bool whole = *at_ == '"'                  ? skip_string()
                       : *at_ == '{' || *at_ == '[' ? skip_brackets()
                                                    : skip_word();
    if (!whole) return {};
    return {begin, at_};
  }
  bool ended() {
    skip_blanks();
    return at_ == end_;
  }

 private:
  void skip_blanks() {
    while (at_ != end_ && is_blank(*at_)) ++at_;
  }
  bool skip_string() {
    for (++at_; at_ != end_;) {
      const auto* quote =
          static_cast<const char*>(std::memchr(at_, '"', static_cast<std::size_t>(end_ - at_)));
      if (quote == nullptr) break;
      const char* escape = quote;
      while (escape != at_ && escape[-1] == '\\') --escape;
      at_ = quote + 1;
      if ((quote - escape) % 2 == 0) return true;
    }
    return false;
  }
  bool skip_brackets() {
    for (int depth = 0; at_ != end_;) {
      if (*at_ == '"') {
        if (!skip_string()) return false;
        continue;
      }
      const char c = *at_++;
      if (c == '{' || c == '[') ++depth;
      if ((c == '}' || c == ']') && --depth == 0) return true;
    }
    return false;
  }
  bool skip_word() {
    const char* const begin = at_;
    while (at_ != end_ && !is_blank(*at_) && std::strchr(",:{}[]\"", *at_) == nullptr) ++at_;
    return at_ != begin;
  }

  const char* at_;
  const char* const end_;
};

std::unexpected<Error> malformed() { return fail(ErrorKind::Decode, "malformed JSON"); }

Result<std::vector<std::string_view>> split_items(std::string_view list) {
  std::vector<std::string_view> items;
  if (list == "null") return items;
  Scanner scanner(list);
  if (!scanner.take('[')) return fail(ErrorKind::Decode, "items is no list");
  if (scanner.take(']')) return items;
  do {
    items.push_back(scanner.value());
    if (items.back().empty()) return malformed();
  } while (scanner.take(','));
  if (!scanner.take(']')) return malformed();
  return items;
}

}  // namespace

Result<ListPage> split_page(std::string_view page) {
  ListPage result;
  bool has_items = false;
  Scanner scanner(page);
  if (!scanner.take('{')) return malformed();
  if (!scanner.take('}')) {
    do {
      const auto name = scanner.value();
      if (!name.starts_with('"') || !scanner.take(':')) return malformed();
      const auto value = scanner.value();
      if (value.empty()) return malformed();
      if (name == R"("metadata")" && result.metadata.empty()) result.metadata = value;
      if (name == R"("items")" && !std::exchange(has_items, true))
        result.items = TRY(split_items(value));
    } while (scanner.take(','));
    if (!scanner.take('}')) return malformed();
  }
  if (!scanner.ended()) return malformed();
  return result;
}

}  // namespace apitoken::kube
