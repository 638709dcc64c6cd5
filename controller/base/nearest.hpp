// Finds the word that a user probably meant, for "did you mean". Pure; any thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <ranges>
#include <string_view>

namespace apitoken {

// The number of letters to change, add or remove to turn one word into the other (Levenshtein).
std::size_t edit_distance(std::string_view a, std::string_view b);

// Limits the cost of a comparison: a file may hold a name of megabytes.
inline std::string_view comparable(std::string_view word) { return word.substr(0, 64); }

// The word of `words` closest to `word`; the first of several. Precondition: `words` is not empty.
template <std::ranges::forward_range Words>
std::string_view nearest_word(std::string_view word, const Words& words) {
  return *std::ranges::min_element(words, {}, [word = comparable(word)](std::string_view each) {
    return edit_distance(word, each);
  });
}

// The same, but empty if that word is too far from `word` and no word begins with `word`.
template <std::ranges::forward_range Words>
std::optional<std::string_view> near_word(std::string_view word, const Words& words) {
  word = comparable(word);
  const auto nearest = nearest_word(word, words);
  const std::size_t distance = edit_distance(word, nearest);
  if (2 * distance <= word.size() && distance <= std::max<std::size_t>(2, word.size() / 3))
    return nearest;
  const auto begun =
      std::ranges::find_if(words, [word](std::string_view each) { return each.starts_with(word); });
  return begun == std::ranges::end(words) ? std::nullopt : std::optional<std::string_view>(*begun);
}

}  // namespace apitoken
