// Joins streams to watches, and runs the thread of a watch.
#include "portal/shared_watch.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/thread_name.hpp"
#include "kube/watch_decoder.hpp"
#include "portal/rows.hpp"
#include "portal/watch_from.hpp"

namespace apitoken::portal {

bool SharedWatch::await_open(const std::stop_token& stop) {
  MutexLock lock(mutex_);
  opened_.wait(lock, stop, [this]() REQUIRES(mutex_) { return state_ != State::Opening; });
  return state_ == State::Open;
}

bool SharedWatch::add(std::weak_ptr<WatchListener> listener) {
  const MutexLock lock(mutex_);
  if (state_ == State::Over) return false;
  std::erase_if(listeners_, [](const auto& one) { return one.expired(); });
  listeners_.push_back(std::move(listener));
  return true;
}

void SharedWatch::open(std::string version) {
  thread_ = std::jthread(
      [this, version = std::move(version)](const std::stop_token& stop) { run(version, stop); });
  const MutexLock lock(mutex_);
  if (state_ == State::Opening) state_ = State::Open;  // else it has ended already
  opened_.notify_all();
}

void SharedWatch::close(const std::optional<Problem>& problem) {
  {
    const MutexLock lock(mutex_);
    if (state_ == State::Over) return;
    state_ = State::Over;
    opened_.notify_all();
  }
  for (const auto& listener : listeners()) listener->ended(problem);
}

bool SharedWatch::has_ended() const {
  const MutexLock lock(mutex_);
  return state_ == State::Over;
}

std::vector<std::shared_ptr<WatchListener>> SharedWatch::listeners() const {
  std::vector<std::shared_ptr<WatchListener>> found;
  const MutexLock lock(mutex_);
  for (const auto& one : listeners_) {
    if (auto listener = one.lock()) found.push_back(std::move(listener));
  }
  return found;
}

void SharedWatch::run(const std::string& version, const std::stop_token& stop) {
  name_thread("portal-watch");
  std::optional<Problem> problem;
  try {
    problem = watch(version, stop);
  } catch (const std::exception& error) {
    log::error("a watch broke", {{"error", error.what()}});
    problem = Problem{500, "Internal", "The portal failed while it followed the tokens."};
  }
  close(problem);
}

std::optional<Problem> SharedWatch::watch(const std::string& version, const std::stop_token& stop) {
  RowsLine rows;
  return watch_from(client_, kube::resources::kApiTokens, watched_.ns, version, watched_.selector,
                    stop, [&](bool removed, api::Json object) {
                      if (!removed) rows.add(object);
                      const auto line = removed ? gone_line(object) : rows.take();
                      for (const auto& listener : listeners())
                        listener->changed(watched_, kube::version_of(object), line);
                      return true;
                    });
}

std::pair<std::shared_ptr<SharedWatch>, bool> SharedWatches::find_or_make(const Watched& watched) {
  const MutexLock lock(mutex_);
  std::erase_if(watches_, [](const auto& entry) { return entry.second.expired(); });
  auto& known = watches_[watched];
  if (auto watch = known.lock(); watch && !watch->has_ended()) return {std::move(watch), false};
  auto watch = std::make_shared<SharedWatch>(client_, watched);
  known = watch;
  return {std::move(watch), true};
}

Expected<std::shared_ptr<SharedWatch>> SharedWatches::begin(
    std::shared_ptr<SharedWatch> watch, const std::shared_ptr<WatchListener>& listener,
    const List& list) {
  watch->add(listener);
  try {
    auto version = list();
    if (version) {
      watch->open(std::move(*version));
      return watch;
    }
    watch->close({});  // those who wait list for themselves
    return refuse(std::move(version.error()));
  } catch (...) {
    watch->close({});
    throw;
  }
}

Expected<std::shared_ptr<SharedWatch>> SharedWatches::join(
    const Watched& watched, const std::shared_ptr<WatchListener>& listener, const List& list,
    const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    auto [watch, is_new] = find_or_make(watched);
    if (is_new) return begin(std::move(watch), listener, list);
    if (!watch->await_open(stop) || !watch->add(listener)) continue;
    TRY(list());
    return std::move(watch);
  }
  return refuse({503, "Unreachable", "The portal is stopping."});
}

std::size_t SharedWatches::size() const {
  const MutexLock lock(mutex_);
  return static_cast<std::size_t>(
      std::ranges::count_if(watches_, [](const auto& entry) { return !entry.second.expired(); }));
}

}  // namespace apitoken::portal
