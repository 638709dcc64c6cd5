// Reflector: keeps one Store up to date with one resource, of one namespace or all, by LIST and
// WATCH. run() is the body of one thread; the other functions may be called on any. No failure
// stops it: it logs the failure's begin and end, waits longer each time, and tries again.
#pragma once

#include <functional>
#include <vector>

#include "kube/list_watch.hpp"
#include "kube/store.hpp"

namespace apitoken::kube {

template <typename T>
class Reflector final : private ObjectSink {
 public:
  using Decode = std::function<Result<T>(api::Json)>;
  // Called on the reflector's thread after the store has the change. Must be quick: the watch waits
  // for it.
  using OnChange = std::function<void(const Change<T>&)>;

  Reflector(Client& client, const Clock& clock, Watched watched, Store<T>& store, Decode decode,
            OnChange on_change, Outage* outage = nullptr)
      : loop_(client, clock, std::move(watched), *this, outage),
        store_(store),
        decode_(std::move(decode)),
        on_change_(std::move(on_change)) {}

  // Lists and watches until `stop`.
  void run(std::stop_token stop) { loop_.run(std::move(stop)); }
  // Lists again soon, because the store may have missed a change; at most once in two minutes.
  void relist() { loop_.relist(); }
  // Whether the store has held a complete list once.
  bool has_synced() const { return loop_.has_synced(); }
  // When the server last sent a list, an event or a bookmark; the epoch before the first.
  WallTime last_activity() const { return loop_.last_activity(); }
  const Watched& watched() const { return loop_.watched(); }

 private:
  bool list_begins(std::string_view resource_version) override {
    listed_.clear();
    restored_ = store_.is_older(watched().ns, resource_version);
    return restored_;
  }
  Status listed(api::Json object) override {
    const auto version = TRY(api::peek_version(object));
    // A relist brings mostly versions that the store has: these are shared, not decoded again.
    // After a restore of etcd another object may have got the same version.
    if (auto known = restored_ ? Kept<T>() : store_.kept(version)) {
      listed_.push_back(std::move(known));
      return {};
    }
    auto decoded = TRY(decode_(object));
    listed_.emplace_back(std::make_shared<const T>(std::move(decoded)));
    return {};
  }
  void list_ends(std::string_view resource_version) override {
    const auto changes = store_.replace(watched().ns, std::exchange(listed_, {}), resource_version);
    for (const auto& change : changes) on_change_(change.unpacked());
  }
  Status changed(api::Json object) override {
    const auto version = TRY(api::peek_version(object));
    // Mostly the echo of our own write.
    if (store_.observe_known(watched().ns, version)) return {};
    auto decoded = TRY(decode_(object));
    tell(store_.observe(watched().ns, std::move(decoded)));
    return {};
  }
  Status removed(api::Json object) override {
    const auto meta = TRY(api::decode_meta(object));
    tell(store_.observe_removal(watched().ns, meta));
    return {};
  }
  void seen(std::string_view resource_version) override {
    store_.observe_version(watched().ns, resource_version);
  }

  void tell(const std::optional<Change<T>>& change) {
    if (change) on_change_(*change);
  }

  ListWatch loop_;
  Store<T>& store_;
  Decode decode_;
  OnChange on_change_;
  // The reflector's thread only.
  std::vector<Kept<T>> listed_;  // the pages so far
  bool restored_ = false;        // the list is older than what the store has seen
};

}  // namespace apitoken::kube
