// ApiTokens as rows.
#include "portal/rows.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace apitoken::portal {
namespace {

using nlohmann::json;

json row_of(const std::string& token) {
  api::JsonParser parser;
  RowsLine line;
  line.add(*parser.parse(token));
  const auto columns = json::parse(columns_line())["columns"];
  const auto values = json::parse(line.take())["rows"][0];
  EXPECT_EQ(columns.size(), values.size());
  json row;
  for (std::size_t i = 0; i < columns.size(); ++i) row[columns[i].get<std::string>()] = values[i];
  return row;
}

TEST(Rows, HaveWhatTheListsShow) {
  const auto row = row_of(R"({"metadata":{"namespace":"team-a","name":"ci","uid":"u1",
      "creationTimestamp":"2026-11-01T00:00:00Z"},
      "spec":{"user":"alice@example.com","type":"Temporary","description":"say \"hi\"\u0001"},
      "status":{"conditions":[{"type":"ExpiringSoon","status":"True","reason":"ExpiringSoon"},
        {"type":"Ready","status":"True","reason":"Rotated","message":"all is well"}],
      "expiresAt":"2026-12-01T00:00:00Z","revision":3,"hint":"…x9Qe","secretName":"ci"}})");
  EXPECT_EQ(row["ns"], "team-a");
  EXPECT_EQ(row["user"], "alice@example.com");
  EXPECT_EQ(row["description"], "say \"hi\"\u0001");
  EXPECT_EQ(row["type"], "Temporary");
  EXPECT_EQ(row["format"], "Opaque");
  EXPECT_EQ(row["reason"], "Rotated");
  EXPECT_EQ(row["message"], "");
  EXPECT_EQ(row["revision"], 3);
  EXPECT_EQ(row["createdAt"], "2026-11-01T00:00:00Z");
  EXPECT_EQ(row["lastUsedAt"], "");
}

TEST(Rows, WithoutStatusArePendingAndPermanent) {
  const auto row = row_of(R"({"metadata":{"namespace":"a","name":"ci","uid":"u"},
      "spec":{"user":"a","secret":{"name":"other"}}})");
  EXPECT_EQ(row["reason"], "Pending");
  EXPECT_EQ(row["type"], "Permanent");
  EXPECT_EQ(row["secretName"], "other");
  EXPECT_EQ(row["revision"], 0);
}

TEST(Rows, OfTokensThatDoNotWorkHaveTheMessage) {
  const auto row =
      row_of(R"({"metadata":{"namespace":"a","name":"ci","uid":"u"},"spec":{"user":"a"},
      "status":{"conditions":[{"type":"Ready","status":"False","reason":"SecretConflict",
      "message":"Secret ci is not ours"}]}})");
  EXPECT_EQ(row["reason"], "SecretConflict");
  EXPECT_EQ(row["message"], "Secret ci is not ours");
}

TEST(Rows, FieldsOfWrongTypesAreEmpty) {
  const auto row = row_of(
      R"({"metadata":{"namespace":7,"name":[],"uid":"u"},"spec":"x","status":{"conditions":{}}})");
  EXPECT_EQ(row["ns"], "");
  EXPECT_EQ(row["user"], "");
  EXPECT_EQ(row["reason"], "Pending");
}

TEST(Rows, ALineIsTakenOnce) {
  api::JsonParser parser;
  const auto token = *parser.parse(R"({"metadata":{"uid":"u"}})");
  RowsLine line;
  line.add(token);
  line.add(token);
  EXPECT_EQ(line.size(), 2U);
  EXPECT_EQ(json::parse(line.take())["rows"].size(), 2U);
  EXPECT_EQ(json::parse(line.take())["rows"].size(), 0U);
  EXPECT_EQ(json::parse(gone_line(token))["gone"][0], "u");
}

}  // namespace
}  // namespace apitoken::portal
