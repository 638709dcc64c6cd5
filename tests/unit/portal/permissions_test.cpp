// How many reviews the questions of a page cost, and what is remembered of them.
#include "portal/permissions.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "support/manual_clock.hpp"

namespace apitoken::portal {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

// Answers reviews; `sent` are the namespaces of rules reviews and "verb resource" of the others.
class Reviews final : public kube::Transport {
 public:
  std::map<std::string, json> rules;  // by namespace; kWholeCluster: everywhere
  bool incomplete = false;
  int rules_status = 201;
  std::set<std::string> allowed;  // verbs that access reviews allow
  std::function<void()> before_rules;

  Result<kube::HttpResponse> send(const kube::HttpRequest& request, std::stop_token) override {
    const auto body = json::parse(request.body);
    const auto& spec = body.at("spec");
    if (body.at("kind") == "SelfSubjectRulesReview") {
      note(spec.at("namespace").get<std::string>());
      if (before_rules) before_rules();
      return answer_rules(spec.at("namespace"));
    }
    const auto& asked = spec.at("resourceAttributes");
    const std::string verb = asked.at("verb");
    note(verb + " " + asked.at("resource").get<std::string>());
    const bool may = allowed.contains(verb);
    return kube::HttpResponse{
        201, dump(json{{"status", {{"allowed", may}, {"reason", may ? "" : "no role"}}}})};
  }
  Result<kube::HttpResponse> stream(const kube::HttpRequest&, std::stop_token,
                                    const std::function<bool(std::string_view)>&) override {
    return fail(ErrorKind::Unavailable, "no streams here");
  }

  std::vector<std::string> sent() {
    const std::lock_guard lock(mutex_);
    return std::exchange(sent_, {});
  }

 private:
  void note(std::string what) {
    const std::lock_guard lock(mutex_);
    sent_.push_back(std::move(what));
  }
  Result<kube::HttpResponse> answer_rules(const std::string& ns) {
    if (rules_status != 201) return kube::HttpResponse{rules_status, "{}"};
    json found = json::array();
    for (const auto& of : {std::string(kWholeCluster), ns}) {
      if (rules.contains(of)) found.push_back(rules.at(of));
    }
    return kube::HttpResponse{
        201, dump(json{{"status", {{"resourceRules", found}, {"incomplete", incomplete}}}})};
  }

  std::mutex mutex_;
  std::vector<std::string> sent_;
};

class Quiet final : public UpstreamObserver {
  void request_done(std::string_view, std::string_view) override {}
};

json may(std::vector<std::string> verbs) {
  return {{"verbs", verbs}, {"apiGroups", {"apitoken.dev"}}, {"resources", {"apitokens"}}};
}

Question on_tokens(const char* verb, const char* ns) {
  return {verb, "apitoken.dev", "apitokens", ns};
}

class PermissionsTest : public testing::Test {
 protected:
  // Which of the questions are allowed.
  std::vector<bool> ask(const std::vector<Question>& questions) {
    const auto verdicts = permissions_.ask(questions, Permissions::kFresh, {});
    std::vector<bool> allowed;
    if (!verdicts) ADD_FAILURE() << verdicts.error().message;
    for (const auto& verdict : verdicts.value_or(std::vector<Verdict>()))
      allowed.push_back(verdict.allowed);
    return allowed;
  }

