// What leaves a cluster in a support bundle: no person and no secret.
#include "cli/redaction.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace apitoken::cli {
namespace {

using nlohmann::json;

TEST(Redaction, GivesEachPersonOnePseudonym) {
  Redaction redaction;
  EXPECT_EQ(redaction.user("alice@example.com"), "user-1");
  EXPECT_EQ(redaction.user("bob"), "user-2");
  EXPECT_EQ(redaction.user("alice@example.com"), "user-1");
  EXPECT_EQ(redaction.user(""), "");
  EXPECT_EQ(redaction.text("to alice@example.com; carol@example.com, <dave@x.org>"),
            "to user-1; address-1, <address-2>");
  EXPECT_EQ(redaction.text("carol@example.com"), "address-1");
}

TEST(Redaction, FindsUsersAsWholeWordsInAnyText) {
  Redaction redaction;
  redaction.user("bob");
  redaction.user("oidc:Zoë Q.");
  redaction.user("robot:team-a:ci");
  redaction.user("eve@x.org");
  const std::pair<const char*, const char*> rows[] = {
      {"user=bob", "user=user-1"},
      {R"({"user":"bob","n":1})", R"({"user":"user-1","n":1})"},
      {"bob's, (bob) bob.", "user-1's, (user-1) user-1."},
      {"bobby bob-laptop bob.smith my-bob xbob", "bobby bob-laptop bob.smith my-bob xbob"},
      {"User \"oidc:Zoë Q.\" cannot", "User \"user-2\" cannot"},
      {"robot:team-a:ci and team-a", "user-3 and team-a"},
      {"/users/eve%40x.org?a", "/users/user-4?a"},
      {"bob", "user-1"},
      {"", ""},
  };
  for (const auto& [text, expected] : rows) EXPECT_EQ(redaction.text(text), expected) << text;
}

TEST(Redaction, FindsAddressesThatNobodyNamedBefore) {
  Redaction redaction;
  const std::pair<const char*, const char*> rows[] = {
      {"RCPT TO:<a.b+c@mail.example.com>: 550", "RCPT TO:<address-1>: 550"},
      {"see x@y.", "see address-2."},
      {"jörg@bücher.example", "address-3"},
      {"ghcr.io/a/b@sha256:"
       "0123456789abcdef0123456789abcdef",
       "ghcr.io/a/b@sha256:"
       "0123456789abcdef0123456789abcdef"},
      {"@ a@ @b", "@ a@ @b"},
      {"k=\"v@w\"", "k=\"address-4\""},
  };
  for (const auto& [text, expected] : rows) EXPECT_EQ(redaction.text(text), expected) << text;
}

TEST(Redaction, RemovesValuesTokensAndHashes) {
  Redaction redaction;
  const std::string value = "apt_" + std::string(46, 'a');
  EXPECT_EQ(redaction.text("x=" + value + "."), "x=[value removed].");
  EXPECT_EQ(redaction.text("prefix" + value), "prefix[value removed]");
  EXPECT_EQ(redaction.text("Bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln"),
            "Bearer [JWT removed]");
  EXPECT_EQ(redaction.text("sha256:" + std::string(64, 'f')), "[hash removed]");
  EXPECT_EQ(redaction.text("apt_short eyJ sha256:"), "apt_short eyJ sha256:");
}

TEST(Redaction, LeavesOfATokenWhatHelps) {
  Redaction redaction;
  json token = json::parse(R"({
    "metadata": {"name": "ci", "managedFields": [1], "annotations": {
      "apitoken.dev/rotate-requested-at": "2026-01-01T00:00:00Z", "note": "s3cret"}},
    "spec": {"user": "alice", "description": "s3cret", "ttl": "8h", "groups": ["dev"],
      "secret": {"name": "ci", "encryptTo": "s3cret", "annotations": {"a": "s3cret"}}},
    "status": {"tokenHash": "s3cret", "hint": "s3cret", "encryptedValue": "s3cret",
      "tokenID": "7Gk2xQ9a", "previous": {"tokenHash": "s3cret", "validUntil": "x"},
      "conditions": [{"type": "Ready", "message": "for alice"}]}})");
  redact_token(token, redaction);
  redaction.apply(token);
  const std::string left = token.dump();
  EXPECT_THAT(left,
              testing::Not(testing::AnyOf(testing::HasSubstr("s3cret"), testing::HasSubstr("alice"),
                                          testing::HasSubstr("managedFields"))));
  EXPECT_EQ(token["spec"]["user"], "user-1");
  EXPECT_EQ(token["status"]["conditions"][0]["message"], "for user-1");
  for (const char* kept : {"7Gk2xQ9a", "rotate-requested-at", "2026-01-01", "8h", "dev"})
    EXPECT_THAT(left, testing::HasSubstr(kept));
}

TEST(Redaction, LeavesOfAPodFlagsAndNamesOfVariables) {
  json pod = json::parse(R"({
    "metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "s3cret"}},
    "spec": {"containers": [
      {"name": "operator", "args": ["--leader-elect"], "env": [
        {"name": "PASSWORD", "value": "s3cret"}, {"name": "POD", "valueFrom": {"a": "b"}}]},
      {"name": "sidecar", "args": ["--password=s3cret"], "command": ["s3cret"]}]},
    "status": {"phase": "Running", "podIP": "10.1.2.3", "hostIP": "10.1.2.4"}})");
  redact_pod(pod);
  const std::string left = pod.dump();
  EXPECT_THAT(left, testing::Not(testing::AnyOf(testing::HasSubstr("s3cret"),
                                                testing::HasSubstr("10.1.2."))));
  for (const char* kept : {"--leader-elect", "PASSWORD", "valueFrom", "sidecar", "Running"})
    EXPECT_THAT(left, testing::HasSubstr(kept));
}

TEST(Redaction, TakesDocumentsOfAnyShape) {
  Redaction redaction;
  for (const char* text : {"{}", "[]", "null", R"({"metadata":3,"spec":[],"status":"x"})",
                           R"({"spec":{"user":7,"secret":null},"status":{"previous":1}})"}) {
    json token = json::parse(text);
    redact_token(token, redaction);
    redaction.apply(token);
  }
}

}  // namespace
}  // namespace apitoken::cli
