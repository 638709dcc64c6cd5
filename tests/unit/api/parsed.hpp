// JSON of a test, parsed, with the parser that its elements live in. Tests alone.
#pragma once

#include <gtest/gtest.h>

#include "api/json.hpp"

namespace apitoken::api {

class Parsed {
 public:
  explicit Parsed(std::string_view text) : json_(parser_.parse(text)) {
    if (!json_) ADD_FAILURE() << json_.error().message << " in " << text.substr(0, 200);
  }
  Json json() const { return *json_; }

 private:
  JsonParser parser_;
  Result<Json> json_;
};

}  // namespace apitoken::api
