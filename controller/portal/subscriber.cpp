// Keeps changes while the stream lists, then writes them as they come.
#include "portal/subscriber.hpp"

#include "kube/resource_version.hpp"

namespace apitoken::portal {

bool Subscriber::is_newer(const Watched& watched, std::string_view version) const {
  const auto listed = listed_.find(watched);
  return listed == listed_.end() || kube::version_older(listed->second, version);
}

void Subscriber::keep(const Watched& watched, std::string_view version, const std::string& line) {
  kept_bytes_ += line.size();
  kept_.push_back({watched, std::string(version), line});
  if (kept_bytes_ <= kMaxKept) return;
  over_ = true;
  kept_ = {};
}

void Subscriber::listed(const Watched& watched, std::string version) {
  const MutexLock lock(mutex_);
  listed_[watched] = std::move(version);
}

std::optional<Problem> Subscriber::problem() const {
  const MutexLock lock(mutex_);
  return problem_;
}

bool Subscriber::go_live(Sending& sending) {
  std::vector<Kept> kept;
  for (;;) {
    {
      const MutexLock lock(mutex_);
      if (over_) return false;
      kept = std::exchange(kept_, {});
      kept_bytes_ = 0;
      if (kept.empty()) {
        stream_ = sending.stream();
        wake_ = sending.wake();
        return true;
      }
      std::erase_if(kept, [this](const Kept& one)
                              REQUIRES(mutex_) { return !is_newer(one.watched, one.version); });
    }
    for (auto& one : kept) {
      if (!sending.line(std::move(one.line))) return false;
    }
  }
}

void Subscriber::changed(const Watched& watched, std::string_view version,
                         const std::string& line) {
  std::shared_ptr<serve::Stream> stream;
  {
    const MutexLock lock(mutex_);
    if (over_) return;
    if (!stream_) return keep(watched, version, line);
    if (!is_newer(watched, version)) return;
    stream = stream_;
  }
  if (!stream->has_room(Sending::kMaxAhead) || !stream->write(line + '\n')) ended({});
}

void Subscriber::ended(const std::optional<Problem>& problem) {
  std::function<void()> wake;
  {
    const MutexLock lock(mutex_);
    if (over_) return;
    over_ = true;
    problem_ = problem;
    wake = wake_;
  }
  if (wake) wake();
}

}  // namespace apitoken::portal
