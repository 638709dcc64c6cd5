// Label selectors: does an object's label set match? Pure.
// Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
#pragma once

#include "api/meta.hpp"

namespace apitoken::core {

bool matches(const api::LabelSelector& selector, const api::StringMap& labels);
// Operators that do not exist, or In / NotIn without values, each with `path` in front; such a
// requirement matches nothing.
api::Problems check_selector(const api::LabelSelector& selector, std::string_view path);

}  // namespace apitoken::core
