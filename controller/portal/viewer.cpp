// The credentials and memory of one session.
#include "portal/viewer.hpp"

#include "api/json.hpp"

namespace apitoken::portal {
namespace {

constexpr kube::Resource kSelfSubjectReviews{"authentication.k8s.io", "v1", "selfsubjectreviews",
                                             false};

}  // namespace

Viewer::Viewer(std::unique_ptr<kube::Credentials> credentials, const std::string& program,
               UpstreamObserver& observer, const Clock& clock)
    : Viewer(std::move(credentials), nullptr, program, observer, clock) {}

Viewer::Viewer(std::unique_ptr<kube::Credentials> credentials,
               std::unique_ptr<kube::Transport> transport, const std::string& program,
               UpstreamObserver& observer, const Clock& clock)
    : credentials_(std::move(credentials)),
      clock_(clock),
      transport_(transport ? std::move(transport)
                           : kube::make_cpprest_transport(*credentials_, program,
                                                          {.request = std::chrono::seconds(20)})),
      upstream_(*transport_, observer, program),
      client_(*transport_, observer, "fieldManager=" + program),
      permissions_(upstream_, clock) {}

Expected<Identity> Viewer::identity(std::stop_token stop) {
  // A remembered identity is valid as long as the token, which this call renews or finds ended.
  if (const auto token = credentials_->bearer_token(); !token)
    return refuse(problem_of(token.error()));
  {
    const MutexLock lock(mutex_);
    if (identity_ && clock_.steady() - identified_ < kIdentityFresh) return *identity_;
  }
  const auto asked = clock_.steady();
  const auto body = TRY(upstream_.create(
      kSelfSubjectReviews, "",
      R"({"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"})", std::move(stop)));
  api::JsonParser parser;
  const auto answer = parser.parse(body);
  if (!answer) return refuse(problem_of(answer.error()));
  const auto status = api::member(*answer, "status");
  const auto user = status ? api::member(*status, "userInfo") : std::nullopt;
  Identity identity;
  if (user) {
    identity.user = api::read_string(*user, "username", "").value_or("");
    identity.groups = api::read_string_list(*user, "groups", "");
  }
  if (identity.user.empty())
    return refuse({502, "BadAnswer", "The API server does not say who you are."});
  const MutexLock lock(mutex_);
  identity_ = identity;
  identified_ = asked;
  return identity;
}

std::string Viewer::known_user() const {
  const MutexLock lock(mutex_);
  return identity_ ? identity_->user : "";
}

bool Viewer::take_request() {
  const MutexLock lock(mutex_);
  return requests_.take(clock_.steady());
}

void Viewer::set_end(std::optional<WallTime> ends_at, std::optional<WallTime> warn_at) {
  const MutexLock lock(mutex_);
  ends_at_ = ends_at;
  warn_at_ = warn_at;
}

std::optional<WallTime> Viewer::ends_at() const {
  const MutexLock lock(mutex_);
  return ends_at_;
}

std::optional<WallTime> Viewer::warn_at() const {
  const MutexLock lock(mutex_);
  return warn_at_;
}

void Viewer::add_session_token(SessionToken token) {
  const MutexLock lock(mutex_);
  if (session_tokens_.size() < kMaxSessionTokens) session_tokens_.insert(std::move(token));
}

std::set<SessionToken> Viewer::session_tokens() const {
  const MutexLock lock(mutex_);
  return session_tokens_;
}

}  // namespace apitoken::portal
