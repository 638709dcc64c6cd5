// KeptObjects: the objects of a Store in order of namespace and name, with few bytes beside each:
// one sorted vector a namespace. The Store owns the only one and holds its lock around each call.
// Pointers to objects are valid until the next change.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "kube/kept.hpp"

namespace apitoken::kube {

template <typename T>
class KeptObjects {
 public:
  // Null if there is no such object.
  const Kept<T>* find(std::string_view ns, std::string_view name) const {
    const auto space = spaces_.find(ns);
    if (space == spaces_.end()) return nullptr;
    const auto at = lower_bound(space->second, name);
    return at != space->second.end() && name_of(*at) == name ? &*at : nullptr;
  }
  Kept<T>* find(std::string_view ns, std::string_view name) {
    return const_cast<Kept<T>*>(std::as_const(*this).find(ns, name));
  }
  // Precondition: there is no object of that namespace and name.
  void insert(const Kept<T>& kept) {
    const auto version = kept.version();
    auto space = spaces_.find(version.ns);
    if (space == spaces_.end()) space = spaces_.emplace(version.ns, List()).first;
    space->second.insert(lower_bound(space->second, version.name), kept);
    ++size_;
  }
  void erase(std::string_view ns, std::string_view name) {
    const auto space = spaces_.find(ns);
    List& list = space->second;
    list.erase(lower_bound(list, name));
    --size_;
    if (list.empty()) {
      spaces_.erase(space);
    } else if (list.capacity() > 4 * list.size()) {
      list.shrink_to_fit();
    }
  }
  // Erases objects of one namespace, or of all if `ns` is empty.
  template <typename Matches>
  void erase_if(std::string_view ns, Matches&& matches) {
    for (auto space = spaces_.begin(); space != spaces_.end();) {
      List& list = space->second;
      if (ns.empty() || space->first == ns) {
        size_ -= std::erase_if(list, matches);
        if (list.capacity() > 2 * list.size()) list.shrink_to_fit();
      }
      space = list.empty() ? spaces_.erase(space) : std::next(space);
    }
  }
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (const auto& [ns, list] : spaces_) {
      for (const Kept<T>& kept : list) visit(kept);
    }
  }
  // The first `most` objects after that namespace and name.
  std::vector<Kept<T>> after(std::string_view ns, std::string_view name, std::size_t most) const {
    std::vector<Kept<T>> some;
    some.reserve(std::min(most, size_));
    for (auto space = spaces_.lower_bound(ns); space != spaces_.end() && some.size() < most;
         ++space) {
      const List& list = space->second;
      auto at = space->first == ns ? lower_bound(list, name) : list.begin();
      if (space->first == ns && at != list.end() && name_of(*at) == name) ++at;
      for (; at != list.end() && some.size() < most; ++at) some.push_back(*at);
    }
    return some;
  }
  std::size_t size() const { return size_; }
  // Of the pointers to the objects.
  std::size_t bytes() const {
    std::size_t bytes = 0;
    for (const auto& [ns, list] : spaces_) bytes += list.capacity() * sizeof(Kept<T>);
    return bytes;
  }

 private:
  using List = std::vector<Kept<T>>;

  static std::string_view name_of(const Kept<T>& kept) { return kept.version().name; }
  template <typename Any>
  static auto lower_bound(Any& list, std::string_view name) {
    return std::ranges::lower_bound(list, name, {}, name_of);
  }

  std::map<std::string, List, std::less<>> spaces_;  // by namespace; no list is empty
  std::size_t size_ = 0;
};

}  // namespace apitoken::kube
