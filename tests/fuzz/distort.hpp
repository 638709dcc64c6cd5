// Distorted inputs, for replays of a corpus without libFuzzer.
#pragma once

#include <cstdlib>
#include <random>
#include <string>
#include <string_view>

namespace apitoken::fuzz {

// The source of distortions. Set APITOKEN_SEED to play others.
inline std::mt19937_64 seeded_random() {
  const char* const seed = std::getenv("APITOKEN_SEED");
  return std::mt19937_64(seed ? std::strtoull(seed, nullptr, 10) : 20261124);
}

// `text` with one to four changes.
inline std::string distort(std::string text, std::mt19937_64& random) {
  using namespace std::string_view_literals;
  const auto below = [&](std::size_t limit) {
    return limit == 0 ? 0 : static_cast<std::size_t>(random() % limit);
  };
  for (std::size_t times = below(4) + 1; times > 0; --times) {
    const std::size_t at = below(text.size());
    switch (below(5)) {
      case 0:
        if (!text.empty()) text[at] = static_cast<char>(random());
        break;
      case 1:
        text.resize(at);
        break;
      case 2:
        text.erase(at, below(20));
        break;
      case 3:
        text.insert(at, text.substr(below(text.size()), below(40)));
        break;
      default:
        constexpr auto kOdd =
            "\"{}[]:;,\\\n\r\0<>@\x80\xFF"
            "0-"sv;
        text.insert(at, 1, kOdd[below(kOdd.size())]);
        break;
    }
  }
  return text;
}

}  // namespace apitoken::fuzz
