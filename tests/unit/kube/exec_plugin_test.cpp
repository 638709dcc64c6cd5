// Credential plugins: runs small scripts.
#include "kube/exec_plugin.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <latch>
#include <thread>

#include "base/rfc3339.hpp"
#include "support/manual_clock.hpp"
#include "support/temporary_folder.hpp"

namespace apitoken::kube {
namespace {

using namespace std::chrono_literals;
using test::TemporaryFolder;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kV1 = "client.authentication.k8s.io/v1";

class ExecPluginTest : public testing::Test {
 protected:
  ExecPluginSettings settings(const std::string& script) {
    return {.api_version = kV1,
            .command = folder.write_script("plugin", script),
            .arguments = {},
            .environment = {{"FOLDER", folder.path()}},
            .install_hint = "get it from example.com",
            .cluster = "",
            .user = "robot",
            .timeout = 10s};
  }
  static std::string answer(const std::string& status) {
    return R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":)" +
           status + "}";
  }
  std::string failure(const ExecPluginSettings& with) {
    const auto credential = ExecPlugin(with, clock).credential();
    if (credential) return "it succeeded";
    EXPECT_EQ(credential.error().kind, ErrorKind::Unauthorized);
    EXPECT_THAT(credential.error().message, AllOf(HasSubstr("robot"), HasSubstr("plugin"),
                                                  HasSubstr("get it from example.com")));
    return credential.error().message;
  }
  // Counts its runs in the file "runs" and gives the token "t<run>".
  std::string counting(const std::string& expiry) {
    return "echo x >> \"$FOLDER/runs\"; n=$(wc -l < \"$FOLDER/runs\" | tr -d ' ')\n"
           "echo "
           "'{\"apiVersion\":\"client.authentication.k8s.io/"
           "v1\",\"kind\":\"ExecCredential\",\"status\":{\"token\":\"t'$n'\"" +
           (expiry.empty() ? "" : ",\"expirationTimestamp\":\"" + expiry + "\"") + "}}'";
  }

