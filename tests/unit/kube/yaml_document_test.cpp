// Hostile YAML: each text is answered in bounded time and memory, with a message that names the
// file and the line.
#include "kube/yaml_document.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/resource.h>

#include <chrono>
#include <ostream>

#include "kube/kubeconfig.hpp"
#include "kube/yaml_json.hpp"
#include "support/temporary_folder.hpp"

namespace apitoken::kube {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// Enough to show what grows faster than the text; the time for a text of kMaxYamlBytes is four
// times as long.
constexpr std::size_t kFull = 2 << 20;

std::string repeated(std::string_view part, std::size_t bytes = kFull) {
  std::string text;
  text.reserve(bytes + part.size());
  while (text.size() + part.size() <= bytes) text += part;
  return text;
}

std::string staircase(std::string_view line, std::size_t levels) {
  std::string text;
  for (std::size_t i = 0; i < levels; ++i) text += std::string(i, ' ') + std::string(line);
  return text;
}

// Each line a list of ten aliases of the line before: 10^levels nodes.
std::string laughs(int levels, const std::string& first) {
  std::string bomb = "a0: &a0 " + first + "\n";
  for (int i = 1; i <= levels; ++i) {
    bomb += fmt::format("a{}: &a{} [", i, i);
    for (int j = 0; j < 10; ++j) bomb += fmt::format("{}*a{}", j ? ", " : "", i - 1);
    bomb += "]\n";
  }
  return bomb;
}

// Each anchor one level deeper than the one before.
std::string ladder(int rungs) {
  std::string text = "- &a0 [x]\n";
  for (int i = 1; i < rungs; ++i) text += fmt::format("- &a{} [*a{}]\n", i, i - 1);
  return text;
}

struct Hostile {
  const char* name;
  std::string (*text)();  // made by the test that needs it: together they are many megabytes
  std::string answer;     // what the message holds; empty: the text is accepted
};
std::ostream& operator<<(std::ostream& out, const Hostile& hostile) { return out << hostile.name; }

std::vector<Hostile> hostile_texts() {
  return {
      {"OneComma", [] { return std::string(","); }, "line 1: no document can begin with this"},
      {"CommaAfterADocument", [] { return std::string("a: 1\n---\n,\n"); },
       "line 3: no document can begin with this"},
      {"Commas", [] { return std::string(repeated(",")); }, "line 1: "},
      {"OpenBrackets", [] { return std::string(repeated("[")); },
       "line 1: a list or map in brackets is too large"},
      {"OpenBraces", [] { return std::string(repeated("{\n")); },
       "a list or map in brackets is too large"},
      {"FewOpenBrackets", [] { return std::string(repeated("[", 2000)); },
       "line 1: nested deeper than 100 levels"},
      {"BracketsInKeys", [] { return std::string("x:\n" + repeated("[k: ", 100'000)); },
       "line 2: nested deeper than 100 levels"},
      {"LongFlowList", [] { return std::string("a:\n  [" + repeated("a,", kFull - 10)); },
       "a list or map in brackets is too large"},
      {"LongQuotedList", [] { return std::string("[" + repeated("'' ", kFull - 10)); },
       "a list or map in brackets is too large"},
      {"Dashes", [] { return std::string(repeated("- ")); },
       "line 1: nested deeper than 100 levels"},
      {"QuestionMarks", [] { return std::string(repeated("? ")); },
       "line 1: nested deeper than 100 levels"},
      {"Colons", [] { return std::string(repeated(": ")); },
       "line 1: nested deeper than 100 levels"},
      {"StaircaseOfMaps", [] { return std::string(staircase("a:\n", 2000)); },
       "line 101: nested deeper than 100 levels"},
      {"StaircaseOfLists", [] { return std::string(staircase("-\n", 2000)); },
       "line 102: nested deeper than 100 levels"},
      {"ManyDocuments", [] { return std::string(repeated("---\n")); },
       "more nodes than a manifest can have"},
      {"ManyItems", [] { return std::string(repeated("- a\n")); },
       "more nodes than a manifest can have"},
      {"ManyFields", [] { return std::string(repeated("a: b\n")); },
       "more nodes than a manifest can have"},
      {"BillionLaughs", [] { return std::string(laughs(9, "[x, x, x, x, x, x, x, x, x, x]")); },
       "line 6: more nodes than a manifest can have"},
      {"LaughingScalars", [] { return std::string(laughs(3, '"' + repeated("x", 1 << 20) + '"')); },
       "line 2: stands for more than 8388608 bytes"},
      {"Ladder", [] { return std::string(ladder(400)); },
       "line 100: nested deeper than 100 levels"},
      {"Ouroboros", [] { return std::string("a: &a\n  b: *a\n"); },
       "line 2: an alias stands within what it is an alias of"},
      {"UnknownAlias", [] { return std::string("a: 1\nb: *nowhere\n"); },
       "line 2: the referenced anchor is not defined"},
      {"UnclosedScalar", [] { return std::string("a: 1\nb: \"" + repeated("x", kFull - 100)); },
       "illegal EOF in scalar"},
      {"HugeBlockScalar", [] { return std::string("a: |\n" + repeated(" x\n", kFull - 100)); }, ""},
      {"LargestPlainScalar", [] { return std::string(repeated("w ", kMaxYamlBytes)); }, ""},
      {"HugeKey", [] { return std::string(repeated("k", kFull - 100) + ": v"); },
       "line 1: illegal map value"},
      {"Anchors", [] { return std::string(repeated("&a ")); }, "line 1: "},
      {"HugeAnchor", [] { return std::string("&" + repeated("a", kFull - 1)); }, ""},
      {"Tags", [] { return std::string(repeated("!a ")); }, "line 1: "},
      {"Directives", [] { return std::string(repeated("%\n")); }, ""},
      {"BlankLines", [] { return std::string(repeated("\n")); }, ""},
      {"Zeros", [] { return std::string(std::string(kFull, '\0')); },
       "line 1: unknown escape character"},
      {"NoUtf8", [] { return std::string(repeated("\xff")); }, ""},
      {"HalfUtf16",
       [] { return std::string("\xff\xfe" + repeated(std::string_view("a\0", 2), kFull - 2)); },
       ""},
      {"TooLarge", [] { return std::string(std::string(kMaxYamlBytes + 1, ' ')); },
       "larger than 8388608 bytes"},
  };
}

// ru_maxrss is the maximum since the start, so all texts share one limit.
long resident_peak_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

class HostileYaml : public testing::TestWithParam<Hostile> {};

TEST_P(HostileYaml, IsRefusedInBoundedTimeAndMemory) {
  const auto begin = std::chrono::steady_clock::now();
  const auto read = read_yaml(GetParam().text(), "folder/x.yaml");
  const auto spent = std::chrono::steady_clock::now() - begin;
  if (GetParam().answer.empty()) {
    EXPECT_TRUE(read) << read.error().message;
  } else {
    ASSERT_FALSE(read);
    EXPECT_THAT(read.error().message, StartsWith("folder/x.yaml: "));
    EXPECT_THAT(read.error().message, HasSubstr(GetParam().answer));
  }
  EXPECT_LT(spent, std::chrono::seconds(
                       60));  // a sanitizer's build on a busy machine; 5 s are the worst else
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(resident_peak_mib(), 700);
#endif
  malloc_trim(0);
}

INSTANTIATE_TEST_SUITE_P(Texts, HostileYaml, testing::ValuesIn(hostile_texts()),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Yaml, TakesWhatManifestsUse) {
  EXPECT_EQ(load_yaml("", "x")->size(), 0u);
  const auto read = read_yaml("x: &x {a: [1, two]}\ny: *x\nz: *x\n--- 5\n...\n---\n- ''\n", "x");
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->size(), 3u);
  EXPECT_EQ((*read)[0]["z"], nlohmann::json::parse(R"({"a": [1, "two"]})"));
}

// As large a list as kubectl prints of a thousand tokens, in JSON, which yaml-cpp reads at one go.
TEST(Yaml, TakesLargeListsInJson) {
  nlohmann::json list = {{"kind", "List"}, {"items", nlohmann::json::array()}};
  for (int i = 0; i < 2000; ++i) {
    list["items"].push_back(
        {{"kind", "ApiToken"},
         {"metadata", {{"name", fmt::format("t{}", i)}, {"labels", {{"a", "b"}, {"c", "d"}}}}},
         {"spec", {{"user", "alice"}, {"groups", {"a", "b", "c"}}, {"ttl", "1h"}}},
         {"status", {{"note", std::string(1000, 'x')}, {"conditions", {{"a", 1}, {"b", 2}}}}}});
  }
  const auto read = read_yaml(list.dump(1), "x");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->front()["items"].size(), 2000u);
}

TEST(HostileKubeconfig, IsRefusedByNameAndLine) {
  const test::TemporaryFolder folder;
  for (const auto& [text, answer] :
       {std::pair<std::string, const char*>{",", "no document can begin with this"},
        {"users: &u\n- *u\n", "line 2: an alias stands within what it is an alias of"},
        {repeated("[", 1 << 20), "line 1: a list or map in brackets is too large"},
        {"x: " + repeated("[", 500), "line 1: nested deeper than 100 levels"},
        {laughs(9, "[x, x]"), "more nodes than a manifest can have"}}) {
    const auto path = folder.write("config", text);
    const auto read = load_kubeconfig(path);
    ASSERT_FALSE(read);
    EXPECT_THAT(read.error().message, StartsWith(path + ": "));
    EXPECT_THAT(read.error().message, HasSubstr(answer));
  }
}

}  // namespace
}  // namespace apitoken::kube
