#include "api/review.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "parsed.hpp"

namespace apitoken::api {
namespace {

constexpr const char* kAsked = R"({"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview",
  "metadata":{"creationTimestamp":null},"spec":{"token":"secret","audiences":["a","b"]},
  "status":{"user":{}}})";

TEST(Review, DecodesATokenReviewOfTheApiServer) {
  const Parsed parsed(kAsked);
  const auto question = decode_token_question(parsed.json());
  ASSERT_TRUE(question) << question.error().message;
  EXPECT_EQ(question->api_version, "authentication.k8s.io/v1");
  EXPECT_EQ(question->token.reveal(), "secret");
  EXPECT_EQ(question->audiences, (std::vector<std::string>{"a", "b"}));
}

TEST(Review, AcceptsV1Beta1) {
  const Parsed parsed(
      R"({"apiVersion":"authentication.k8s.io/v1beta1","kind":"TokenReview",
          "spec":{"token":"t"}})");
  const auto question = decode_token_question(parsed.json());
  ASSERT_TRUE(question);
  EXPECT_EQ(question->api_version, "authentication.k8s.io/v1beta1");
}

TEST(Review, RefusesOtherBodiesAndNamesTheFieldButNoToken) {
  const std::string head = R"({"apiVersion":"authentication.k8s.io/v1","kind":)";
  const std::pair<std::string, const char*> wrong[] = {
      {"[]", "send authentication.k8s.io/v1"},
      {R"({"apiVersion":"v1","kind":"TokenReview","spec":{"token":"secret"}})", "apiVersion"},
      {R"({"apiVersion":"secret","kind":"TokenReview","spec":{"token":"t"}})", "apiVersion"},
      {head + R"("Pod","spec":{"token":"secret"}})", "send TokenReview"},
      {head + R"("secret","spec":{"token":"t"}})", "send TokenReview"},
      {head + R"("TokenReview"})", "spec.token"},
      {head + R"("TokenReview","spec":{"token":7}})", "spec.token"},
      {head + R"("TokenReview","spec":{"token":""}})", "spec.token"},
      {head + R"("TokenReview","spec":{"token":["secret"]}})", "spec.token"},
      {head + R"("TokenReview","spec":"secret"})", "spec.token"},
      {head + R"("TokenReview","spec":{"token":"secret","audiences":"a"}})", "spec.audiences"},
      {head + R"("TokenReview","spec":{"token":"t","audiences":{"secret":1}}})", "spec.audiences"},
  };
  for (const auto& [text, named] : wrong) {
    const Parsed parsed(text);
    const auto question = decode_token_question(parsed.json());
    ASSERT_FALSE(question) << text;
    EXPECT_NE(question.error().message.find(named), std::string::npos) << question.error().message;
    EXPECT_EQ(question.error().message.find("secret"), std::string::npos)
        << question.error().message;
  }
}

TEST(Review, EncodesUserAndAudiencesOnlyIfAuthenticated) {
  TokenVerdict verdict;
  EXPECT_EQ(encode_token_verdict("authentication.k8s.io/v1", verdict),
            R"({"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview",)"
            R"("status":{"authenticated":false}})");
  verdict.authenticated = true;
  verdict.user = {"alice", "u-1", {"g"}, {{"apitoken.dev/token-id", {"7Gk2"}}}};
  verdict.audiences = {"a"};
  const Parsed parsed(encode_token_verdict("authentication.k8s.io/v1", verdict));
  const auto read = decode_token_verdict(parsed.json());
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, verdict);
}

TEST(Review, EncodesReviewsForTheApiServer) {
  const auto asked = nlohmann::json::parse(encode_token_question("secret", {}).reveal());
  EXPECT_EQ(asked["kind"], "TokenReview");
  EXPECT_EQ(asked["spec"], (nlohmann::json{{"token", "secret"}}))
      << "no audiences: the API server's own";
  EXPECT_EQ(nlohmann::json::parse(
                encode_token_question("secret", {"a", "b"}).reveal())["spec"]["audiences"],
            (nlohmann::json{"a", "b"}));
  const UserInfo user{"system:serviceaccount:a:b", "u", {"system:authenticated"}, {{"k", {"v"}}}};
  const auto access = nlohmann::json::parse(
      encode_access_question(user, "introspect", "apitoken.dev", "apitokens"));
  EXPECT_EQ(access["spec"]["user"], user.name);
  EXPECT_EQ(access["spec"]["groups"], user.groups);
  EXPECT_EQ(access["spec"]["resourceAttributes"],
            (nlohmann::json{
                {"verb", "introspect"}, {"group", "apitoken.dev"}, {"resource", "apitokens"}}));
}

TEST(Review, AccessIsAllowedUnlessDenied) {
  const auto allowed = [](const char* text) {
    const Parsed parsed(text);
    return decode_access_verdict(parsed.json());
  };
  EXPECT_TRUE(*allowed(R"({"status":{"allowed":true}})"));
  EXPECT_FALSE(*allowed(R"({"status":{"allowed":false}})"));
  EXPECT_FALSE(*allowed(R"({"status":{"allowed":true,"denied":true}})"));
  EXPECT_FALSE(*allowed(R"({"status":{}})"));
  EXPECT_FALSE(allowed(R"({})").has_value());
}

}  // namespace
}  // namespace apitoken::api
