// Messages for people: the API server's errors, and the state of a token.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "api/names.hpp"
#include "base/rfc3339.hpp"
#include "cli/await.hpp"
#include "cli/cluster_failure.hpp"
#include "cli/minted.hpp"

namespace apitoken::cli {
namespace {

using testing::HasSubstr;

TEST(Words, AreThoseOfTheServer) {
  EXPECT_EQ(server_words({ErrorKind::NotFound,
                          "get apitokens.apitoken.dev x in a: apitokens \"x\" not found (404)"}),
            "apitokens \"x\" not found");
  EXPECT_EQ(server_words({ErrorKind::Invalid, "create apitokens in a: bad: worse (in all) (422)"}),
            "bad: worse (in all)");
  EXPECT_EQ(server_words({ErrorKind::Unavailable, "list apitokens: https://h: no connection"}),
            "https://h: no connection");
  EXPECT_EQ(server_words({ErrorKind::Invalid, "list x: a\nb\x1b[2J (400)"}).find('\n'),
            std::string::npos);
}

api::ApiToken token(std::string_view ready, std::string_view reason, std::string_view stalled) {
  api::ApiToken result;
  result.meta.name = "ci";
  result.meta.generation = 1;
  result.status.observed_generation = 1;
  result.status.token_hash = ready == "True" ? "sha256:x" : "";
  result.status.conditions = {{api::condition::kReady, ready, reason, "why", {}, 1},
                              {api::condition::kStalled, stalled, reason, "why", {}, 1}};
  return result;
}

TEST(Waiting, EndsIfReadyAndFailsIfStalled) {
  EXPECT_EQ(is_minted(api::ApiToken{}).value(), false);
  EXPECT_EQ(is_minted(token("True", "Issued", "False")).value(), true);
  EXPECT_EQ(is_minted(token("False", "Pending", "False")).value(), false);
  const auto stalled = is_minted(token("False", "SecretConflict", "True"));
  ASSERT_FALSE(stalled);
  EXPECT_EQ(stalled.error().code, ExitCode::Failed);
  EXPECT_THAT(stalled.error().message, HasSubstr("SecretConflict: why"));
  auto older = token("True", "Issued", "False");
  older.meta.generation = 2;
  EXPECT_EQ(is_minted(older).value(), false) << "the status answers an older spec";
}

TEST(Waiting, DescribesTheStateOfAToken) {
  api::ApiToken unanswered;
  unanswered.meta.ns = "team-a";
  EXPECT_EQ(state_of(unanswered),
            "no answer from apitoken-operator yet; is it running? Do its --namespaces include "
            "team-a?");
  EXPECT_EQ(state_of(token("False", "Pending", "False")), "Pending: why");
}

TEST(Waiting, IgnoresAStatusOfAnOlderRequest) {
  auto changed = token("True", "Issued", "False");
  changed.meta.generation = 2;
  EXPECT_THAT(state_of(changed), HasSubstr("no answer from apitoken-operator yet"));
  auto rotating = token("True", "Issued", "False");
  rotating.meta.annotations[std::string(api::kRotateRequestAnnotation)] = "2026-11-25T00:00:00Z";
  EXPECT_THAT(state_of(rotating), HasSubstr("no answer from apitoken-operator yet"));
  rotating.status.last_rotation_request = "2026-11-25T00:00:00Z";
  EXPECT_EQ(state_of(rotating), "Issued: why");
}

TEST(Words, SayWhenATokenExpires) {
  const auto now = *parse_rfc3339("2026-11-25T00:00:00Z");
  api::ApiTokenStatus status;
  EXPECT_EQ(expiry_text(status, now), "no expiry yet");
  status.expires_at = now + std::chrono::hours(240);
  EXPECT_EQ(expiry_text(status, now), "expires 2026-12-05T00:00:00Z (in 10d)");
  status.expires_at = now - std::chrono::hours(1);
  EXPECT_EQ(expiry_text(status, now), "expired 2026-11-24T23:00:00Z (60m ago)");
}

TEST(Exceptions, BecomeAFailureOfOneLine) {
  const auto thrown =
      caught([]() -> Outcome<ExitCode> { throw std::runtime_error("no such luck"); });
  ASSERT_FALSE(thrown);
  EXPECT_EQ(thrown.error().code, ExitCode::Failed);
  EXPECT_EQ(thrown.error().message, "kubectl-apitoken failed: no such luck");
  EXPECT_FALSE(caught([]() -> Outcome<ExitCode> { throw 5; }));
  EXPECT_EQ(caught([]() -> Outcome<ExitCode> { return ExitCode::NotValid; }).value(),
            ExitCode::NotValid);
}

}  // namespace
}  // namespace apitoken::cli
