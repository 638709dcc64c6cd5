// Questions, several at a time, and the memory of their answers.
#include "portal/permissions.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

#include "api/json.hpp"

namespace apitoken::portal {
namespace {

constexpr kube::Resource kReviews{"authorization.k8s.io", "v1", "selfsubjectaccessreviews", false};

std::string body_of(const Question& question) {
  nlohmann::json attributes = {{"verb", question.verb}, {"resource", question.resource}};
  if (!question.group.empty()) attributes["group"] = question.group;
  if (!question.ns.empty()) attributes["namespace"] = question.ns;
  if (!question.name.empty()) attributes["name"] = question.name;
  return dump(nlohmann::json{{"apiVersion", "authorization.k8s.io/v1"},
                             {"kind", "SelfSubjectAccessReview"},
                             {"spec", {{"resourceAttributes", std::move(attributes)}}}});
}

}  // namespace

std::optional<Verdict> Permissions::recall(const Question& question, Seconds max_age) {
  const MutexLock lock(mutex_);
  const auto found = known_.find(question);
  if (found == known_.end() || clock_.steady() - found->second.at >= max_age) return {};
  return found->second.verdict;
}

void Permissions::clear() {
  const MutexLock lock(mutex_);
  known_.clear();
}

Expected<Verdict> Permissions::review(const Question& question, const std::stop_token& stop) {
  const auto asked = clock_.steady();
  const auto body = upstream_.create(kReviews, "", body_of(question), stop);
  if (!body) return refuse(body.error());
  api::JsonParser parser;
  const auto answer = parser.parse(*body);
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

Expected<Verdict> Permissions::ask(const Question& question, Seconds max_age,
                                   std::stop_token stop) {
  if (auto known = recall(question, max_age)) return std::move(*known);
  return review(question, stop);
}

Expected<std::vector<Verdict>> Permissions::ask(std::span<const Question> questions,
                                                Seconds max_age, std::stop_token stop) {
  std::vector<Verdict> verdicts(questions.size());
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    if (auto known = recall(questions[i], max_age)) {
      verdicts[i] = std::move(*known);
    } else {
      open.push_back(i);
    }
  }
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
  return verdicts;
}

}  // namespace apitoken::portal
