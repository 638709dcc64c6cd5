#include "base/log.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/failure_log.hpp"

namespace apitoken::log {
namespace {

using nlohmann::json;

const auto kTime = std::chrono::sys_days(std::chrono::November / 24 / 2026) +
                   std::chrono::milliseconds(28'800'123);

std::string text(std::string_view message, Fields fields = {}) {
  return text_line(kTime, Level::Info, message, fields);
}
std::string json_text(std::string_view message, Fields fields = {}) {
  return json_line(kTime, Level::Info, message, fields);
}

TEST(TextLine, HasTimeLevelMessageAndFields) {
  EXPECT_EQ(text("minted", {{"namespace", "team-a"}, {"revision", 3}, {"dry_run", true}}),
            "2026-11-24T08:00:00.123Z INFO  minted namespace=team-a revision=3 dry_run=true\n");
  EXPECT_EQ(text_line(kTime, Level::Error, "x", {}), "2026-11-24T08:00:00.123Z ERROR x\n");
}

TEST(TextLine, QuotesAValueThatWouldNotEndAtItsBlank) {
  EXPECT_EQ(text("x", {{"a", ""}, {"b", "two words"}, {"c", "k=v"}, {"d", "say \"no\" \\ go"}}),
            "2026-11-24T08:00:00.123Z INFO  x a=\"\" b=\"two words\" c=\"k=v\" "
            "d=\"say \\\"no\\\" \\\\ go\"\n");
}

TEST(TextLine, StaysOneLineAndHarmlessToATerminal) {
  EXPECT_EQ(text("a\nb\x1b[31m \"c\\", {{"d", "e\nf"}}),
            "2026-11-24T08:00:00.123Z INFO  a\\nb\\u001b[31m \"c\\ d=\"e\\nf\"\n");
}

TEST(JsonLine, HasTheFieldsBesideTheMessage) {
  EXPECT_EQ(json_line(kTime, Level::Debug, "minted",
                      Fields{{"namespace", "team-a"}, {"error", "no luck"}}),
            "{\"time\":\"2026-11-24T08:00:00.123Z\",\"level\":\"debug\",\"msg\":\"minted\","
            "\"namespace\":\"team-a\",\"error\":\"no luck\"}\n");
}

// An API server, a user or a mail server wrote these texts.
TEST(JsonLine, HostileTextMakesNoFieldsOfItsOwn) {
  for (const std::string& hostile :
       {std::string("no such user level=error msg=fine name=root"), std::string("\" name=\"root"),
        std::string("\",\"name\":\"root"), std::string("x\n{\"name\":\"root\"}"),
        std::string("\\\" name=root"), std::string(1, '\0') + "=1 name=2"}) {
    const auto line = json_text("cannot mint", {{"name", "ci"}, {"error", hostile}});
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    const auto object = json::parse(line);
    EXPECT_EQ(object.size(), 5u) << line;
    EXPECT_EQ(object["name"], "ci");
    EXPECT_EQ(object["level"], "info");
    EXPECT_EQ(object["error"], hostile);
    EXPECT_EQ(json::parse(json_text(hostile))["msg"], hostile);
  }
}

TEST(JsonLine, IsValidJsonForAnyBytes) {
  std::string every_byte;
  for (int byte = 0; byte < 256; ++byte) every_byte += static_cast<char>(byte);
  for (const std::string& bytes :
       {every_byte, std::string("\xE2\x82"), std::string("\xF0\x9F\x92"),
        std::string("\xED\xA0\x80"), std::string("\xC0\xAF"), std::string()}) {
    const auto line = json_text(bytes, {{"value", bytes}});
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    EXPECT_TRUE(json::accept(line)) << line;
  }
}

TEST(JsonLine, KeepsUtf8AndReplacesOtherBytes) {
  EXPECT_EQ(json::parse(json_text("gr\xC3\xBC\xC3\x9F \xF0\x9F\x92\xA1 \xFF!"))["msg"],
            "gr\xC3\xBC\xC3\x9F \xF0\x9F\x92\xA1 \xEF\xBF\xBD!");
}

// Sends stderr to `to` for the time of one test.
class Redirected {
 public:
  explicit Redirected(int to) : saved_(dup(STDERR_FILENO)) { dup2(to, STDERR_FILENO); }
  ~Redirected() {
    dup2(saved_, STDERR_FILENO);
    close(saved_);
    set_up(Level::Info, Format::Text);
  }

 private:
  int saved_;
};

TEST(SetUp, WritesLinesOfTheLevelAndAboveToStderr) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  {
    const Redirected redirected(ends[1]);
    set_up(Level::Warn, Format::Json);
    info("not this");
    warn("but this", {{"name", "ci"}});
  }
  close(ends[1]);
  std::string written(1000, '\0');
  written.resize(static_cast<std::size_t>(read(ends[0], written.data(), written.size())));
  close(ends[0]);
  const auto line = json::parse(written);
  EXPECT_EQ(line["msg"], "but this");
  EXPECT_EQ(line["name"], "ci");
  EXPECT_EQ(line["level"], "warn");
}

TEST(SetUp, AReaderThatWentAwayDoesNotEndTheProgram) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  {
    const Redirected redirected(ends[1]);
    set_up(Level::Info, Format::Text);
    error("nobody reads this");
  }
  close(ends[1]);
}

TEST(FailureLog, LogsTheBeginAndTheEndOfAFailureOnce) {
  std::vector<std::string> lines;
  auto previous = exchange_sink(
      [&](Level, auto message, auto fields) { lines.push_back(plain_line(message, fields)); });
  FailureLog log{"cannot read", "reading again"};
  log.succeeded();
  for (int i = 0; i < 3; ++i) log.failed({ErrorKind::Forbidden, "no", {}}, {{"name", "ci"}});
  log.succeeded();
  log.succeeded();
  exchange_sink(std::move(previous));
  EXPECT_THAT(lines,
              testing::ElementsAre("cannot read name=ci kind=Forbidden error=no", "reading again"));
}

}  // namespace
}  // namespace apitoken::log
