// Reviews of callers, and the memory of them.
#include "verify/callers.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstring>

#include "api/names.hpp"

namespace apitoken::verify {

const Right kMayIntrospect{
    "/introspect", "the verb introspect on apitokens.apitoken.dev", [](const api::UserInfo& user) {
      return api::encode_access_question(user, "introspect", api::kGroup, kube::resources::kApiTokens.plural);
    }};
const Right kMayReadMetrics{"/metrics", "the verb get on the path /metrics", [](const api::UserInfo& user) {
                              return api::encode_path_question(user, "get", "/metrics");
                            }};

std::size_t Callers::FirstBytes::operator()(const core::Digest& digest) const {
  std::size_t value = 0;
  std::memcpy(&value, digest.data(), sizeof value);
  return value;
}

std::optional<Callers::Verdict> Callers::known(std::string_view token) {
  const auto digest = core::digest_of(token);
  const std::lock_guard lock(mutex_);
  return recall(digest);
}

Callers::Verdict Callers::review(std::string_view token, std::stop_token stop) {
  const auto digest = core::digest_of(token);
  {
    const std::lock_guard lock(mutex_);
    if (const auto verdict = recall(digest)) return *verdict;
    if (!may_ask()) return Verdict::Unavailable;
  }
  const auto verdict = ask(token, std::move(stop));
  if (const bool failing = !verdict; failing_.exchange(failing) != failing) {
    if (failing)
      spdlog::warn("cannot review who calls {} error={}", right_.endpoint, verdict.error().message);
    else
      spdlog::info("reviewing again who calls {}", right_.endpoint);
  }
  if (!verdict) return Verdict::Unavailable;
  const std::lock_guard lock(mutex_);
  remember(digest, *verdict);
  return *verdict;
}

Result<Callers::Verdict> Callers::ask(std::string_view token, std::stop_token stop) {
  api::JsonParser parser;
  const auto question = api::encode_token_question(token);
  const auto reviewed = client_.create(kube::resources::kTokenReviews, "", question.reveal(), stop);
  if (!reviewed) return std::unexpected(reviewed.error());
  const auto review = parser.parse(*reviewed);
  if (!review) return std::unexpected(review.error());
  const auto caller = api::decode_token_verdict(*review);
  if (!caller) return std::unexpected(caller.error());
  if (!caller->authenticated) return Verdict::Unknown;

  const auto answered =
      client_.create(kube::resources::kSubjectAccessReviews, "", right_.question(caller->user), std::move(stop));
  if (!answered) return std::unexpected(answered.error());
  const auto access = parser.parse(*answered);
  if (!access) return std::unexpected(access.error());
  const auto allowed = api::decode_access_verdict(*access);
  if (!allowed) return std::unexpected(allowed.error());
  return *allowed ? Verdict::Allowed : Verdict::Forbidden;
}

std::optional<Callers::Verdict> Callers::recall(const core::Digest& digest) {
  for (Memory* memory : {&allowed_, &refused_}) {
    const auto found = memory->find(digest);
    if (found == memory->end()) continue;
    if (clock_.steady() < found->second.until) return found->second.verdict;
    memory->erase(found);
  }
  return {};
}

bool Callers::may_ask() {
  const auto now = clock_.steady();
  const std::chrono::duration<double> since = now - counted_;
  budget_ = std::min(kBurst, budget_ + since.count() * kReviewsPerSecond);
  counted_ = now;
  if (budget_ < 1) return false;
  budget_ -= 1;
  return true;
}

void Callers::remember(const core::Digest& digest, Verdict verdict) {
  const bool allowed = verdict == Verdict::Allowed;
  Memory& memory = allowed ? allowed_ : refused_;
  if (memory.size() >= kMostRemembered) {  // what would be forgotten first goes
    memory.erase(std::ranges::min_element(memory, {}, [](const auto& pair) { return pair.second.until; }));
  }
  memory.insert_or_assign(digest, Entry{verdict, clock_.steady() + (allowed ? kAllowedFor : kRefusedFor)});
}

}  // namespace apitoken::verify
