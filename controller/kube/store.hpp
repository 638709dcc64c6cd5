// Store: the objects of one kind as last seen, by namespace and name. Reflectors write it, workers
// put the answers to their own writes, and everybody reads. Thread-safe: readers share the lock,
// and no I/O happens under it. It calls back only in for_each() and, after a change and without the
// lock, its one listener. Kinds of which there are very many are kept packed (kube/kept.hpp).
//
// Versions are compared as numbers, which Kubernetes guarantees for objects of one resource:
// https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/5504-comparable-resource-version
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <memory>

#include "api/meta.hpp"
#include "base/mutex.hpp"
#include "kube/kept_objects.hpp"
#include "kube/resource_version.hpp"

namespace apitoken::kube {

// `before` is null if the object was added, `after` if it was removed.
template <typename T>
struct Change {
  std::shared_ptr<const T> before;
  std::shared_ptr<const T> after;
};

// The same with both objects as the store keeps them: a list may bring very many changes at once.
template <typename T>
struct KeptChange {
  Kept<T> before;
  Kept<T> after;

  Change<T> unpacked() const { return {before.object(), after.object()}; }
};

template <typename T>
class Store {
 public:
  using Pointer = std::shared_ptr<const T>;
  using Listener = std::function<void(const Change<T>&)>;

  // `listener` is called for every change, our own writes included, on the thread that made it.
  // Changes of one object may arrive out of order, so a listener looks up the present state. Set
  // before the first write.
  void set_listener(Listener listener) { listener_ = std::move(listener); }

  // Null if there is no such object.
  Pointer get(const api::ObjectKey& key) const { return kept(key).object(); }
  Kept<T> kept(const api::ObjectKey& key) const { return find(key); }
  // The object if the store has it at exactly this version.
  Kept<T> kept(const api::ObjectVersion& version) const {
    auto found = find(version);
    const bool same = found && found.version().resource_version == version.resource_version;
    return same ? found : Kept<T>();
  }
  std::vector<Pointer> all() const {
    std::vector<Pointer> objects;
    for (const auto& kept : all_kept()) objects.push_back(kept.object());
    return objects;
  }
  // In order of namespace and name. `visit` is quick and calls nothing of this store.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    T scratch{};
    ReadLock lock(mutex_);
    objects_.for_each([&](const Kept<T>& kept) { visit(kept.look(scratch)); });
  }
  // The same, without the lock while `visit` runs: the objects are those at the time of the call.
  template <typename Visit>
  void for_each_unlocked(Visit&& visit) const {
    T scratch{};
    for (const auto& kept : all_kept()) visit(kept.look(scratch));
  }
  // The first `most` objects after `key`, also without the lock, and without most of their texts
  // (api::skim()). Returns their number.
  template <typename Visit>
  std::size_t skim_after(const api::ObjectKey& key, std::size_t most, Visit&& visit) const {
    std::vector<Kept<T>> some;
    {
      ReadLock lock(mutex_);
      some = objects_.after(key.ns, key.name, most);
    }
    T scratch{};
    for (const auto& kept : some) visit(kept.skim(scratch));
    return some.size();
  }
  std::size_t size() const {
    ReadLock lock(mutex_);
    return objects_.size();
  }
  // Grows after each change: a caller that kept the number sees whether something changed since.
  std::uint64_t changes() const { return changes_; }

  // Stores the answer to our own write. False if it is stale: the stored object is as new or newer,
  // or the watch has seen the object's removal since.
  bool put(T object) {
    const auto pointer = std::make_shared<const T>(std::move(object));
    const Kept<T> kept(pointer);
    WriteLock lock(mutex_);
    const auto& meta = pointer->meta;
    if (!objects_.find(meta.ns, meta.name) &&
        !version_older(seen_in(meta.ns), meta.resource_version))
      return false;
    return notified(store(kept), pointer, lock).has_value();
  }
  // True if an object of that uid, not newer than `resource_version`, was removed.
  bool remove(const api::ObjectKey& key, std::string_view uid, std::string_view resource_version) {
    WriteLock lock(mutex_);
    return notified(erase(key, uid, resource_version), nullptr, lock).has_value();
  }