  ManualClock clock_{WallTime(Seconds(1'800'000'000))};
  Quiet quiet_;
  Reviews reviews_;
  Upstream upstream_{reviews_, quiet_, "tests"};
  Permissions permissions_{upstream_, clock_};
};

TEST_F(PermissionsTest, OfANamespaceAreOneReviewAndRemembered) {
  reviews_.rules["team-a"] = may({"list", "create"});
  const std::vector<Question> page{on_tokens("list", "team-a"), on_tokens("create", "team-a"),
                                   on_tokens("delete", "team-a")};
  EXPECT_THAT(ask(page), ElementsAre(true, true, false));
  EXPECT_THAT(reviews_.sent(), ElementsAre("team-a"));
  EXPECT_THAT(ask({on_tokens("patch", "team-a")}), ElementsAre(false));
  EXPECT_THAT(reviews_.sent(), IsEmpty());
  clock_.advance(Permissions::kFresh);
  EXPECT_THAT(ask(page), ElementsAre(true, true, false));
  EXPECT_THAT(reviews_.sent(), ElementsAre("team-a"));
  permissions_.clear();
  EXPECT_THAT(ask(page), ElementsAre(true, true, false));
  EXPECT_THAT(reviews_.sent(), ElementsAre("team-a"));
}

TEST_F(PermissionsTest, OfTheWholeClusterAreTrueInEachNamespaceAndNotTheOtherWayRound) {
  reviews_.rules[std::string(kWholeCluster)] = may({"list"});
  reviews_.rules["team-a"] = may({"create"});
  EXPECT_THAT(ask({on_tokens("list", ""), on_tokens("list", "team-a")}), ElementsAre(true, true));
  EXPECT_THAT(reviews_.sent(), ElementsAre(kWholeCluster));
  EXPECT_THAT(ask({on_tokens("create", ""), on_tokens("create", "team-a")}),
              ElementsAre(false, true));
  EXPECT_THAT(reviews_.sent(), ElementsAre("team-a"));
}

TEST_F(PermissionsTest, ThatRulesCannotAnswerAreAskedOneByOne) {
  reviews_.incomplete = true;
  reviews_.rules["team-a"] = may({"list"});
  reviews_.allowed = {"create"};
  const std::vector<Question> page{on_tokens("list", "team-a"), on_tokens("create", "team-a"),
                                   on_tokens("delete", "team-a")};
  EXPECT_THAT(ask(page), ElementsAre(true, true, false));
  EXPECT_THAT(reviews_.sent(),
              testing::UnorderedElementsAre("team-a", "create apitokens", "delete apitokens"));
  const auto again = permissions_.ask(page[2], Permissions::kFresh, {});
  ASSERT_TRUE(again);
  EXPECT_EQ(again->reason, "no role");
  EXPECT_THAT(reviews_.sent(), IsEmpty());
}

TEST_F(PermissionsTest, AreAskedOneByOneWhereRulesAreRefused) {
  reviews_.rules_status = 403;
  reviews_.allowed = {"create"};
  EXPECT_THAT(ask({on_tokens("create", "team-a"), on_tokens("list", "team-a")}),
              ElementsAre(true, false));
  EXPECT_EQ(reviews_.sent().size(), 3U);
  EXPECT_THAT(ask({on_tokens("patch", "team-a")}), ElementsAre(false));
  EXPECT_THAT(reviews_.sent(), ElementsAre("patch apitokens"));
}

TEST_F(PermissionsTest, AreNotGuessedIfTheApiServerFails) {
  for (const int status : {401, 429, 500, 503}) {
    reviews_.rules_status = status;
    const auto verdicts = permissions_.ask(on_tokens("create", "team-a"), Permissions::kFresh, {});
    ASSERT_FALSE(verdicts) << status;
    EXPECT_EQ(verdicts.error().status, status);
  }
}

TEST_F(PermissionsTest, InManyNamespacesAreOneReviewEach) {
  reviews_.allowed = {"list"};
  const std::vector<std::string> names{"a", "b", "c", "d", "e"};
  std::vector<Question> questions;
  for (const auto& name : names) questions.push_back(on_tokens("list", name.c_str()));
  EXPECT_THAT(ask(questions), testing::Each(true));
  EXPECT_THAT(reviews_.sent(), testing::AllOf(testing::SizeIs(5), testing::Each("list apitokens")));
}

TEST_F(PermissionsTest, ThatSeveralThreadsWantAtOnceAreOneReview) {
  constexpr int kThreads = 4;
  std::atomic<int> asking = 0;
  reviews_.rules["team-a"] = may({"list"});
  // Until all have asked: the first one's review is under way then, and the others' would be.
  reviews_.before_rules = [&] {
    while (asking < kThreads) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        ++asking;
        EXPECT_THAT(ask({on_tokens("list", "team-a")}), ElementsAre(true));
      });
    }
  }
  EXPECT_THAT(reviews_.sent(), ElementsAre("team-a"));
}

}  // namespace
}  // namespace apitoken::portal
