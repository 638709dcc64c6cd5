// Asks questions and remembers the answers.
#include "portal/permissions.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <set>
#include <thread>

#include "api/json.hpp"

namespace apitoken::portal {
namespace {

constexpr std::string_view kGroupVersion = "authorization.k8s.io/v1";
constexpr kube::Resource kAccessReviews{"authorization.k8s.io", "v1", "selfsubjectaccessreviews",
                                        false};
constexpr kube::Resource kRulesReviews{"authorization.k8s.io", "v1", "selfsubjectrulesreviews",
                                       false};

std::string body_of(const char* kind, nlohmann::json spec) {
  return dump(
      nlohmann::json{{"apiVersion", kGroupVersion}, {"kind", kind}, {"spec", std::move(spec)}});
}

std::string body_of(const Question& question) {
  nlohmann::json attributes = {{"verb", question.verb}, {"resource", question.resource}};
  if (!question.group.empty()) attributes["group"] = question.group;
  if (!question.ns.empty()) attributes["namespace"] = question.ns;
  if (!question.name.empty()) attributes["name"] = question.name;
  return body_of("SelfSubjectAccessReview", {{"resourceAttributes", std::move(attributes)}});
}

// The API server lists no rules for this person.
bool has_no_rules(const Problem& problem) {
  constexpr std::array<int, 5> kRefusals{400, 403, 404, 405, 422};
  return std::ranges::find(kRefusals, problem.status) != kRefusals.end();
}

std::set<std::string> namespaces_of(std::span<const Question> questions,
                                    const std::vector<std::size_t>& open) {
  std::set<std::string> namespaces;
  for (const auto at : open) namespaces.insert(questions[at].ns);
  return namespaces;
}

}  // namespace

const AccessRules* Permissions::recall_rules(const std::string& ns, Seconds max_age) {
  const auto found = rules_.find(ns);
  if (found == rules_.end() || clock_.steady() - found->second.at >= max_age) return nullptr;
  return &found->second.rules;
}

std::optional<Verdict> Permissions::recall_one(const Question& question, Seconds max_age) {
  using Answer = AccessRules::Answer;
  const auto found = known_.find(question);
  if (found != known_.end() && clock_.steady() - found->second.at < max_age)
    return found->second.verdict;
  // A permission in the whole cluster is one in each namespace.
  const auto* const everywhere = recall_rules("", max_age);
  if (everywhere != nullptr && everywhere->answer(question) == Answer::Yes) return Verdict{true};
  const auto* const here = question.ns.empty() ? everywhere : recall_rules(question.ns, max_age);
  const auto answer = here == nullptr ? Answer::Unknown : here->answer(question);
  if (answer == Answer::Unknown) return {};
  return Verdict{answer == Answer::Yes};
}

Permissions::Open Permissions::recall(std::span<const Question> questions, Seconds max_age,
                                      std::span<Verdict> verdicts) {
  Open open;
  const MutexLock lock(mutex_);
  for (std::size_t i = 0; i < questions.size(); ++i) {
    if (auto known = recall_one(questions[i], max_age)) {
      verdicts[i] = std::move(*known);
    } else {
      open.push_back(i);
    }
  }
  return open;
}

void Permissions::clear() {
  const MutexLock lock(mutex_);
  known_.clear();
  rules_.clear();
}

Expected<void> Permissions::review_rules(const std::string& ns, const std::stop_token& stop) {
  const auto asked = clock_.steady();
  const auto body = upstream_.create(
      kRulesReviews, "",
      body_of("SelfSubjectRulesReview", {{"namespace", ns.empty() ? kWholeCluster : ns}}), stop);
  AccessRules rules;
  if (body) {
    api::JsonParser parser;
    const auto answer = parser.parse(*body);
    if (!answer) return refuse(problem_of(answer.error()));
    rules = AccessRules(*answer);
  } else if (!has_no_rules(body.error())) {
    return refuse(body.error());
  }
  const MutexLock lock(mutex_);
  if (rules_.size() >= kMaxRules) rules_.clear();
  rules_.insert_or_assign(ns, KnownRules{std::move(rules), asked});
  return {};
}

Expected<void> Permissions::read_rules(const std::string& ns, Seconds max_age,
                                       const std::stop_token& stop) {
  std::promise<bool> mine;
  std::shared_future<bool> other;
  {
    const MutexLock lock(mutex_);
    if (recall_rules(ns, max_age) != nullptr) return {};
    const auto [reading, first] = reading_.try_emplace(ns);
    if (first) {
      reading->second = mine.get_future().share();
    } else {
      other = reading->second;
    }
  }
  if (other.valid()) {
    // The other review may have been stopped with its request: ours is sent then.
    return other.get() ? Expected<void>{} : review_rules(ns, stop);
  }
  auto read = review_rules(ns, stop);
  {
    const MutexLock lock(mutex_);
    reading_.erase(ns);
  }
  mine.set_value(read.has_value());
  return read;
}

Expected<Verdict> Permissions::review(const Question& question, const std::stop_token& stop) {
  const auto asked = clock_.steady();
  const auto body = TRY(upstream_.create(kAccessReviews, "", body_of(question), stop));
  api::JsonParser parser;
  const auto answer = parser.parse(body);
  if (!answer) return refuse(problem_of(answer.error()));
  const auto status = api::member(*answer, "status");
  Verdict verdict;
  if (status) {
    verdict.allowed = api::read_bool(*status, "allowed", "").value_or(false);
    verdict.reason = api::read_string(*status, "reason", "").value_or("");
  }
  const MutexLock lock(mutex_);
  if (known_.size() >= kMaxRemembered) known_.clear();
  known_.insert_or_assign(question, Known{verdict, asked});
  return verdict;
}

Expected<void> Permissions::review_all(std::span<const Question> questions, const Open& open,
                                       std::span<Verdict> verdicts, const std::stop_token& stop) {
  std::atomic<std::size_t> next = 0;
  Mutex failing;
  std::optional<Problem> failed;  // guarded by failing
  const auto work = [&] {
    for (std::size_t at = next++; at < open.size() && !stop.stop_requested(); at = next++) {
      auto verdict = review(questions[open[at]], stop);
      if (verdict) {
        verdicts[open[at]] = std::move(*verdict);
        continue;
      }
      const MutexLock lock(failing);
      failed = std::move(verdict.error());
      next = open.size();
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 1; i < std::min(kInFlight, open.size()); ++i) threads.emplace_back(work);
    work();
  }
  if (failed) return refuse(std::move(*failed));
  if (stop.stop_requested()) return refuse(problem_of({ErrorKind::Canceled, "asked to stop", {}}));
  return {};
}

Expected<Verdict> Permissions::ask(const Question& question, Seconds max_age,
                                   std::stop_token stop) {
  auto verdicts = TRY(ask(std::span(&question, 1), max_age, std::move(stop)));
  return std::move(verdicts.front());
}

Expected<std::vector<Verdict>> Permissions::ask(std::span<const Question> questions,
                                                Seconds max_age, std::stop_token stop) {
  std::vector<Verdict> verdicts(questions.size());
  auto open = recall(questions, max_age, verdicts);
  const auto namespaces = namespaces_of(questions, open);
  const bool few = namespaces.size() - namespaces.count("") <= kMaxRulesOfCall;
  for (const auto& ns : namespaces) {  // the whole cluster first
    if (!ns.empty() && (!few || !namespaces_of(questions, open).contains(ns))) continue;
    TRY(read_rules(ns, max_age, stop));
    open = recall(questions, max_age, verdicts);
  }
  TRY(review_all(questions, open, verdicts, stop));
  return verdicts;
}

}  // namespace apitoken::portal
