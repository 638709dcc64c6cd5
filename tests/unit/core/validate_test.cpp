// The rules for specs agree with those of the CRD, and name field and remedy.
#include "core/validate.hpp"

#include <gmock/gmock.h>

#include "core/plain_text.hpp"

namespace apitoken::core {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

api::ApiToken token() {
  api::ApiToken result;
  result.meta.ns = "team-a";
  result.meta.name = "ci";
  result.spec.user = "alice@example.com";
  return result;
}

template <typename Change>
api::Problems problems_with(Change change) {
  api::ApiToken changed = token();
  change(changed);
  return check_token(changed);
}

std::string repeat(std::string_view text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += text;
  return result;
}

TEST(Validate, LimitsCountCharactersNotBytes) {
  EXPECT_THAT(problems_with([](auto& t) { t.spec.user = repeat("€", 256); }), IsEmpty());
  EXPECT_THAT(problems_with([](auto& t) { t.spec.user = repeat("€", 257); }),
              ElementsAre(HasSubstr("spec.user")));
  EXPECT_THAT(problems_with([](auto& t) { t.spec.description = repeat("𝄞", 256); }), IsEmpty());
  EXPECT_THAT(problems_with([](auto& t) { t.spec.description = std::string(257, 'd'); }),
              ElementsAre(HasSubstr("spec.description")));
  EXPECT_THAT(
      problems_with([](auto& t) { t.spec.secret.edit().annotations["a"] = repeat("€", 4096); }),
      IsEmpty());
  EXPECT_THAT(
      problems_with([](auto& t) { t.spec.secret.edit().annotations["a"] = repeat("€", 4097); }),
      ElementsAre(HasSubstr("annotations: a is longer")));
}

TEST(Validate, UserIsNotAUserOfKubernetes) {
  for (const std::string& user :
       {std::string(), std::string("system:admin"), std::string("system:"), std::string("a\tb"),
        std::string("a\0b", 3), std::string("a\x7F")}) {
    EXPECT_THAT(problems_with([&](auto& t) { t.spec.user = user; }),
                ElementsAre(HasSubstr("spec.user")))
        << user;
  }
  for (const char* user : {"systems", "a b", "System:x", "ürgen"})
    EXPECT_THAT(problems_with([&](auto& t) { t.spec.user = user; }), IsEmpty()) << user;
}

TEST(Validate, ListsAreSetsOfLimitedSize) {
  std::vector<std::string> names;
  for (int i = 0; i < 33; ++i) names.push_back("n" + std::to_string(i));
  EXPECT_THAT(problems_with([&](auto& t) { t.spec.groups = names; }),
              ElementsAre(HasSubstr("spec.groups: has 33 entries; keep at most 32")));
  EXPECT_THAT(problems_with([&](auto& t) { t.spec.scopes = names; }),
              ElementsAre(HasSubstr("spec.scopes: has 33 entries")));
  EXPECT_THAT(problems_with([&](auto& t) { t.spec.audiences = names; }),
              ElementsAre(HasSubstr("spec.audiences: has 33 entries; keep at most 16")));
  EXPECT_THAT(problems_with([](auto& t) { t.spec.groups = {"b", "a", "b"}; }),
              ElementsAre(HasSubstr("spec.groups: \"b\" is there twice; remove one")));
}

TEST(Validate, TypeAndTtlAgree) {
  EXPECT_THAT(problems_with([](auto& t) { t.spec.type = "Eternal"; }),
              ElementsAre(HasSubstr("spec.type: \"Eternal\"")));
  for (const auto& [type, ttl, fits] :
       std::vector<std::tuple<std::string, std::string, bool>>{{"Permanent", "10s", true},
                                                               {"Permanent", "9s", false},
                                                               {"Permanent", "8760h", true},
                                                               {"Permanent", "8760h1s", false},
                                                               {"Temporary", "24h", true},
                                                               {"Temporary", "24h1s", false},
                                                               {"Permanent", "1d", false},
                                                               {"Permanent", "", false}}) {
    const auto problems = problems_with([&](auto& t) { t.spec.type = type, t.spec.ttl = ttl; });
    EXPECT_EQ(problems.empty(), fits) << type << " " << ttl;
  }
  EXPECT_THAT(problems_with([](auto& t) { t.spec.ttl_after_expired = "soon"; }),
              ElementsAre(HasSubstr("spec.ttlAfterExpired")));
  EXPECT_THAT(problems_with([](auto& t) { t.spec.ttl_after_expired = "0s"; }), IsEmpty());
}

TEST(Validate, SecretNameIsADnsSubdomain) {
  EXPECT_THAT(problems_with([](auto& t) { t.spec.secret.edit().name = "../../etc"; }),
              ElementsAre(HasSubstr("spec.secret.name")));
}

TEST(Validate, SecretKeyMayBecomeAFileName) {
  for (const std::string key :
       {"", ".", "..", "..x", "a/b", "a b", "ä", "previous-token", "a\nb"}) {
    EXPECT_THAT(problems_with([&](auto& t) { t.spec.secret.edit().key = key; }),
                ElementsAre(HasSubstr("spec.secret.key")))
        << key;
  }
  for (const std::string key : {".x", "a..b", "TOKEN", "_", "-"})
    EXPECT_THAT(problems_with([&](auto& t) { t.spec.secret.edit().key = key; }), IsEmpty()) << key;
  EXPECT_THAT(problems_with([](auto& t) { t.spec.secret.edit().key = std::string(254, 'k'); }),
              ElementsAre(HasSubstr("spec.secret.key")));
}

TEST(Validate, LabelsAndAnnotationsHaveTheirSyntax) {
  const auto with_label = [](std::string name, std::string value) {
    return problems_with([&](auto& t) { t.spec.secret.edit().labels[name] = value; });
  };
  for (const char* name : {"a", "team", "example.com/team", "a_b.c-D", "A"})
    EXPECT_THAT(with_label(name, "v"), IsEmpty()) << name;
  for (const char* name :
       {"", "-a", "a-", "/a", "a/", "a/b/c", "Example.com/a", "exa_mple.com/a", "a b", "ä"}) {
    EXPECT_THAT(with_label(name, "v"), ElementsAre(HasSubstr("spec.secret.labels"))) << name;
  }
  EXPECT_THAT(with_label(std::string(63, 'a'), std::string(63, 'v')), IsEmpty());
  EXPECT_THAT(with_label(std::string(64, 'a'), ""), ElementsAre(HasSubstr("not a valid name")));
  EXPECT_THAT(with_label("a", std::string(64, 'v')),
              ElementsAre(HasSubstr("not a valid value of a")));
  for (const char* value : {"-v", "v-", "a b", "a/b", "ä"})
    EXPECT_THAT(with_label("a", value), ElementsAre(HasSubstr("not a valid value"))) << value;
  EXPECT_THAT(problems_with([](auto& t) {
                t.spec.secret.edit().annotations["Example.com/a"] = "any thing\n";
              }),
              IsEmpty());
  EXPECT_THAT(problems_with([](auto& t) { t.spec.secret.edit().annotations["a b"] = ""; }),
              ElementsAre(HasSubstr("spec.secret.annotations")));
  EXPECT_THAT(problems_with([](auto& t) {
                for (int i = 0; i < 33; ++i)
                  t.spec.secret.edit().labels["k" + std::to_string(i)] = "v";
              }),
              ElementsAre(HasSubstr("has 33 entries")));
}

TEST(Validate, NamesOfTheOperatorAreReserved) {
  EXPECT_THAT(problems_with([](auto& t) {
                t.spec.secret.edit().labels["app.kubernetes.io/managed-by"] = "me";
              }),
              ElementsAre(HasSubstr("written by the operator")));
  EXPECT_THAT(problems_with([](auto& t) {
                t.spec.secret.edit().annotations["apitoken.dev/token-hash"] = "x";
              }),
              ElementsAre(HasSubstr("written by the operator")));
}

TEST(Validate, ImmutableFieldsCannotChange) {
  const auto issued = [](auto change) {
    return problems_with([&](api::ApiToken& t) {
      t.status.revision = 1;
      t.status.secret_name = "ci";
      t.status.type = "Permanent";
      change(t);
    });
  };
  EXPECT_THAT(issued([](auto&) {}), IsEmpty());
  EXPECT_THAT(issued([](auto& t) { t.spec.secret.edit().name = "other"; }),
              ElementsAre(HasSubstr("differs from ci")));
  EXPECT_THAT(issued([](auto& t) { t.spec.type = "Temporary"; }),
              ElementsAre(HasSubstr("differs from Permanent")));
}

// If the API server stored a message differently, every pass would write it again.
TEST(Validate, MessagesAreValidUtf8WithoutControls) {
  const auto problems = problems_with([](auto& t) {
    t.spec.type = "x" + repeat("€", 100);
    t.spec.user = "system:\x1b[31m\n" + repeat("ä", 300);
    t.spec.secret.edit().name = "\x01" + repeat("𝄞", 80);
    t.spec.secret.edit().labels["a\r\n" + repeat("€", 60)] = "b";
  });
  EXPECT_EQ(problems.size(), 4u);
  for (const auto& problem : problems) {
    EXPECT_EQ(plain_text(problem), problem);
    EXPECT_LT(problem.size(), 300u);
  }
}

TEST(Validate, IncludesProblemsOfDecoding) {
  EXPECT_THAT(problems_with([](auto& t) { t.spec.problems = {"spec.secret: must be an object"}; }),
              ElementsAre("spec.secret: must be an object"));
}

}  // namespace
}  // namespace apitoken::core
