// Cases: every *.yaml beside this file says what was observed of one ApiToken and what is planned
// then, as text. A document is a case. Its fields:
//
//   - name: what the case shows
//   - now: the time, such as 2026-03-24T12:00:00Z
//   - token: spec, status, generation, annotations, deleted
//   - secret: absent if there is none; owner (own, former, foreign, shared, none), hash (what the
//   annotation says), value
//     (what the value hashes to, where it was read), keys, labels, annotations, unlabeled, deleted
//   - configs: a list of TokenExpiryConfig specs, each with a name
//   - delivered: a list of delivered notices, [{config, before}]
//   - plan: the text of the plan
//
// A plan that differs is shown line by line. Set APITOKEN_SHOW=1 to print every plan as it is.
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "api/api_token.hpp"
#include "api/names.hpp"
#include "base/duration.hpp"
#include "base/rfc3339.hpp"
#include "core/plan_token.hpp"

namespace apitoken::core {
namespace {

nlohmann::json to_json(const YAML::Node& node) {
  if (node.IsMap()) {
    auto object = nlohmann::json::object();
    for (const auto& member : node) object[member.first.Scalar()] = to_json(member.second);
    return object;
  }
  if (node.IsSequence()) {
    auto list = nlohmann::json::array();
    for (const auto& item : node) list.push_back(to_json(item));
    return list;
  }
  if (!node.IsScalar()) return {};
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") return text;  // quoted
  if (text == "true" || text == "false") return text == "true";
  std::int64_t number = 0;
  return YAML::convert<std::int64_t>::decode(node, number) ? nlohmann::json(number)
                                                           : nlohmann::json(text);
}

// Goes through the codec, so that a case says what an object of the cluster would say.
template <typename Decode>
auto decode(nlohmann::json object, std::string ns, std::string name, Decode decode_object) {
  auto& meta = object["metadata"];
  meta["name"] = std::move(name);
  meta["namespace"] = std::move(ns);
  meta["uid"] = "uid-1";
  meta["resourceVersion"] = "7";
  api::JsonParser parser;
  const std::string text = object.dump();
  return *decode_object(*parser.parse(text));
}

WallTime time_of(const YAML::Node& node) {
  const auto time = parse_rfc3339(node.Scalar());
  if (!time) ADD_FAILURE() << node.Scalar() << " is no time";
  return time.value_or(WallTime{});
}

struct Case {
  std::string name;
  WallTime now{};
  api::ApiToken token;
  std::vector<ExpiryConfig> configs;
  std::optional<ObservedSecret> secret;
  std::vector<api::NoticeEntry> delivered;
  std::string plan;
};

api::OwnerReference owner_of(const std::string& owner) {
  const std::string version(api::kApiVersion), kind(api::kApiTokenKind);
  if (owner == "former") return {version, kind, "ci", "uid-0"};
  if (owner == "foreign") return {"v1", "Pod", "ci", "uid-2"};
  return {version, kind, "ci", "uid-1"};
}

ObservedSecret read_secret(const YAML::Node& node, const api::ApiToken& token) {
  ObservedSecret secret;
  api::ObjectMeta& meta = secret.secret.meta;
  meta.ns = "team-a";
  meta.name = token.secret_name();
  meta.uid = "uid-secret";
  meta.resource_version = "9";
  const std::string owner = node["owner"].as<std::string>("own");
  if (owner != "none") meta.owners = {owner_of(owner)};
  if (owner == "shared") meta.owners.push_back(owner_of("foreign"));
  // What the operator would have written for the status as it stands, unless the case says
  // otherwise.
  const auto& status = token.status;
  meta.labels = token.spec.secret->labels;
  meta.labels[std::string(api::kManagedByLabel)] = api::kManagedBy;
  meta.annotations = token.spec.secret->annotations;
  const auto annotate = [&](std::string_view name, std::string value) {
    meta.annotations[std::string(name)] = std::move(value);
  };
  annotate(api::kTokenHashAnnotation, node["hash"].as<std::string>(status.token_hash));
  annotate(api::kTokenIdAnnotation, status.token_id);
  annotate(api::kUserAnnotation, token.spec.user);
  annotate(api::kRevisionAnnotation, std::to_string(status.revision));
  if (status.expires_at) annotate(api::kExpiresAtAnnotation, format_rfc3339(*status.expires_at));
  if (status.issued_at) annotate(api::kIssuedAtAnnotation, format_rfc3339(*status.issued_at));
  for (const auto& label : node["labels"])
    meta.labels[label.first.Scalar()] = label.second.Scalar();
  for (const auto& annotation : node["annotations"])
    annotate(annotation.first.Scalar(), annotation.second.Scalar());
  for (const auto& ours : node["ours"]) secret.secret.label_keys_ours.push_back(ours.Scalar());
  for (const auto& key : node["keys"]) secret.secret.data_keys_ours.push_back(key.Scalar());
  if (node["unlabeled"]) meta.labels.erase(std::string(api::kManagedByLabel));
  if (node["deleted"]) meta.deleted = time_of(node["deleted"]);
  if (node["value"]) secret.value_hash = node["value"].Scalar();
  return secret;
}

Case read_case(const YAML::Node& node) {
  Case result;
  result.name = node["name"].Scalar();
  result.now = time_of(node["now"]);
  auto object = to_json(node["token"]);
  if (object.contains("generation")) object["metadata"]["generation"] = object["generation"];
  if (object.contains("annotations")) object["metadata"]["annotations"] = object["annotations"];
  if (object.contains("deleted")) object["metadata"]["deletionTimestamp"] = object["deleted"];
  result.token = decode(std::move(object), "team-a", "ci", api::decode_api_token);
  for (const auto& config : node["configs"]) {
    auto spec = to_json(config);
    spec.erase("name");
    result.configs.push_back(
        read_config(decode(nlohmann::json{{"spec", spec}}, "", config["name"].Scalar(),
                           api::decode_token_expiry_config)));
  }
  if (node["secret"]) result.secret = read_secret(node["secret"], result.token);
  for (const auto& notice : node["delivered"]) {
    result.delivered.push_back({notice["config"].as<std::string>(""),
                                *parse_duration(notice["before"].Scalar()),
                                result.now,
                                {}});
  }
  result.plan = node["plan"].as<std::string>("");
  return result;
}

Plan plan_of(const Case& one) {
  Observed observed{one.now, one.token, one.secret, {}, one.delivered};
  for (const ExpiryConfig& config : one.configs) observed.configs.push_back(&config);
  return plan_token(observed);
}

// Lines with "-" were expected, those with "+" came.
std::string difference(const std::string& expected, const std::string& actual) {
  const auto lines = [](const std::string& text) {
    std::vector<std::string> result;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) result.push_back(line);
    return result;
  };
  const auto before = lines(expected), after = lines(actual);
  std::string text;
  for (std::size_t i = 0; i < std::max(before.size(), after.size()); ++i) {
    const bool same = i < before.size() && i < after.size() && before[i] == after[i];
    if (same) text += "    " + before[i] + "\n";
    if (!same && i < before.size()) text += "  - " + before[i] + "\n";
    if (!same && i < after.size()) text += "  + " + after[i] + "\n";
  }
  return text;
}

class Cases : public ::testing::TestWithParam<std::filesystem::path> {};

TEST_P(Cases, PlansAreAsWritten) {
  const char* show = std::getenv("APITOKEN_SHOW");
  int count = 0;
  for (const YAML::Node& node : YAML::LoadAllFromFile(GetParam())) {
    const Case one = read_case(node);
    const std::string text = to_text(plan_of(one));
    if (show) std::cout << "# " << one.name << "\n" << text << "\n";
    EXPECT_TRUE(text == one.plan) << one.name << "\n" << difference(one.plan, text);
    ++count;
  }
  EXPECT_GT(count, 0);
}

std::vector<std::filesystem::path> files() {
  std::vector<std::filesystem::path> result;
  for (const auto& entry :
       std::filesystem::directory_iterator(APITOKEN_SOURCE_DIR "/tests/cases")) {
    if (entry.path().extension() == ".yaml") result.push_back(entry.path());
  }
  std::ranges::sort(result);
  return result;
}

INSTANTIATE_TEST_SUITE_P(Files, Cases, ::testing::ValuesIn(files()), [](const auto& file) {
  std::string name = file.param.stem();
  std::ranges::replace_if(
      name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
});

}  // namespace
}  // namespace apitoken::core
