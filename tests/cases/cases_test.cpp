// Plans for the cases in *.yaml beside this file. README.md has their format.
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

using Json = nlohmann::json;

const std::filesystem::path kFolder = APITOKEN_SOURCE_DIR "/tests/cases";

Json to_json(const YAML::Node& node) {
  if (node.IsMap()) {
    auto object = Json::object();
    for (const auto& member : node) object[member.first.Scalar()] = to_json(member.second);
    return object;
  }
  if (node.IsSequence()) {
    auto list = Json::array();
    for (const auto& item : node) list.push_back(to_json(item));
    return list;
  }
  if (!node.IsScalar()) return {};
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") return text;  // quoted
  if (text == "true" || text == "false") return text == "true";
  std::int64_t number = 0;
  return YAML::convert<std::int64_t>::decode(node, number) ? Json(number) : Json(text);
}

// `fields`, merged over the states of given.yaml that they name.
Json with_given(const Json& fields) {
  static const Json states = to_json(YAML::LoadFile(kFolder / "given.yaml"));
  Json result = Json::object();
  const Json given = fields.value("given", Json::array());
  for (const Json& name : given.is_array() ? given : Json::array({given}))
    result.merge_patch(with_given(states.at(name.get<std::string>())));
  result.merge_patch(fields);
  return result;
}

// Decodes an object as the operator does, so that a case cannot say what a cluster cannot.
template <typename Decode>
auto decode(Json object, std::string ns, std::string name, Decode decode_object) {
  auto& meta = object["metadata"];
  meta["name"] = std::move(name);
  meta["namespace"] = std::move(ns);
  meta["uid"] = "uid-1";
  meta["resourceVersion"] = "7";
  api::JsonParser parser;
  const std::string text = object.dump();
  return *decode_object(*parser.parse(text));
}

WallTime time_of(const std::string& text) {
  const auto time = parse_rfc3339(text);
  if (!time) ADD_FAILURE() << text << " is not a time";
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
  if (owner == "namesake") return {version, kind, "ci", "uid-0"};
  if (owner == "foreign") return {"v1", "Pod", "ci", "uid-2"};
  return {version, kind, "ci", "uid-1"};
}

ObservedSecret read_secret(const Json& fields, const api::ApiToken& token) {
  ObservedSecret secret;
  api::ObjectMeta& meta = secret.secret.meta;
  meta.ns = "team-a";
  meta.name = token.secret_name();
  meta.uid = "uid-secret";
  meta.resource_version = "9";
  const std::string owner = fields.value("owner", "own");
  if (owner != "none") meta.owners = {owner_of(owner)};
  if (owner == "shared") meta.owners.push_back(owner_of("foreign"));
  const auto& status = token.status;
  meta.labels = token.spec.secret->labels;
  meta.labels[std::string(api::kManagedByLabel)] = api::kManagedBy;
  meta.annotations = token.spec.secret->annotations;
  const auto annotate = [&](std::string_view name, std::string value) {
    meta.annotations[std::string(name)] = std::move(value);
  };
  annotate(api::kTokenHashAnnotation, fields.value("hash", status.token_hash));
  annotate(api::kTokenIdAnnotation, status.token_id);
  annotate(api::kUserAnnotation, token.spec.user);
  annotate(api::kRevisionAnnotation, std::to_string(status.revision));
  if (status.expires_at) annotate(api::kExpiresAtAnnotation, format_rfc3339(*status.expires_at));
  if (status.issued_at) annotate(api::kIssuedAtAnnotation, format_rfc3339(*status.issued_at));
  const Json labels = fields.value("labels", Json::object());
  for (const auto& [name, value] : labels.items()) meta.labels[name] = value.get<std::string>();
  const Json annotations = fields.value("annotations", Json::object());
  for (const auto& [name, value] : annotations.items()) annotate(name, value.get<std::string>());
  secret.secret.label_keys_ours = fields.value("ours", std::vector<std::string>());
  secret.secret.data_keys_ours = fields.value("keys", std::vector<std::string>());
  if (fields.contains("unlabeled")) meta.labels.erase(std::string(api::kManagedByLabel));
  secret.label_refused = fields.contains("refused");
  if (fields.contains("deleted")) meta.deleted = time_of(fields["deleted"]);
  if (fields.contains("value")) secret.value_hash = fields["value"].get<std::string>();
  return secret;
}

api::ApiToken read_token(Json object, const Json& requested) {
  Json& meta = object["metadata"];
  if (object.contains("generation")) meta["generation"] = object["generation"];
  if (object.contains("annotations")) meta["annotations"] = object["annotations"];
  if (object.contains("deleted")) meta["deletionTimestamp"] = object["deleted"];
  if (!requested.is_null()) meta["annotations"][api::kRotateRequestAnnotation] = requested;
  return decode(std::move(object), "team-a", "ci", api::decode_api_token);
}

Case read_case(const YAML::Node& node) {
  const Json fields = with_given(to_json(node));
  Case result;
  result.name = fields.at("name");
  result.now = time_of(fields.at("now"));
  result.token = read_token(fields.at("token"), fields.value("requested", Json()));
  for (Json spec : fields.value("configs", Json::array())) {
    const std::string name = spec.at("name");
    spec.erase("name");
    result.configs.push_back(
        read_config(decode({{"spec", spec}}, "", name, api::decode_token_expiry_config)));
  }
  if (fields.contains("secret")) result.secret = read_secret(fields["secret"], result.token);
  for (const Json& notice : fields.value("delivered", Json::array())) {
    const auto before = parse_duration(notice.at("before").get<std::string>());
    result.delivered.push_back({notice.value("config", ""), before.value(), result.now, {}});
  }
  result.plan = fields.value("plan", "");
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
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    const auto& path = entry.path();
    if (path.extension() == ".yaml" && path.stem() != "given") result.push_back(path);
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