  // For the reflector of `scope` (its namespace, or "" for all): an event of its watch, in order.
  // Empty if the store had this version or a newer one.
  std::optional<Change<T>> observe(std::string_view scope, T object) {
    const auto pointer = std::make_shared<const T>(std::move(object));
    const Kept<T> kept(pointer);
    WriteLock lock(mutex_);
    advance(scope, pointer->meta.resource_version);
    return notified(store(kept), pointer, lock);
  }
  // The same for a version only. True if the store has the object at that version or a newer one,
  // so that it need not be decoded.
  bool observe_known(std::string_view scope, const api::ObjectVersion& version) {
    WriteLock lock(mutex_);
    const auto* found = objects_.find(version.ns, version.name);
    if (!found || version_older(found->version().resource_version, version.resource_version))
      return false;
    advance(scope, version.resource_version);
    return true;
  }
  std::optional<Change<T>> observe_removal(std::string_view scope, const api::ObjectMeta& last) {
    WriteLock lock(mutex_);
    advance(scope, last.resource_version);
    return notified(erase(last.key(), last.uid, last.resource_version), nullptr, lock);
  }
  void observe_version(std::string_view scope, std::string_view resource_version) {
    WriteLock lock(mutex_);
    advance(scope, resource_version);
  }
  // Whether a LIST of `scope` is older than a version that its watch has seen. LISTs are consistent
  // reads, so etcd was then restored from a backup.
  bool is_older(std::string_view scope, std::string_view list_version) const {
    ReadLock lock(mutex_);
    return is_older_than(seen_, scope, list_version);
  }
  // A complete LIST of `scope`, read at `list_version`, counts for all objects that are not newer
  // than it; those that it does not have are removed. If etcd was restored, it counts for all.
  std::vector<KeptChange<T>> replace(std::string_view scope, std::vector<Kept<T>> listed,
                                     std::string_view list_version);

 private:
  template <typename Key>
  Kept<T> find(const Key& key) const {
    ReadLock lock(mutex_);
    const auto* found = objects_.find(key.ns, key.name);
    return found ? *found : Kept<T>();
  }
  std::vector<Kept<T>> all_kept() const {
    ReadLock lock(mutex_);
    std::vector<Kept<T>> all;
    all.reserve(objects_.size());
    objects_.for_each([&](const Kept<T>& kept) { all.push_back(kept); });
    return all;
  }

  static std::pair<std::string_view, std::string_view> names_of(const Kept<T>& kept) {
    const auto version = kept.version();
    return {version.ns, version.name};
  }

  // What an object replaced, or an erased object; no object if it is new.
  using Before = std::optional<Kept<T>>;
  // Releases the caller's lock, which clang cannot follow, then calls the listener. Empty if there
  // is no change.
  std::optional<Change<T>> notified(const Before& before, Pointer after,
                                    WriteLock& lock) NO_THREAD_SAFETY_ANALYSIS {
    lock.unlock();
    if (!before) return {};
    ++changes_;
    Change<T> change{before->object(), std::move(after)};
    if (listener_) listener_(change);
    return change;
  }

  // By scope: the newest version that its watch has seen.
  using Seen = std::map<std::string, std::string, std::less<>>;
  static bool is_older_than(const Seen& seen, std::string_view scope,
                            std::string_view list_version) {
    const auto at = seen.find(scope);
    return at != seen.end() && version_older(list_version, at->second);
  }

