// Subscriber: what one stream hears of its watches, from before its list until one of them ends.
// It keeps the changes that come while the stream's thread lists; then the watches' threads write
// them, and the stream needs no thread. It never waits for its peer: a stream that falls behind
// lists again.
#pragma once

#include "portal/shared_watch.hpp"
#include "portal/streams.hpp"

namespace apitoken::portal {

class Subscriber final : public WatchListener {
 public:
  static constexpr std::size_t kMaxKept = 4 << 20;  // bytes of changes while the stream lists

  // The next three are called on the stream's thread. `version` is the list's: changes that are
  // older are left out.
  void listed(const Watched& watched, std::string version);
  // Sends what was kept; from then on changes are written as they come. False: the stream has
  // ended, or a watch has.
  bool go_live(Sending& sending);
  // Why a watch ended; empty: nothing broke.
  std::optional<Problem> problem() const;

  void changed(const Watched& watched, std::string_view version, const std::string& line) override;
  void ended(const std::optional<Problem>& problem) override;

 private:
  struct Kept {
    Watched watched;
    std::string version;
    std::string line;
  };

  bool is_newer(const Watched& watched, std::string_view version) const REQUIRES(mutex_);
  void keep(const Watched& watched, std::string_view version, const std::string& line)
      REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::map<Watched, std::string> listed_ GUARDED_BY(mutex_);  // versions
  std::vector<Kept> kept_ GUARDED_BY(mutex_);
  std::size_t kept_bytes_ GUARDED_BY(mutex_) = 0;
  std::shared_ptr<serve::Stream> stream_ GUARDED_BY(mutex_);  // null until it is live
  std::function<void()> wake_ GUARDED_BY(mutex_);
  bool over_ GUARDED_BY(mutex_) = false;
  std::optional<Problem> problem_ GUARDED_BY(mutex_);
};

}  // namespace apitoken::portal
