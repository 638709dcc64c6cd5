// Sessions: the people who are signed in, in memory only. A session is found by the SHA-256 of its
// id; the id itself, 256 random bits, is kept in the browser's cookie only. A session ends by sign-
// out, after --idle without a request, after --session, or with a token that cannot be renewed. The
// session door owns the only one. Any thread; no viewer is destroyed under its mutex.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "base/secret_string.hpp"
#include "portal/bearer_credentials.hpp"
#include "portal/viewer.hpp"

namespace apitoken::portal {

struct SessionLimits {
  Seconds longest{std::chrono::hours(8)};
  Seconds idle{std::chrono::hours(1)};
  std::size_t most = 2000;
  std::size_t most_of_user = 20;  // beyond: that user's oldest ends
};

// A viewer and its own credentials, which the viewer owns.
struct SignedIn {
  std::shared_ptr<Viewer> viewer;
  BearerCredentials* bearer = nullptr;
};

class Sessions {
 public:
  static constexpr const char* kCookie = "__Host-apitoken";
  static constexpr Seconds kWarnBefore{300};
  static constexpr std::chrono::seconds kSweep{2};

  Sessions(SessionLimits limits, const Clock& clock) : limits_(limits), clock_(clock) {}
  ~Sessions();
  Sessions(const Sessions&) = delete;
  Sessions& operator=(const Sessions&) = delete;

  // Begins a session for the person whom the API server knows as `user`. Returns the id for the
  // cookie. Errors: Throttled if there are too many, Unavailable without random source.
  Result<SecretString> begin(SignedIn signed_in, std::string user);
  // The viewer of a session that has not ended; this counts as a use. Null if there is none.
  std::shared_ptr<Viewer> find(std::string_view id);
  // The same by `token` itself (header mode). Without a session it calls `make`, without a lock. If
  // there are too many, the session with the oldest last use ends.
  std::shared_ptr<Viewer> find_or_begin(std::string_view token,
                                        const std::function<SignedIn()>& make);
  // Ends it; returns the user's name, empty if there was no such session.
  std::string end(const Viewer& viewer);
  void end_by_hash(std::string_view hash);
  // The hash that find() looks for. A sign-in remembers it of the session that it replaces.
  static std::string hash_of(std::string_view id);

  std::size_t size() const;
  // Ends sessions that are past their end, and closes connections that the others do not use, until
  // `stop`. The body of a thread.
  void sweep(std::stop_token stop);

 private:
  struct Session {
    SignedIn signed_in;
    std::string user;  // empty: by header, not asked yet
    WallTime started;
    SteadyTime used;
  };
  using Table = std::unordered_map<std::string, Session>;

  bool has_ended(const Session& session) const REQUIRES(mutex_);
  void set_end(const Session& session) const REQUIRES(mutex_);
  void make_room_for(const std::string& user, std::vector<Session>& ended) REQUIRES(mutex_);
  Table::iterator oldest_of(const std::string* user) REQUIRES(mutex_);
  Session take_out(Table::iterator place) REQUIRES(mutex_);
  std::vector<Session> take_over() REQUIRES(mutex_);
  // Without the mutex.
  static void close(Session& session);
  static void close(std::vector<Session>& ended);

  const SessionLimits limits_;
  const Clock& clock_;
  mutable Mutex mutex_;
  Table sessions_ GUARDED_BY(mutex_);  // by hash
};

}  // namespace apitoken::portal
