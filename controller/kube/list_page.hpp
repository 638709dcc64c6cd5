// list_page: takes a page of a LIST apart without parsing it as a whole, because simdjson needs up
// to 14 bytes of memory for a byte of a document. ListWatch parses one object at a time. Pure.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace apitoken::kube {

// Views of the texts in the page. They are balanced, but their content is not checked.
struct ListPage {
  std::string_view metadata;            // of the list
  std::vector<std::string_view> items;  // none if the page has `"items": null` or no items
};

// Errors: Decode if the page is not an object, ends early, or has items that are no list.
Result<ListPage> split_page(std::string_view page);

}  // namespace apitoken::kube
