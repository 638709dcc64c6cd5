// Rows: ApiTokens in the form of the page's lists: arrays of fixed columns, about 230 bytes each.
// Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "api/json.hpp"

namespace apitoken::portal {

// {"columns":[…]}
std::string columns_line();

// A line {"rows":[…]} that is being filled.
class RowsLine {
 public:
  void add(api::Json token);
  std::size_t size() const { return size_; }
  // Returns the line and begins an empty one.
  std::string take();

 private:
  std::string text_;
  std::size_t size_ = 0;
};

// {"gone":[uid]}
std::string gone_line(api::Json token);
// status.tokenHash; empty: none.
std::string_view token_hash_of(api::Json token);

// Appends a JSON string.
void append_json(std::string& out, std::string_view text);

}  // namespace apitoken::portal
