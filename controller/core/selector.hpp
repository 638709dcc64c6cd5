// Label selectors. Pure.
// Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
#pragma once

#include "api/meta.hpp"

namespace apitoken::core {

bool matches(const api::LabelSelector& selector, const api::StringMap& labels);
// The problems of a selector, each beginning with `path`: unknown operators, missing or superfluous
// values. A requirement with a problem matches no object.
api::Problems check_selector(const api::LabelSelector& selector, std::string_view path);

}  // namespace apitoken::core
