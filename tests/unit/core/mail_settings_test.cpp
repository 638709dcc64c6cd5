// The operator's rules for the settings in tests/tables/mail_settings.yaml.
// tests/integration/test_crds.py checks the CRD's rules with the same table.
#include <gmock/gmock.h>
#include <yaml-cpp/yaml.h>

#include <map>

#include "core/expiry_config.hpp"

namespace apitoken::core {
namespace {

using Spec = api::TokenExpiryConfigSpec;
using Put = void (*)(Spec&, const std::string&);

// A valid spec with one value of the table.
const std::map<std::string, Put> kFields{
    {"smtp.server", [](Spec& spec, const std::string& value) { spec.smtp->server = value; }},
    {"smtp.server without TLS",
     [](Spec& spec, const std::string& value) {
       spec.smtp->server = value, spec.smtp->tls = "None";
     }},
    {"smtp.server of a login without TLS",
     [](Spec& spec, const std::string& value) {
       spec.smtp->server = value, spec.smtp->tls = "None", spec.smtp->credentials_secret = "smtp";
     }},
    {"smtp.from", [](Spec& spec, const std::string& value) { spec.smtp->from = value; }},
    {"smtp.helo", [](Spec& spec, const std::string& value) { spec.smtp->helo = value; }},
    {"smtp.auth", [](Spec& spec, const std::string& value) { spec.smtp->auth = value; }},
    {"emailDomains", [](Spec& spec, const std::string& value) { spec.email_domains = {value}; }},
    {"emailUserPrefix",
     [](Spec& spec, const std::string& value) { spec.email_user_prefix = value; }},
};

std::vector<std::string> problems_with(const std::string& field, const std::string& value) {
  api::TokenExpiryConfig object;
  object.meta.name = "default";
  object.spec.smtp =
      api::SmtpSpec{"smtp.example.com:587", {}, "tokens@example.com", "", "", {}, {}};
  kFields.at(field)(object.spec, value);
  return read_config(object).problems;
}

TEST(MailSettings, AreCheckedAsTheTableSays) {
  const YAML::Node table = YAML::LoadFile(APITOKEN_SOURCE_DIR "/tests/tables/mail_settings.yaml");
  ASSERT_EQ(table.size(), kFields.size());
  for (const auto& row : table) {
    const auto field = row["field"].as<std::string>();
    for (const auto& value : row["good"])
      EXPECT_THAT(problems_with(field, value.as<std::string>()), ::testing::IsEmpty())
          << field << ": " << value;
    for (const auto& value : row["bad"])
      EXPECT_THAT(problems_with(field, value.as<std::string>()), ::testing::SizeIs(1))
          << field << ": " << value;
  }
}

}  // namespace
}  // namespace apitoken::core