  // Empty: nothing was changed.
  Before store(const Kept<T>& kept) REQUIRES(mutex_);
  Before erase(const api::ObjectKey& key, std::string_view uid, std::string_view resource_version)
      REQUIRES(mutex_);
  void erase_missing(std::string_view scope, const std::vector<Kept<T>>& listed,
                     std::string_view list_version, bool restored,
                     std::vector<KeptChange<T>>& changes) REQUIRES(mutex_);
  void advance(std::string_view scope, std::string_view resource_version) REQUIRES(mutex_);
  std::string_view seen_in(std::string_view ns) const REQUIRES(mutex_);

  Listener listener_;
  std::atomic<std::uint64_t> changes_ = 0;
  mutable SharedMutex mutex_;
  KeptObjects<T> objects_ GUARDED_BY(mutex_);
  Seen seen_ GUARDED_BY(mutex_);
};

template <typename T>
auto Store<T>::store(const Kept<T>& kept) -> Before {
  const auto version = kept.version();
  auto* const found = objects_.find(version.ns, version.name);
  if (!found) {
    objects_.insert(kept);
    return Kept<T>();
  }
  if (!version_older(found->version().resource_version, version.resource_version)) return {};
  return std::exchange(*found, kept);
}

template <typename T>
auto Store<T>::erase(const api::ObjectKey& key, std::string_view uid,
                     std::string_view resource_version) -> Before {
  const auto* const found = objects_.find(key.ns, key.name);
  if (!found || found->object()->meta.uid != uid) return {};
  if (!resource_version.empty() &&
      version_older(resource_version, found->version().resource_version))
    return {};
  Kept<T> before = *found;
  objects_.erase(key.ns, key.name);
  return before;
}

template <typename T>
std::vector<KeptChange<T>> Store<T>::replace(std::string_view scope, std::vector<Kept<T>> listed,
                                             std::string_view list_version) {
  std::ranges::stable_sort(listed, {}, names_of);
  WriteLock lock(mutex_);
  const bool restored = is_older_than(seen_, scope, list_version);
  std::vector<KeptChange<T>> changes;
  for (const Kept<T>& kept : listed) {
    const auto version = kept.version();
    auto* const found = objects_.find(version.ns, version.name);
    if (!found) {
      objects_.insert(kept);
      changes.push_back({{}, kept});
      continue;
    }
    const auto held = found->version().resource_version;
    // A version that is not newer than the list, but newer than the list's object, was undone by a
    // restore of etcd.
    if (!restored && (held == version.resource_version || version_older(list_version, held)))
      continue;
    changes.push_back({std::exchange(*found, kept), kept});
  }
  erase_missing(scope, listed, list_version, restored, changes);
  seen_.insert_or_assign(std::string(scope), std::string(list_version));
  lock.unlock();
  changes_ += changes.size();
  if (listener_) {
    for (const auto& change : changes) listener_(change.unpacked());
  }
  return changes;
}

template <typename T>
void Store<T>::erase_missing(std::string_view scope, const std::vector<Kept<T>>& listed,
                             std::string_view list_version, bool restored,
                             std::vector<KeptChange<T>>& changes) {
  auto next = listed.begin();  // both are in the same order
  objects_.erase_if(scope, [&](const Kept<T>& kept) {
    const auto names = names_of(kept);
    while (next != listed.end() && names_of(*next) < names) ++next;
    const bool is_listed = next != listed.end() && names_of(*next) == names;
    const bool is_newer = !restored && version_older(list_version, kept.version().resource_version);
    if (is_listed || is_newer) return false;
    changes.push_back({kept, {}});
    return true;
  });
}

template <typename T>
void Store<T>::advance(std::string_view scope, std::string_view resource_version) {
  const auto at = seen_.find(scope);
  if (at == seen_.end()) {
    seen_.emplace(scope, resource_version);
  } else if (version_older(at->second, resource_version)) {
    at->second = resource_version;
  }
}

template <typename T>
std::string_view Store<T>::seen_in(std::string_view ns) const {
  auto at = seen_.find(ns);
  if (at == seen_.end()) at = seen_.find(std::string_view());
  return at == seen_.end() ? std::string_view() : at->second;
}

}  // namespace apitoken::kube