  TemporaryFolder folder;
  ManualClock clock{WallTime(Seconds(1'700'000'000))};
};

TEST_F(ExecPluginTest, ReturnsTheToken) {
  ExecPlugin plugin(settings("echo '" + answer(R"({"token":"abc"})") + "'"), clock);
  const auto credential = plugin.credential();
  ASSERT_TRUE(credential) << credential.error().message;
  EXPECT_EQ((*credential)->token.reveal(), "abc");
  EXPECT_EQ((*credential)->certificate, "");
}

TEST_F(ExecPluginTest, ReturnsTheClientCertificate) {
  ExecPlugin plugin(
      settings("cat <<'X'\n" + answer(R"({"clientCertificateData":"CERT","clientKeyData":"KEY"})") +
               "\nX\n"),
      clock);
  const auto credential = plugin.credential();
  ASSERT_TRUE(credential) << credential.error().message;
  EXPECT_EQ((*credential)->certificate, "CERT");
  EXPECT_EQ((*credential)->key.reveal(), "KEY");
}

TEST_F(ExecPluginTest, GivesThePluginArgumentsEnvironmentAndClusterButNoTerminal) {
  auto with = settings(
      "printf '%s|' \"$@\" > \"$FOLDER/args\"; echo \"$EXTRA\" > \"$FOLDER/extra\"\n"
      "printf %s \"$KUBERNETES_EXEC_INFO\" > \"$FOLDER/info\"; cat > \"$FOLDER/input\"; ls "
      "/proc/self/fd > "
      "\"$FOLDER/open\"\n"
      "echo '" +
      answer(R"({"token":"abc"})") + "'");
  with.arguments = {"get-token", "$(touch x); two words"};
  with.environment.emplace_back("EXTRA", "value");
  with.cluster = R"({"server":"https://h:1"})";
  const auto credential = ExecPlugin(with, clock).credential();
  ASSERT_TRUE(credential) << credential.error().message;
  EXPECT_EQ(folder.read("args"), "get-token|$(touch x); two words|");
  EXPECT_EQ(folder.read("extra"), "value\n");
  EXPECT_EQ(
      folder.read("info"),
      R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"cluster":{"server":"https://h:1"},"interactive":false}})");
  EXPECT_EQ(folder.read("input"), "");
  EXPECT_EQ(folder.read("open"), "0\n1\n2\n3\n") << "descriptor 3 belongs to ls";
}

TEST_F(ExecPluginTest, GivesThePluginTheTerminalIfItIsHandedOver) {
  auto with = settings(
      "printf %s \"$KUBERNETES_EXEC_INFO\" > \"$FOLDER/info\"; readlink /proc/self/fd/0 > "
      "\"$FOLDER/input\"; readlink /proc/$$/fd/2 > \"$FOLDER/errors\"\n"
      "awk '{print $5}' /proc/self/stat > \"$FOLDER/group\"\n"
      "echo '" +
      answer(R"({"token":"abc"})") + "'");
  with.terminal = true;
  const auto credential = ExecPlugin(with, clock).credential();
  ASSERT_TRUE(credential) << credential.error().message;
  EXPECT_THAT(folder.read("info"), HasSubstr("\"interactive\":true"));
  const auto ours = [](int descriptor) {
    return std::filesystem::read_symlink(fmt::format("/proc/self/fd/{}", descriptor)).string() +
           "\n";
  };
  EXPECT_EQ(folder.read("input"), ours(0));
  EXPECT_EQ(folder.read("errors"), ours(2));
  EXPECT_EQ(folder.read("group"), fmt::format("{}\n", getpgrp()))
      << "a terminal stops processes of other groups that read from it";
}

TEST_F(ExecPluginTest, RunsOnceWhileTheAnswerIsValid) {
  ExecPlugin plugin(settings(counting(format_rfc3339(clock.wall() + 60s))), clock);
  EXPECT_EQ((*plugin.credential())->token.reveal(), "t1");
  clock.advance(50s);
  EXPECT_EQ((*plugin.credential())->token.reveal(), "t1");
  clock.advance(5s);
  EXPECT_EQ((*plugin.credential())->token.reveal(), "t2");
}

TEST_F(ExecPluginTest, KeepsAnAnswerWithoutExpiryUntilItIsRefused) {
  ExecPlugin plugin(settings(counting("")), clock);
  EXPECT_EQ((*plugin.credential())->token.reveal(), "t1");
  clock.advance(std::chrono::hours(1000));
  EXPECT_EQ((*plugin.credential())->token.reveal(), "t1");
  plugin.drop();
  EXPECT_EQ((*plugin.credential())->token.reveal(), "t2");
}

TEST_F(ExecPluginTest, RunsOnceForAllThreadsThatWait) {
  ExecPlugin plugin(settings(counting("")), clock);
  std::latch ready(6);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 6; ++i) {
      threads.emplace_back([&] {
        ready.arrive_and_wait();
        EXPECT_EQ((*plugin.credential())->token.reveal(), "t1");
      });
    }
  }
  EXPECT_EQ(folder.read("runs"), "x\n");
}

TEST_F(ExecPluginTest, ShowsTheLastLineOfAPluginThatFails) {
  EXPECT_THAT(failure(settings("echo first >&2; echo 'please log in' >&2; exit 3")),
              AllOf(HasSubstr("code 3"), HasSubstr("\"please log in\""), Not(HasSubstr("first"))));
  EXPECT_THAT(failure(settings("kill -9 $$")), HasSubstr("signal 9"));
}

TEST_F(ExecPluginTest, SaysThatItCannotBeStarted) {
  auto with = settings("");
  with.command = folder.path("plugin-that-is-not-there");
  EXPECT_THAT(failure(with), HasSubstr("No such file"));
}

TEST_F(ExecPluginTest, KillsAPluginThatHangsWithItsChildren) {
  auto with = settings("sleep 1000 & echo $! > \"$FOLDER/pid\"; wait");
  with.timeout = 300ms;
  EXPECT_THAT(failure(with), HasSubstr("300 ms"));
  const int grandchild = std::stoi(folder.read("pid"));
  const auto deadline = std::chrono::steady_clock::now() + 5s;
  const auto is_running = [&] {
    std::ifstream stat("/proc/" + std::to_string(grandchild) + "/stat");
    std::string pid, name, state;
    return stat >> pid >> name >> state && state != "Z";
  };
  while (is_running() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_FALSE(is_running());
}

TEST_F(ExecPluginTest, DoesNotWaitForAGrandchildThatKeepsTheOutputOpen) {
  ExecPlugin plugin(
      settings("sleep 20 & echo $! > \"$FOLDER/pid\"; echo '" + answer(R"({"token":"abc"})") + "'"),
      clock);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(plugin.credential());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
  kill(std::stoi(folder.read("pid")), SIGKILL);
}

TEST_F(ExecPluginTest, KillsAPluginThatWritesTooMuch) {
  EXPECT_THAT(failure(settings("yes")), HasSubstr("more than 1048576 bytes"));
}

TEST_F(ExecPluginTest, RefusesAnswersThatBreakTheContractWithoutRepeatingThem) {
  const auto refusal = [](const std::string& text) {
    const auto credential = decode_exec_credential(text, kV1);
    EXPECT_FALSE(credential);
    return credential ? "" : credential.error().message;
  };
  EXPECT_THAT(refusal("s3cret"), AllOf(HasSubstr("JSON"), Not(HasSubstr("s3cret"))));
  EXPECT_THAT(
      refusal(R"({"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential"})"),
      HasSubstr("v1beta1"));
  EXPECT_THAT(
      refusal(R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential"})"),
      HasSubstr("no status"));
  EXPECT_THAT(refusal(answer("{}")), HasSubstr("neither"));
  EXPECT_THAT(refusal(answer(R"({"clientKeyData":"s3cret"})")),
              AllOf(HasSubstr("only one"), Not(HasSubstr("s3cret"))));
  EXPECT_THAT(refusal(answer(R"({"token":"s3cret\nHost: x"})")),
              AllOf(HasSubstr("header"), Not(HasSubstr("s3cret"))));
  EXPECT_THAT(refusal(answer(R"({"token":"t","expirationTimestamp":"soon"})")), HasSubstr("soon"));
}

}  // namespace
}  // namespace apitoken::kube
