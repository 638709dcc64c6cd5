#include "program/log.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

namespace apitoken {
namespace {

using nlohmann::json;

const auto kTime = std::chrono::sys_days(std::chrono::November / 24 / 2026) +
                   std::chrono::milliseconds(28'800'123);

TEST(TextLine, HasTimeLevelAndMessage) {
  EXPECT_EQ(format_text_line(kTime, LogLevel::Info, "minted namespace=team-a name=ci"),
            "2026-11-24T08:00:00.123Z INFO  minted namespace=team-a name=ci\n");
  EXPECT_EQ(format_text_line(kTime, LogLevel::Error, "x"), "2026-11-24T08:00:00.123Z ERROR x\n");
}

TEST(TextLine, AMessageStaysOneLineAndHarmlessToATerminal) {
  EXPECT_EQ(format_text_line(kTime, LogLevel::Warn, "a\nb\x1b[31m \"c\\"),
            "2026-11-24T08:00:00.123Z WARN  a\\nb\\u001b[31m \"c\\\n");
}

TEST(JsonLine, PutsFieldsBesideTheMessage) {
  EXPECT_EQ(format_json_line(kTime, LogLevel::Debug, "minted namespace=team-a error=\"no luck\""),
            "{\"time\":\"2026-11-24T08:00:00.123Z\",\"level\":\"debug\",\"msg\":\"minted\","
            "\"namespace\":\"team-a\","
            "\"error\":\"no luck\"}\n");
}

TEST(JsonLine, IsValidJsonWhateverTheMessage) {
  std::string every_byte;
  for (int byte = 0; byte < 256; ++byte) every_byte += static_cast<char>(byte);
  for (const std::string& message :
       {every_byte, std::string("\xE2\x82"), std::string("\xF0\x9F\x92"),
        std::string("\xED\xA0\x80"), std::string("\xC0\xAF"), std::string(),
        std::string("=\" = a="), std::string(" a=1 a=2"), std::string("x \xFF=1")}) {
    const auto line = format_json_line(kTime, LogLevel::Info, message);
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    EXPECT_TRUE(json::accept(line)) << line;
  }
}

TEST(JsonLine, KeepsUtf8AndReplacesWhatIsNone) {
  const auto line = json::parse(
      format_json_line(kTime, LogLevel::Info, "gr\xC3\xBC\xC3\x9F \xF0\x9F\x92\xA1 \xFF!"));
  EXPECT_EQ(line["msg"], "gr\xC3\xBC\xC3\x9F \xF0\x9F\x92\xA1 \xEF\xBF\xBD!");
}

TEST(SplitFields, AValueRunsToTheNextKey) {
  EXPECT_EQ(
      split_fields("cannot mint name=ci error=create secrets in team-a: no code=403"),
      (LogMessage{"cannot mint",
                  {{"name", "ci"}, {"error", "create secrets in team-a: no"}, {"code", "403"}}}));
}

TEST(SplitFields, QuotesHoldAValueTogether) {
  EXPECT_EQ(split_fields("x note=\"a b=c \\\" d=e\" f=g"),
            (LogMessage{"x", {{"note", "a b=c \\\" d=e"}, {"f", "g"}}}));
}

TEST(SplitFields, WhatWouldMakeAKeyTwiceStaysText) {
  for (const char* message :
       {"x a=1 a=2", "x level=9", "x msg=no", "no fields", "a == b", "x A=1"}) {
    EXPECT_EQ(split_fields(message), (LogMessage{message, {}}));
  }
}

// stderr is put elsewhere for the time of one test.
class Redirected {
 public:
  explicit Redirected(int to) : saved_(dup(STDERR_FILENO)), before_(spdlog::default_logger()) {
    dup2(to, STDERR_FILENO);
  }
  ~Redirected() {
    dup2(saved_, STDERR_FILENO);
    close(saved_);
    spdlog::set_default_logger(before_);
  }

 private:
  int saved_;
  std::shared_ptr<spdlog::logger> before_;
};

TEST(SetUpLog, WritesLinesOfTheLevelAndAboveToStderr) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  {
    const Redirected redirected(ends[1]);
    set_up_log(LogLevel::Warn, LogFormat::Json);
    spdlog::info("not this");
    spdlog::warn("but this name={}", "ci");
  }
  close(ends[1]);
  std::string said(1000, '\0');
  said.resize(static_cast<std::size_t>(read(ends[0], said.data(), said.size())));
  close(ends[0]);
  const auto line = json::parse(said);
  EXPECT_EQ(line["msg"], "but this");
  EXPECT_EQ(line["name"], "ci");
  EXPECT_EQ(line["level"], "warn");
}

TEST(SetUpLog, AReaderThatWentAwayDoesNotEndTheProgram) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  {
    const Redirected redirected(ends[1]);
    set_up_log(LogLevel::Info, LogFormat::Text);
    spdlog::error("nobody hears this");
  }
  close(ends[1]);
}

}  // namespace
}  // namespace apitoken
