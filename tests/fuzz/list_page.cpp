// Pages of a LIST: each document that simdjson reads is taken apart into the same items.
#include "kube/list_page.hpp"

#include "api/json.hpp"
#include "fuzz/fuzz.hpp"

namespace apitoken::fuzz {

void fuzz(std::string_view input) {
  const auto page = kube::split_page(input);
  if (page) {
    for (const auto item : page->items)
      require(
          item.data() >= input.data() && item.data() + item.size() <= input.data() + input.size(),
          "an item is a part of the page");
  }
  // Names with escapes and byte order marks are read by simdjson alone.
  if (input.find('\\') != input.npos || input.starts_with("\xEF\xBB\xBF")) return;
  simdjson::dom::parser parser;
  api::Json whole;
  if (parser.parse(input.data(), input.size()).get(whole) != simdjson::SUCCESS ||
      !whole.is_object())
    return;
  const auto items = api::member(whole, "items");
  if (items && !items->is_array()) return require(!page, "items that are no list are refused");
  require(page.has_value(), "what simdjson reads is read");
  require(page->items.size() == api::read_array(whole, "items").size(), "the items are the same");
}

}  // namespace apitoken::fuzz
