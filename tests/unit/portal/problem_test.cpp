// Refusals of the API server as the browser gets them.
#include "portal/problem.hpp"

#include <gtest/gtest.h>

namespace apitoken::portal {
namespace {

TEST(Problem, OfAPolicyNamesTheFieldAndKeepsItsSentence) {
  const auto problem = problem_of(422, R"({"kind":"Status","code":422,"reason":"Invalid",
      "message":"x denied request: spec.user: you may not name bob@example.com",
      "details":{"causes":[{"message":"something else"}]}})");
  EXPECT_EQ(problem.status, 422);
  ASSERT_EQ(problem.causes.size(), 1U);
  EXPECT_EQ(problem.causes[0].field, "user");
  EXPECT_EQ(problem.causes[0].message, "you may not name bob@example.com");
}

TEST(Problem, OfAPolicyWithoutAFieldKeepsTheSentence) {
  const auto problem = problem_of(
      403, R"({"kind":"Status","message":"x denied request: only machines: of this namespace"})");
  ASSERT_EQ(problem.causes.size(), 1U);
  EXPECT_EQ(problem.causes[0].field, "");
  EXPECT_EQ(problem.causes[0].message, "only machines: of this namespace");
}

TEST(Problem, OfTheSchemaHasACauseForEachField) {
  const auto problem =
      problem_of(422, R"({"kind":"Status","reason":"Invalid","message":"is invalid",
      "details":{"causes":[{"field":"spec.ttl","message":"must be at least 10s"},
                           {"field":"spec.secret.encryptTo","message":"is private"},
                           {"field":"metadata.name","message":"is bad"},
                           {"field":"spec.groups[2]","message":"is reserved"}]}})");
  ASSERT_EQ(problem.causes.size(), 4U);
  EXPECT_EQ(problem.causes[0].field, "ttl");
  EXPECT_EQ(problem.causes[1].field, "secret.encryptTo");
  EXPECT_EQ(problem.causes[2].field, "name");
  EXPECT_EQ(problem.causes[3].field, "groups");
}

TEST(Problem, SaysWhatToDoAtEachStatus) {
  for (int status = 400; status < 600; ++status) {
    EXPECT_NE(to_json({status, "Reason", "What happened."})["remedy"], "") << status;
    EXPECT_NE(to_json(problem_of(status, "{}"))["remedy"], "") << status;
  }
  EXPECT_EQ(to_json({404, "NotFound", "What happened.", "Look there."})["remedy"], "Look there.");
}

TEST(Problem, OfAnObjectThatWasReplacedIsAConflict) {
  const auto problem =
      problem_of(422, R"({"kind":"Status","reason":"Invalid","message":"is invalid",
      "details":{"causes":[{"field":"metadata.uid","message":"field is immutable"}]}})");
  EXPECT_EQ(problem.status, 409);
  EXPECT_EQ(problem.reason, "Conflict");
  EXPECT_TRUE(problem.causes.empty());
}

TEST(Problem, OfAMissingCrdSaysWhatToInstall) {
  const auto problem = problem_of(
      404, R"({"kind":"Status","message":"the server could not find the requested resource"})");
  EXPECT_EQ(problem.reason, "CrdMissing");
  EXPECT_NE(problem.remedy.find("CRDs"), std::string::npos);
}

TEST(Problem, OfAProxyIsShortAndPlain) {
  const auto problem = problem_of(502, std::string(1000, 'x') + "\x1b[31m<script>");
  EXPECT_EQ(problem.status, 502);
  EXPECT_EQ(problem.message, "The API server answered 502.");
  EXPECT_EQ(problem_of(302, "").status, 502);
}

TEST(Problem, BodiesAreValidJsonForAnyWordsOfTheServer) {
  Problem problem{400, "BadRequest", "broken \xff text"};
  problem.extra["present"] = {{"a", 1}};
  const auto body = nlohmann::json::parse(to_answer(problem).body);
  EXPECT_EQ(body["status"], 400);
  EXPECT_EQ(body["present"]["a"], 1);
  EXPECT_TRUE(body["causes"].is_array());
}

}  // namespace
}  // namespace apitoken::portal
