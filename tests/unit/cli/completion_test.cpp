// Completion of a command line.
#include "cli/completion.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace apitoken::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

using Words = std::vector<std::string>;

// The ApiTokens of a cluster with two namespaces.
std::vector<std::string> names(const Invocation& so_far) {
  if (so_far.command == Command::TestMail) return {"default", "production"};
  return so_far.options.name_space == "team-a" ? std::vector<std::string>{"ci", "cron"}
                                               : std::vector<std::string>{"other"};
}

Completions completed(const Words& words) { return complete(words, names); }

TEST(Completion, OffersCommands) {
  EXPECT_THAT(completed({"r"}).lines, ElementsAre(StartsWith("rotate\t"), StartsWith("revoke\t")));
  EXPECT_THAT(completed({""}).lines, Contains(StartsWith("create\t")));
  EXPECT_THAT(completed({"help", "li"}).lines,
              ElementsAre(StartsWith("list\t"), StartsWith("lint\t")));
  EXPECT_THAT(completed({""}).lines, Not(Contains(HasSubstr("__complete"))));
}

TEST(Completion, OffersTheFlagsOfTheCommand) {
  EXPECT_THAT(completed({"list", "--e"}).lines, ElementsAre(StartsWith("--expiring-within\t")));
  EXPECT_THAT(completed({"describe", "--exp"}).lines, IsEmpty());
}

TEST(Completion, OffersTheValuesOfAFlag) {
  EXPECT_THAT(completed({"create", "x", "--type", "T"}).lines, ElementsAre("Temporary"));
  EXPECT_THAT(completed({"create", "x", "--type=T"}).lines, ElementsAre("--type=Temporary"));
  EXPECT_THAT(completed({"list", "-o", ""}).lines, ElementsAre("wide", "json", "yaml", "name"));
  EXPECT_TRUE(completed({"lint", "-f", ""}).files);
  EXPECT_FALSE(completed({"list", "-n", ""}).files);
}

TEST(Completion, OffersTheNamesOfTheNamespace) {
  EXPECT_THAT(completed({"describe", "-n", "team-a", "c"}).lines, ElementsAre("ci", "cron"));
  EXPECT_THAT(completed({"revoke", ""}).lines, ElementsAre("other"));
  EXPECT_THAT(completed({"revoke", "other", ""}).lines, IsEmpty()) << "named already";
  EXPECT_THAT(completed({"test-mail", "d"}).lines, ElementsAre("default"));
  EXPECT_THAT(completed({"create", ""}).lines, IsEmpty()) << "a new name is free to choose";
}

TEST(Completion, AcceptsAnIncompleteCommandLine) {
  EXPECT_THAT(completed({}).lines, Not(IsEmpty()));
  EXPECT_THAT(completed({"nonsense", "x"}).lines, IsEmpty());
  EXPECT_THAT(completed({"list", "--nonsense", "-o", "w"}).lines, ElementsAre("wide"));
  EXPECT_THAT(completed({"list", "--nonsense="}).lines, IsEmpty());
}

TEST(Completion, HasAScriptForEachShell) {
  for (const auto* shell : {"bash", "zsh", "fish"}) {
    EXPECT_THAT(completion_script(shell), HasSubstr("kubectl-apitoken __complete"));
  }
  EXPECT_EQ(completion_script("tcsh"), "");
}

}  // namespace
}  // namespace apitoken::cli
