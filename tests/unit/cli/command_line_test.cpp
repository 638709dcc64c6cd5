// The command line: accepted forms, and errors of one line with the remedy.
#include "cli/command_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "cli/help.hpp"

namespace apitoken::cli {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

using Words = std::vector<std::string>;

Invocation parsed(const Words& words) {
  auto invocation = parse_command_line(words);
  if (!invocation) ADD_FAILURE() << invocation.error();
  return invocation.value_or(Invocation{});
}

std::string refusal(const Words& words) {
  const auto invocation = parse_command_line(words);
  return invocation ? "it was accepted" : invocation.error();
}

TEST(CommandLine, AcceptsFlagsInAnyPlaceAndForm) {
  for (const Words& words : {Words{"list", "-n", "team-a", "-o", "json", "--all"},
                             Words{"-n", "team-a", "list", "--all", "--output=json"},
                             Words{"-nteam-a", "-ojson", "list", "--all=true"},
                             Words{"--namespace=team-a", "list", "-o=json", "--all"}}) {
    const auto invocation = parsed(words);
    EXPECT_EQ(invocation.command, Command::List);
    EXPECT_EQ(invocation.options.name_space, "team-a");
    EXPECT_EQ(invocation.options.output, Output::Json);
    EXPECT_TRUE(invocation.options.all_users);
    EXPECT_TRUE(invocation.arguments.empty());
  }
}

TEST(CommandLine, AcceptsListsByCommasAndByRepetition) {
  const auto options = parsed({"create", "ci", "--user", "a", "--group", "b,c", "--group=d",
                               "--scope", "x:y", "--audience", "https://z"})
                           .options;
  EXPECT_THAT(options.groups, ElementsAre("b", "c", "d"));
  EXPECT_THAT(options.scopes, ElementsAre("x:y"));
  EXPECT_THAT(options.audiences, ElementsAre("https://z"));
}

TEST(CommandLine, AcceptsKubectlsFlagsForAnotherUserAndCluster) {
  const auto options = parsed({"list", "--as", "jane", "--as-group=dev, ops", "--as-group", "qa",
                               "--as-uid", "7", "--cluster", "b", "--context=c"})
                           .options;
  EXPECT_EQ(options.as_user, "jane");
  EXPECT_EQ(options.as_uid, "7");
  EXPECT_THAT(options.as_groups, ElementsAre("dev, ops", "qa")) << "a comma does not end a group";
  EXPECT_EQ(options.cluster, "b");
  EXPECT_EQ(options.context, "c");
  EXPECT_THAT(refusal({"list", "--as="}), HasSubstr("--as: invalid value"));
  EXPECT_THAT(refusal({"list", "--token", "x"}), HasSubstr("choose a --context"));
}

TEST(CommandLine, TakesTheFileOfASupportBundleByO) {
  const auto invocation = parsed({"support-bundle", "-o", "b.tar.gz", "-n", "team-a"});
  EXPECT_EQ(invocation.command, Command::SupportBundle);
  EXPECT_EQ(invocation.options.bundle_file, "b.tar.gz");
  EXPECT_EQ(parsed({"-o", "b.tar.gz", "support-bundle"}).options.bundle_file, "b.tar.gz");
  EXPECT_THAT(refusal({"support-bundle", "-o", ""}), HasSubstr("a value is needed"));
}

TEST(CommandLine, ConvertsDaysToHours) {
  EXPECT_EQ(parsed({"create", "ci", "--user", "a", "--ttl", "30d"}).options.ttl, "720h");
  EXPECT_EQ(parsed({"create", "ci", "--user", "a", "--ttl", "1d30m"}).options.ttl, "24h30m");
  EXPECT_EQ(parsed({"create", "ci", "--user", "a", "--ttl", "90m"}).options.ttl, "90m")
      << "as it was written";
  EXPECT_EQ(parsed({"list", "--expiring-within", "30d"}).options.expiring_within,
            std::chrono::days(30));
}

TEST(CommandLine, AcceptsShortFlagsInOneWord) {
  for (const Words& words :
       {Words{"list", "-Aowide"}, Words{"-Aowide", "list"}, Words{"list", "-Ao", "wide"},
        Words{"-Ao", "wide", "list"}, Words{"list", "-A=true", "-o=wide"}}) {
    const auto invocation = parsed(words);
    EXPECT_EQ(invocation.command, Command::List);
    EXPECT_TRUE(invocation.options.all_namespaces);
    EXPECT_EQ(invocation.options.output, Output::Wide);
  }
  EXPECT_EQ(parsed({"revoke", "ci", "-ynteam-a"}).options.name_space, "team-a");
  EXPECT_EQ(parsed({"create", "ci", "--user", "a", "--description", "-yes"}).options.description,
            "-yes");
  EXPECT_THAT(refusal({"list", "-Axwide"}), HasSubstr("unknown flag -x of list"));
  EXPECT_THAT(refusal({"list", "-Ao"}), HasSubstr("--output needs a value"));
}

TEST(CommandLine, EndsFlagsAtTwoDashes) {
  EXPECT_THAT(parsed({"describe", "a", "--", "--b"}).arguments, ElementsAre("a", "--b"));
}

TEST(CommandLine, SuggestsASimilarWord) {
  EXPECT_THAT(refusal({"lst"}),
              AllOf(HasSubstr("unknown command \"lst\""), HasSubstr("did you mean list?")));
  EXPECT_THAT(refusal({"list", "--contxt", "x"}),
              AllOf(HasSubstr("--contxt"), HasSubstr("did you mean --context?")));
  EXPECT_THAT(refusal({"list", "-x"}), HasSubstr("unknown flag -x of list"));
  EXPECT_THAT(refusal({"list", "--ttl", "3h"}), HasSubstr("--ttl does not go with list"));
  EXPECT_THAT(refusal({"desc"}), HasSubstr("did you mean describe?"));
}

TEST(CommandLine, SuggestsNothingForAnUnlikeWord) {
  EXPECT_THAT(refusal({"frob"}),
              AllOf(Not(HasSubstr("did you mean")), HasSubstr("there is create, login, list,"),
                    HasSubstr("help")));
  EXPECT_THAT(
      refusal({"list", "--frobnicate"}),
      AllOf(Not(HasSubstr("did you mean")), HasSubstr("unknown flag --frobnicate of list")));
}

TEST(CommandLine, RefusesBadValuesWithFlagValueAndRemedy) {
  EXPECT_THAT(refusal({"create", "ci", "--user", "a", "--ttl", "3x"}),
              AllOf(HasSubstr("--ttl"), HasSubstr("\"3x\""), HasSubstr("30d, 12h or 90s")));
  EXPECT_THAT(refusal({"create", "ci", "--user", "a", "--type", "temporary"}),
              HasSubstr("Permanent and Temporary"));
  EXPECT_THAT(refusal({"list", "-n", "Team_A"}),
              AllOf(HasSubstr("--namespace"), HasSubstr("\"Team_A\"")));
  EXPECT_THAT(
      refusal({"list", "-o", "xml"}),
      AllOf(HasSubstr("unknown output format"), HasSubstr("allowed are wide, json, yaml, name")));
  for (const char* form : {"jsonpath={.items}", "go-template=x", "custom-columns=A:.a"})
    EXPECT_THAT(refusal({"list", "-o", form}),
                HasSubstr(std::string("use kubectl get apitokens -o ") + form));
  EXPECT_THAT(refusal({"create", "ci", "--user", "a", "--secret-label", "team"}),
              HasSubstr("KEY=VALUE"));
  EXPECT_THAT(refusal({"create", "ci", "--user", "a", "--label", "team=a,shop"}),
              HasSubstr("KEY=VALUE"));
  EXPECT_THAT(refusal({"list", "-o", "token"}), HasSubstr("allowed are wide, json, yaml, name"));
  EXPECT_THAT(refusal({"list", "-n"}), HasSubstr("--namespace needs a value"));
  EXPECT_THAT(refusal({"list", "--all=maybe"}), HasSubstr("true and false"));
  EXPECT_THAT(refusal({"create", "ci", "--user", "a", "--group", "a,,b"}),
              HasSubstr("empty entry"));
}

TEST(CommandLine, RefusesContradictions) {
  EXPECT_THAT(refusal({"create"}), HasSubstr("create needs NAME"));
  EXPECT_THAT(refusal({"create", "a", "b", "--user", "c"}), HasSubstr("\"b\" is too much"));
  EXPECT_THAT(refusal({"list", "a"}), HasSubstr("takes no names"));
  EXPECT_THAT(refusal({"login", "a"}), HasSubstr("takes no arguments"));
  EXPECT_THAT(refusal({"create", "ci"}), HasSubstr("--user"));
  EXPECT_THAT(refusal({"list", "--all", "--user", "a"}), HasSubstr("contradict"));
  EXPECT_THAT(refusal({"list", "--mine", "--user", "a"}), HasSubstr("contradict"));
  EXPECT_THAT(refusal({"login", "--copy", "-o", "token"}), HasSubstr("--copy contradicts"));
  EXPECT_THAT(refusal({"login", "--copy", "--wait=false"}), HasSubstr("--copy needs a minted"));
  EXPECT_THAT(refusal({"rotate", "a", "b", "--copy"}), HasSubstr("one at a time"));
  EXPECT_THAT(refusal({"create", "a", "--user", "b", "--encrypt-to", "f", "--copy"}),
              HasSubstr("cannot be shown here"));
  EXPECT_THAT(refusal({"test-mail"}), HasSubstr("test-mail needs CONFIG"));
  EXPECT_THAT(refusal({"test-mail", "default", "-n", "team-a"}),
              HasSubstr("does not go with test-mail"));
  EXPECT_EQ(parsed({"test-mail", "tec/default"}).arguments, std::vector<std::string>{"default"});
  EXPECT_THAT(refusal({"rotate", "ci", "-A"}), HasSubstr("does not go with rotate"));
  EXPECT_THAT(refusal({"lint"}), HasSubstr("-f FILE"));
  EXPECT_THAT(refusal({"login", "-o", "token", "--wait=false"}), HasSubstr("minted value"));
  EXPECT_THAT(refusal({"login", "-o", "json", "--show-value"}), HasSubstr("contradict"));
  EXPECT_THAT(refusal({"login", "-o", "token", "--show-value=false"}), HasSubstr("contradict"));
  EXPECT_EQ(parsed({"login", "-o", "json", "--show-value=false"}).options.show_value, false);
}

TEST(CommandLine, AcceptsNamesAsKubectlPrintsThem) {
  for (const char* kind :
       {"", "apitoken/", "apitokens/", "apitoken.apitoken.dev/", "apitokens.apitoken.dev/"})
    EXPECT_THAT(parsed({"describe", kind + std::string("ci")}).arguments, ElementsAre("ci"));
  EXPECT_THAT(parsed({"describe", "secret/ci"}).arguments, ElementsAre("secret/ci"));
  EXPECT_THAT(parsed({"verify", "--offline", "apitoken/ci"}).arguments, ElementsAre("apitoken/ci"));
}

TEST(CommandLine, RefusesAnEmptyNameWhichWouldMeanAll) {
  for (const Words& words :
       {Words{"describe", ""}, Words{"revoke", "", "--yes"}, Words{"rotate", "apitoken/"}})
    EXPECT_THAT(refusal(words), HasSubstr("which is empty"));
}

TEST(CommandLine, QuotesNoToken) {
  EXPECT_THAT(refusal({"verify", "a", "apt_x"}), Not(HasSubstr("apt_x")));
}

TEST(CommandLine, SuggestsTheCommandThatTakesTheArgument) {
  EXPECT_THAT(refusal({"get", "ci"}), HasSubstr("describe ci"));
  EXPECT_THAT(refusal({"lint", "a.yaml"}), HasSubstr("-f a.yaml"));
}

TEST(CommandLine, RefusesArgumentsThatAreNotUtf8) {
  EXPECT_THAT(refusal({"create", "ci", "--user", "a", "--description", "\xff\xfe"}),
              HasSubstr("not UTF-8"));
}

TEST(CommandLine, AcceptsHelpWithoutOtherArguments) {
  const auto invocation = parsed({"create", "--help"});
  EXPECT_EQ(invocation.command, Command::Create);
  EXPECT_TRUE(invocation.options.help);
  EXPECT_EQ(parsed({}).command, Command::Help);
}

TEST(Help, NamesEveryCommandFlagAndExitCode) {
  const auto all = help_text();
  for (const CommandRow& row : command_rows()) {
    if (row.name.empty()) continue;
    EXPECT_THAT(all, HasSubstr("  " + std::string(row.name) + " "));
    const auto one = help_text(row.command);
    for (const FlagRow& flag : flag_rows()) {
      if (takes(row.command, flag) && !row.about.empty()) {
        EXPECT_THAT(one, HasSubstr("--" + std::string(flag.name)));
      }
    }
  }
  for (const char* code :
       {"  0 ", "  1 ", "  2 ", "  3 ", "  4 ", "  5 ", "  6 ", "  7 ", "  130 "})
    EXPECT_THAT(all, HasSubstr(code));
}

TEST(Help, SeparatesFlagsFromTheirHelp) {
  for (const CommandRow& row : command_rows()) {
    for (const FlagRow& flag : flag_rows()) {
      if (!takes(row.command, flag) || row.about.empty() || flag.value.empty()) continue;
      EXPECT_THAT(help_text(row.command),
                  HasSubstr(std::string(flag.name) + " " + std::string(flag.value) + "  "));
    }
  }
}

TEST(Help, FitsTheWidthOfTheTerminal) {
  for (const std::size_t width : {40U, 60U, 80U, 120U}) {
    std::vector<std::string> texts{help_text(width)};
    for (const CommandRow& row : command_rows()) {
      auto text = help_text(row.command, width);
      const auto from = text.find("\nExamples:");
      if (from != text.npos) text.erase(from, text.find("\nFlags:") - from);
      texts.push_back(std::move(text));
    }
    for (const std::string& text : texts) {
      std::istringstream lines(text);
      for (std::string line; std::getline(lines, line);) {
        if (line.find("kubectl apitoken") != line.npos) continue;  // a command is not broken
        EXPECT_LE(line.size(), width) << line;
      }
    }
  }
  EXPECT_THAT(help_text(Command::Show, 120), HasSubstr("of printing it.\n"));
  EXPECT_THAT(help_text(Command::Show, 40), HasSubstr("  --copy\n          Put the value"));
}

TEST(Help, OfLoginSaysHowLongALoginLasts) {
  EXPECT_THAT(help_text(Command::Login),
              AllOf(HasSubstr("at most 24h"), HasSubstr("Default: 8h"), Not(HasSubstr("a year"))));
  EXPECT_THAT(help_text(Command::Create), HasSubstr("Default: a year"));
}

TEST(Help, OfVerifySaysThatItSearchesAllNamespaces) {
  EXPECT_THAT(help_text(Command::Verify),
              AllOf(HasSubstr("Only this namespace"), Not(HasSubstr("that of the context"))));
  EXPECT_THAT(help_text(Command::List), HasSubstr("that of the context"));
}

}  // namespace
}  // namespace apitoken::cli
