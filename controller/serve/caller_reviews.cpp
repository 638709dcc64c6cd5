// Reviews callers and remembers the verdicts.
#include "serve/caller_reviews.hpp"

#include <algorithm>
#include <cstring>

#include "api/names.hpp"

namespace apitoken::serve {

const Permission kMayIntrospect{
    "/introspect", "the verb introspect on apitokens.apitoken.dev", [](const api::UserInfo& user) {
      return api::encode_access_question(user, "introspect", api::kGroup,
                                         kube::resources::kApiTokens.plural);
    }};
const Permission kMayReadMetrics{
    "/metrics", "the verb get on the path /metrics",
    [](const api::UserInfo& user) { return api::encode_path_question(user, "get", "/metrics"); }};

namespace {

bool share_one(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::ranges::any_of(
      a, [&](const std::string& one) { return std::ranges::find(b, one) != b.end(); });
}

template <typename Memory>
void remove_first_to_expire(Memory& memory) {
  memory.erase(
      std::ranges::min_element(memory, {}, [](const auto& pair) { return pair.second.until; }));
}

}  // namespace

struct CallerReviews::Waiting {
  Waiting(CallerReviews& all, std::string_view text, const core::Sha256& hash, Credential shape,
          std::string_view from)
      : reviews(all),
        token(std::string(text)),
        digest(hash),
        credential(std::move(shape)),
        source(from) {}
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() {
    const MutexLock lock(reviews.mutex_);
    reviews.budget_.leave(source);
    const auto found = reviews.under_review_.find(digest);
    if (--found->second.waiting == 0) reviews.under_review_.erase(found);
  }

