// Viewer: the person of one session. The portal calls the API server with this person's credentials
// only, and keeps what it knows about a session in its Viewer. A Door makes and keeps viewers; a
// request or a stream holds its viewer until it ends. Any thread. It never impersonates.
#pragma once

#include <atomic>
#include <memory>
#include <set>
#include <stop_token>

#include "base/mutex.hpp"
#include "base/token_bucket.hpp"
#include "kube/cpprest_transport.hpp"
#include "kube/credentials.hpp"
#include "portal/permissions.hpp"
#include "portal/shared_watch.hpp"
#include "portal/upstream.hpp"

namespace apitoken::portal {

// The viewer's name and groups, as the API server knows them.
struct Identity {
  std::string user;
  std::vector<std::string> groups;
};

// A token that ends with the session.
struct SessionToken {
  std::string ns;
  std::string name;
  std::string uid;

  auto operator<=>(const SessionToken&) const = default;
};

class Viewer {
 public:
  static constexpr double kRequestsPerSecond = 20;
  static constexpr double kRequestBurst = 40;
  static constexpr Seconds kIdentityFresh{60};
  static constexpr Seconds kIdleConnection{5};
  static constexpr std::size_t kMaxSessionTokens = 100;

  // `program` is the field manager and user agent: "kubectl-apitoken-web", "apitoken-portal". The
  // references outlive the viewer.
  Viewer(std::unique_ptr<kube::Credentials> credentials, const std::string& program,
         UpstreamObserver& observer, const Clock& clock);
  // For tests: `transport` sends what the credentials would.
  Viewer(std::unique_ptr<kube::Credentials> credentials, std::unique_ptr<kube::Transport> transport,
         const std::string& program, UpstreamObserver& observer, const Clock& clock);
  // Ends the session: streams of the viewer end.
  ~Viewer() { end(); }
  Viewer(const Viewer&) = delete;
  Viewer& operator=(const Viewer&) = delete;

  kube::Credentials& credentials() { return *credentials_; }
  Upstream& upstream() { return upstream_; }
  kube::Client& client() { return client_; }  // for watches
  SharedWatches& watches() { return watches_; }
  Permissions& permissions() { return permissions_; }
  void close_idle_connections() { transport_->close_idle(kIdleConnection); }
  // SelfSubjectReview; remembered for kIdentityFresh, while the credentials hold.
  Expected<Identity> identity(std::stop_token stop);
  // The user of the last identity(), without a request; empty: identity() was never called.
  std::string known_user() const;

  // Counts a request of the session. False: too many.
  bool take_request();

  // When the session ends and when to warn of it; set by the Door. Empty: it has no end.
  void set_end(std::optional<WallTime> ends_at, std::optional<WallTime> warn_at);
  std::optional<WallTime> ends_at() const;
  std::optional<WallTime> warn_at() const;
  // Signed out, or past its end.
  void end() { ended_.request_stop(); }
  std::stop_token ended() const { return ended_.get_token(); }

  // The tokens that sign-out revokes.
  void add_session_token(SessionToken token);
  std::set<SessionToken> session_tokens() const;

 private:
  friend class Streams;

  const std::unique_ptr<kube::Credentials> credentials_;
  const Clock& clock_;
  const std::unique_ptr<kube::Transport> transport_;
  Upstream upstream_;
  kube::Client client_;
  SharedWatches watches_{client_};
  Permissions permissions_;
  std::stop_source ended_;
  mutable Mutex mutex_;
  TokenBucket requests_ GUARDED_BY(mutex_){kRequestsPerSecond, kRequestBurst};
  std::optional<Identity> identity_ GUARDED_BY(mutex_);
  SteadyTime identified_ GUARDED_BY(mutex_){};
  std::optional<WallTime> ends_at_ GUARDED_BY(mutex_);
  std::optional<WallTime> warn_at_ GUARDED_BY(mutex_);
  std::set<SessionToken> session_tokens_ GUARDED_BY(mutex_);
};

}  // namespace apitoken::portal
