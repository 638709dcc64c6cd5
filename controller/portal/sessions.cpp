// The map of sessions, and its sweep.
#include "portal/sessions.hpp"

#include <algorithm>

#include "base/sleep.hpp"
#include "base/thread_name.hpp"
#include "core/hash.hpp"
#include "portal/random_text.hpp"

namespace apitoken::portal {

Sessions::~Sessions() {
  for (auto& [hash, session] : sessions_) close(session);
}

std::string Sessions::hash_of(std::string_view id) { return core::sha256_hex(id); }

Result<SecretString> Sessions::begin(SignedIn signed_in, std::string user) {
  auto id = random_text();
  if (!id) return id;
  std::vector<Session> ended;
  bool full = false;
  {
    const MutexLock lock(mutex_);
    make_room_for(user, ended);
    full = sessions_.size() >= limits_.most;
    if (!full) {
      Session session{std::move(signed_in), std::move(user), clock_.wall(), clock_.steady()};
      set_end(session);
      sessions_.emplace(hash_of(id->reveal()), std::move(session));
    }
  }
  close(ended);
  if (full)
    return fail(ErrorKind::Throttled,
                "there are as many sessions as --sessions-max allows; try again later");
  return id;
}

std::shared_ptr<Viewer> Sessions::find(std::string_view id) {
  if (id.empty()) return nullptr;
  const auto hash = hash_of(id);
  const MutexLock lock(mutex_);
  const auto found = sessions_.find(hash);
  if (found == sessions_.end() || has_ended(found->second)) return nullptr;
  found->second.used = clock_.steady();
  set_end(found->second);
  return found->second.signed_in.viewer;
}

std::shared_ptr<Viewer> Sessions::find_or_begin(std::string_view token,
                                                const std::function<SignedIn()>& make) {
  // No cookie's id hashes to this: ids are base64url, without a blank.
  const auto key = "bearer " + std::string(token);
  if (auto viewer = find(key)) return viewer;
  // Made and closed without the lock, because closing waits for the I/O thread.
  Session session{make(), {}, clock_.wall(), clock_.steady()};
  std::vector<Session> ended;
  std::shared_ptr<Viewer> viewer = session.signed_in.viewer;
  const auto hash = hash_of(key);
  {
    const MutexLock lock(mutex_);
    const auto found = sessions_.find(hash);
    // Two first requests came at once: the viewer of the first stays.
    if (found != sessions_.end() && !has_ended(found->second))
      return found->second.signed_in.viewer;
    if (found != sessions_.end()) ended.push_back(take_out(found));
    if (sessions_.size() >= limits_.most) std::ranges::move(take_over(), std::back_inserter(ended));
    if (sessions_.size() >= limits_.most) ended.push_back(take_out(oldest_of(nullptr)));
    set_end(session);
    sessions_.emplace(hash, std::move(session));
  }
  close(ended);
  return viewer;
}

std::string Sessions::end(const Viewer& viewer) {
  std::vector<Session> ended;
  {
    const MutexLock lock(mutex_);
    const auto found = std::ranges::find_if(sessions_, [&](const auto& entry) {
      return entry.second.signed_in.viewer.get() == &viewer;
    });
    if (found != sessions_.end()) ended.push_back(take_out(found));
  }
  close(ended);
  return ended.empty() ? "" : ended.front().user;
}

void Sessions::end_by_hash(std::string_view hash) {
  std::vector<Session> ended;
  {
    const MutexLock lock(mutex_);
    const auto found = sessions_.find(std::string(hash));
    if (found != sessions_.end()) ended.push_back(take_out(found));
  }
  close(ended);
}

std::size_t Sessions::size() const {
  const MutexLock lock(mutex_);
  return sessions_.size();
}

void Sessions::sweep(std::stop_token stop) {
  name_thread("sessions");
  while (!stop.stop_requested()) {
    std::vector<Session> ended;
    std::vector<std::shared_ptr<Viewer>> viewers;
    {
      const MutexLock lock(mutex_);
      ended = take_over();
      for (const auto& [hash, session] : sessions_) viewers.push_back(session.signed_in.viewer);
    }
    close(ended);
    for (const auto& viewer : viewers) viewer->close_idle_connections();
    viewers.clear();
    sleep_until(clock_, stop, clock_.steady() + kSweep);
  }
}

bool Sessions::has_ended(const Session& session) const {
  const WallTime now = clock_.wall();
  const auto last = session.signed_in.bearer->last_end();
  return clock_.steady() >= session.used + limits_.idle ||
         now >= session.started + limits_.longest || (last && now >= *last);
}

void Sessions::set_end(const Session& session) const {
  WallTime end = session.started + limits_.longest;
  if (const auto last = session.signed_in.bearer->last_end()) end = std::min(end, *last);
  session.signed_in.viewer->set_end(end, std::max(session.started, end - kWarnBefore));
}

void Sessions::make_room_for(const std::string& user, std::vector<Session>& ended) {
  const auto is_theirs = [&](const auto& entry) { return entry.second.user == user; };
  const auto theirs = std::ranges::count_if(sessions_, is_theirs);
  if (static_cast<std::size_t>(theirs) >= limits_.most_of_user)
    ended.push_back(take_out(oldest_of(&user)));
  if (sessions_.size() < limits_.most) return;
  std::ranges::move(take_over(), std::back_inserter(ended));
}

Sessions::Table::iterator Sessions::oldest_of(const std::string* user) {
  auto oldest = sessions_.end();
  for (auto at = sessions_.begin(); at != sessions_.end(); ++at) {
    if (user != nullptr && at->second.user != *user) continue;
    if (oldest == sessions_.end() || at->second.used < oldest->second.used) oldest = at;
  }
  return oldest;
}

Sessions::Session Sessions::take_out(Table::iterator place) {
  Session session = std::move(place->second);
  sessions_.erase(place);
  return session;
}

std::vector<Sessions::Session> Sessions::take_over() {
  std::vector<Session> ended;
  for (auto at = sessions_.begin(); at != sessions_.end();) {
    if (!has_ended(at->second)) {
      set_end(at->second);
      ++at;
    } else {
      ended.push_back(std::move(at->second));
      at = sessions_.erase(at);
    }
  }
  return ended;
}

void Sessions::close(Session& session) {
  session.signed_in.bearer->close();
  session.signed_in.viewer->end();
}

void Sessions::close(std::vector<Session>& ended) {
  for (auto& session : ended) close(session);
}

}  // namespace apitoken::portal