  CallerReviews& reviews;
  const SecretString token;
  const core::Sha256 digest;
  const Credential credential;
  const std::string source;
};

std::size_t CallerReviews::FirstBytes::operator()(const core::Sha256& digest) const {
  std::size_t value = 0;
  std::memcpy(&value, digest.data(), sizeof value);
  return value;
}

std::variant<CallerReviews::Verdict, CallerReviews::Review> CallerReviews::admit(
    std::string_view token, std::string_view peer) {
  const auto digest = core::sha256(token);
  {
    MutexLock lock(mutex_);
    if (const auto verdict = recall(digest)) {
      const bool renews = *verdict == Verdict::Allowed && begin_renewal(digest);
      if (renews) renewals_.emplace_back(std::string(token));
      lock.unlock();
      if (renews) renewal_came_.notify_one();
      return *verdict;
    }
  }
  auto credential = examine_credential(token);
  if (credential.kind == Credential::Kind::None) return Verdict::Unknown;
  if (is_for_others(credential)) return Verdict::OtherAudience;
  const auto source = source_of(peer);
  {
    const MutexLock lock(mutex_);
    // A token that is under review already costs nothing more.
    const auto found = under_review_.find(digest);
    const bool is_paid = found != under_review_.end() && !found->second.failed;
    if (!is_paid && !pay(digest, credential, source)) return Verdict::Unavailable;
    if (!budget_.enter(source, clock_.steady())) return Verdict::Unavailable;
    auto& under_review = under_review_[digest];
    under_review.failed = false;
    ++under_review.waiting;
  }
  const auto waiting =
      std::make_shared<const Waiting>(*this, token, digest, std::move(credential), source);
  return Review(
      [this, waiting](std::stop_token stop) { return review(*waiting, std::move(stop)); });
}

CallerReviews::Verdict CallerReviews::review(const Waiting& waiting, std::stop_token stop) {
  {
    const MutexLock lock(mutex_);
    if (const auto verdict = recall(waiting.digest)) return *verdict;
    if (under_review_[waiting.digest].failed) return Verdict::Unavailable;
  }
  const auto verdict = ask(waiting.token.reveal(), waiting.credential, std::move(stop));
  log_failure(verdict);
  const MutexLock lock(mutex_);
  under_review_[waiting.digest].failed = !verdict;
  if (!verdict) return Verdict::Unavailable;
  remember(waiting.digest, waiting.credential, *verdict);
  return *verdict;
}

void CallerReviews::renew(std::stop_token stop) {
  MutexLock lock(mutex_);
  while (renewal_came_.wait(lock, stop, [this]() REQUIRES(mutex_) { return !renewals_.empty(); }) &&
         !stop.stop_requested()) {
    const SecretString token = std::move(renewals_.front());
    renewals_.pop_front();
    lock.unlock();
    renew_one(token, stop);
    lock.lock();
  }
}

// If the API server cannot be reached, the verdict stays until it expires.
void CallerReviews::renew_one(const SecretString& token, std::stop_token stop) {
  const auto digest = core::sha256(token.reveal());
  const auto credential = examine_credential(token.reveal());
  const auto verdict = ask(token.reveal(), credential, std::move(stop));
  log_failure(verdict);
  const MutexLock lock(mutex_);
  if (verdict) {
    remember(digest, credential, *verdict);
  } else if (const auto found = allowed_.find(digest); found != allowed_.end()) {
    found->second.renewing = false;
    found->second.renew_at = clock_.steady() + kRenewAgainAfter;
  }
}

void CallerReviews::log_failure(const Result<Verdict>& verdict) {
  if (verdict) {
    failure_log_.succeeded({{"endpoint", permission_.endpoint}});
  } else {
    failure_log_.failed(verdict.error(), {{"endpoint", permission_.endpoint}});
  }
}

Result<CallerReviews::Verdict> CallerReviews::ask(std::string_view token,
                                                  const Credential& credential,
                                                  std::stop_token stop) {
  api::JsonParser parser;
  const auto audiences = audiences_for(credential);
  const auto question = api::encode_token_question(token, audiences);
  const auto reviewed =
      TRY(client_.create(kube::resources::kTokenReviews, "", question.reveal(), stop));
  const auto review = TRY(parser.parse(reviewed));
  const auto caller = TRY(api::decode_token_verdict(review));
  // The API server names audiences only if the review did.
  const bool fits = audiences.empty() || share_one(audiences, caller.audiences);
  if (!caller.authenticated || !fits) return Verdict::Unknown;

  const auto answered =
      TRY(client_.create(kube::resources::kSubjectAccessReviews, "",
                         permission_.access_review(caller.user), std::move(stop)));
  const auto access = TRY(parser.parse(answered));
  const auto allowed = TRY(api::decode_access_verdict(access));
  return allowed ? Verdict::Allowed : Verdict::Forbidden;
}

// The audiences of the review; empty: the API server's own.
std::vector<std::string> CallerReviews::audiences_for(const Credential& credential) const {
  const bool names_ours = share_one(credential.audiences, audiences_.names);
  return audiences_.api_server_too && !names_ours ? std::vector<std::string>{} : audiences_.names;
}

bool CallerReviews::is_for_others(const Credential& credential) const {
  return credential.kind == Credential::Kind::Jwt && !audiences_.api_server_too &&
         !share_one(credential.audiences, audiences_.names);
}

std::optional<CallerReviews::Verdict> CallerReviews::recall(const core::Sha256& digest) {
  const auto now = clock_.steady();
  if (const auto found = allowed_.find(digest);
      found != allowed_.end() && now < found->second.until) {
    return Verdict::Allowed;
  }
  const auto found = refused_.find(digest);
  if (found == refused_.end()) return {};
  if (now < found->second.until) return found->second.verdict;
  refused_.erase(found);
  return {};
}

bool CallerReviews::pay(const core::Sha256& digest, const Credential& credential,
                        std::string_view source) {
  const auto now = clock_.steady();
  if (allowed_.contains(digest) && budget_.take_reserve(now)) return true;
  auto kind = ReviewBudget::Kind::Opaque;
  if (credential.kind == Credential::Kind::Jwt) {
    kind = proven_keys_.contains(credential.kid) ? ReviewBudget::Kind::ProvenJwt
                                                 : ReviewBudget::Kind::Jwt;
  }
  return budget_.take(kind, source, now);
}

bool CallerReviews::begin_renewal(const core::Sha256& digest) {
  auto& entry = allowed_.at(digest);
  const auto now = clock_.steady();
  if (entry.renewing || now < entry.renew_at || !budget_.take_reserve(now)) return false;
  return entry.renewing = true;
}

void CallerReviews::remember(const core::Sha256& digest, const Credential& credential,
                             Verdict verdict) {
  const auto now = clock_.steady();
  if (verdict != Verdict::Unknown && !credential.kid.empty() &&
      !proven_keys_.contains(credential.kid)) {
    if (proven_keys_.size() >= kMaxProvenKeys)
      proven_keys_.clear();  // keys in use return with the next review
    proven_keys_.insert(credential.kid);
  }
  if (verdict == Verdict::Allowed) {
    refused_.erase(digest);
    if (allowed_.size() >= kMaxRemembered && !allowed_.contains(digest))
      remove_first_to_expire(allowed_);
    allowed_.insert_or_assign(digest, Allowed{now + kAllowedFor, now + kRenewAfter});
  } else {
    allowed_.erase(digest);
    if (refused_.size() >= kMaxRemembered && !refused_.contains(digest))
      remove_first_to_expire(refused_);
    refused_.insert_or_assign(digest, Refused{verdict, now + kRefusedFor});
  }
}

}  // namespace apitoken::serve
