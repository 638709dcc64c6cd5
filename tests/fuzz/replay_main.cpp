// Without libFuzzer: every file of a target's corpus as it is, then seeded distortions of it. ctest
// runs it; sanitizer builds see the most. Usage: fuzz_TARGET CORPUS [DISTORTIONS].

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "fuzz/distort.hpp"
#include "fuzz/fuzz.hpp"

namespace {

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
  auto random = apitoken::fuzz::seeded_random();
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1]))
    files.push_back(entry.path());
  if (files.empty()) return 2;
  for (const auto& path : files) {
    std::ifstream file(path, std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    play(text);
    for (int i = 0; i < distortions / static_cast<int>(files.size()); ++i)
      play(apitoken::fuzz::distort(text, random));
  }
  std::printf("%zu files, %d distortions\n", files.size(), distortions);
  return 0;
}
