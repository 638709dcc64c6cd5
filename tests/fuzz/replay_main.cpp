// Without libFuzzer: every file of a target's corpus as it is, then seeded distortions of it. ctest
// runs it; sanitizer builds see the most. Usage: fuzz_TARGET CORPUS [DISTORTIONS]. Set
// APITOKEN_SEED to play others.

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "fuzz/fuzz.hpp"

namespace {

std::string distort(std::string text, std::mt19937_64& random) {
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

// The input that was being read, for who looks at a crash.
std::string current;

[[noreturn]] void write_finding() {
  const auto path = std::filesystem::temp_directory_path() / "apitoken-fuzz-finding";
  std::ofstream(path, std::ios::binary) << current;
  std::fprintf(stderr, "fuzz: an exception or a broken promise; the input stands in %s\n",
               path.c_str());
  std::abort();
}

void play(std::string text) {
  current = std::move(text);
  apitoken::fuzz::fuzz(current);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  std::set_terminate(write_finding);
  apitoken::log::exchange_sink(nullptr);
  const int distortions = argc > 2 ? std::atoi(argv[2]) : 1000;
  const char* const seed = std::getenv("APITOKEN_SEED");
  std::mt19937_64 random(seed ? std::strtoull(seed, nullptr, 10) : 20261124);
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1]))
    files.push_back(entry.path());
  if (files.empty()) return 2;
  for (const auto& path : files) {
    std::ifstream file(path, std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    play(text);
    for (int i = 0; i < distortions / static_cast<int>(files.size()); ++i)
      play(distort(text, random));
  }
  std::printf("%zu files, %d distortions\n", files.size(), distortions);
  return 0;
}
