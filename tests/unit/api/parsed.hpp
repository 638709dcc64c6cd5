// A parsed document for tests, together with the parser that owns its elements.
#pragma once

#include <gtest/gtest.h>

#include "api/meta.hpp"

namespace apitoken::api {

inline ObjectMeta identity() {
  ObjectMeta meta;
  meta.ns = "team-a";
  meta.name = "ci";
  meta.uid = "u";
  meta.resource_version = "7";
  return meta;
}

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
