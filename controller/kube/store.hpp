// Store: the objects of one kind as last seen, by namespace and name. Reflectors write it, workers
// put the answers to their own writes, and everybody reads. Thread-safe: readers share the lock,
// and no I/O happens under it. It calls back only in for_each() and, after a change and without the
// lock, its one listener.
//
// Versions are compared as numbers, which Kubernetes guarantees for objects of one resource:
// https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/5504-comparable-resource-version
#pragma once

#include <functional>
#include <memory>
#include <set>

#include "api/meta.hpp"
#include "base/mutex.hpp"
#include "kube/resource_version.hpp"

namespace apitoken::kube {

// `before` is null if the object was added, `after` if it was removed.
template <typename T>
struct Change {
  std::shared_ptr<const T> before;
  std::shared_ptr<const T> after;
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
  Pointer get(const api::ObjectKey& key) const {
    ReadLock lock(mutex_);
    const auto found = objects_.find(key);
    return found == objects_.end() ? nullptr : *found;
  }
  std::vector<Pointer> all() const {
    ReadLock lock(mutex_);
    return {objects_.begin(), objects_.end()};
  }
  // In order of namespace and name. `visit` is quick and calls nothing of this store.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    ReadLock lock(mutex_);
    for (const auto& object : objects_) visit(*object);
  }
  std::size_t size() const {
    ReadLock lock(mutex_);
    return objects_.size();
  }

  // Stores the answer to our own write. False if it is stale: the stored object is as new or newer,
  // or the watch has seen the object's removal since.
  bool put(T object) {
    WriteLock lock(mutex_);
    const auto& meta = object.meta;
    if (!objects_.contains(meta) && !version_older(seen_in(meta.ns), meta.resource_version))
      return false;
    return notified(store(std::move(object)), lock).has_value();
  }
  // True if an object of that uid, not newer than `resource_version`, was removed.
  bool remove(const api::ObjectKey& key, std::string_view uid, std::string_view resource_version) {
    WriteLock lock(mutex_);
    return notified(erase(key, uid, resource_version), lock).has_value();
  }

  // For the reflector of `scope` (its namespace, or "" for all): an event of its watch, in order.
  // Empty if the store had this version or a newer one.
  std::optional<Change<T>> observe(std::string_view scope, T object) {
    WriteLock lock(mutex_);
    advance(scope, object.meta.resource_version);
    return notified(store(std::move(object)), lock);
  }
  // The same for a version only. True if the store has the object at that version or a newer one,
  // so that it need not be decoded.
  bool observe_known(std::string_view scope, const api::ObjectVersion& version) {
    WriteLock lock(mutex_);
    const auto found = objects_.find(version);
    if (found == objects_.end() ||
        version_older((*found)->meta.resource_version, version.resource_version))
      return false;
    advance(scope, version.resource_version);
    return true;
  }
  std::optional<Change<T>> observe_removal(std::string_view scope, const api::ObjectMeta& last) {
    WriteLock lock(mutex_);
    advance(scope, last.resource_version);
    return notified(erase(last.key(), last.uid, last.resource_version), lock);
  }
  void observe_version(std::string_view scope, std::string_view resource_version) {
    WriteLock lock(mutex_);
    advance(scope, resource_version);
  }
  // A complete LIST of `scope`, read at `list_version`: objects that are not in it are removed,
  // unless they are newer than the list. If the list is older than a version that the watch had
  // seen, etcd was restored from a backup: then the list counts for every object.
  std::vector<Change<T>> replace(std::string_view scope, std::vector<Pointer> objects,
                                 std::string_view list_version);

 private:
  // Orders by namespace and name without keeping a second copy of either.
  struct ByKey {
    using is_transparent = void;
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      const auto& [a_ns, a_name] = names(a);
      const auto& [b_ns, b_name] = names(b);
      const int order = a_ns.compare(b_ns);
      return order != 0 ? order < 0 : a_name < b_name;
    }
    using Names = std::pair<std::string_view, std::string_view>;
    static Names names(const Pointer& object) { return {object->meta.ns, object->meta.name}; }
    static Names names(const api::ObjectMeta& meta) { return {meta.ns, meta.name}; }
    static Names names(const api::ObjectKey& key) { return {key.ns, key.name}; }
    static Names names(const api::ObjectVersion& version) { return {version.ns, version.name}; }
  };

  // Releases the caller's lock, which clang cannot follow, then calls the listener.
  std::optional<Change<T>> notified(std::optional<Change<T>> change,
                                    WriteLock& lock) const NO_THREAD_SAFETY_ANALYSIS {
    lock.unlock();
    if (change && listener_) listener_(*change);
    return change;
  }

  std::optional<Change<T>> store(T object) REQUIRES(mutex_);
  std::optional<Change<T>> erase(const api::ObjectKey& key, std::string_view uid,
                                 std::string_view resource_version) REQUIRES(mutex_);
  std::vector<Change<T>> erase_missing(std::string_view scope,
                                       const std::set<Pointer, ByKey>& listed,
                                       std::string_view list_version, bool restored)
      REQUIRES(mutex_);
  void advance(std::string_view scope, std::string_view resource_version) REQUIRES(mutex_);
  std::string_view seen_in(std::string_view ns) const REQUIRES(mutex_);

  Listener listener_;
  mutable SharedMutex mutex_;
  std::set<Pointer, ByKey> objects_ GUARDED_BY(mutex_);
  // By scope: the newest version that its watch has seen.
  std::map<std::string, std::string, std::less<>> seen_ GUARDED_BY(mutex_);
};

template <typename T>
std::optional<Change<T>> Store<T>::store(T object) {
  const auto found = objects_.find(object.meta);
  if (found == objects_.end()) {
    const auto [added, fresh] = objects_.insert(std::make_shared<const T>(std::move(object)));
    return Change<T>{nullptr, *added};
  }
  if (!version_older((*found)->meta.resource_version, object.meta.resource_version)) return {};
  Change<T> change{*found, std::make_shared<const T>(std::move(object))};
  auto node = objects_.extract(found);
  node.value() = change.after;
  objects_.insert(std::move(node));
  return change;
}

template <typename T>
std::optional<Change<T>> Store<T>::erase(const api::ObjectKey& key, std::string_view uid,
                                         std::string_view resource_version) {
  const auto found = objects_.find(key);
  if (found == objects_.end() || (*found)->meta.uid != uid) return {};
  if (!resource_version.empty() && version_older(resource_version, (*found)->meta.resource_version))
    return {};
  Change<T> change{*found, nullptr};
  objects_.erase(found);
  return change;
}

template <typename T>
std::vector<Change<T>> Store<T>::replace(std::string_view scope, std::vector<Pointer> objects,
                                         std::string_view list_version) {
  WriteLock lock(mutex_);
  const auto seen = seen_.find(scope);
  const bool restored = seen != seen_.end() && version_older(list_version, seen->second);
  std::vector<Change<T>> changes;
  std::set<Pointer, ByKey> listed;
  for (Pointer& pointer : objects) {
    const auto found = objects_.find(pointer);
    if (found == objects_.end()) {
      changes.push_back({nullptr, pointer});
    } else if (restored ? (*found)->meta.resource_version != pointer->meta.resource_version
                        : version_older((*found)->meta.resource_version,
                                        pointer->meta.resource_version)) {
      changes.push_back({*found, pointer});
    } else {
      pointer = *found;
    }
    listed.insert(std::move(pointer));
  }
  for (auto& gone : erase_missing(scope, listed, list_version, restored))
    changes.push_back(std::move(gone));
  for (auto& change : changes) {
    if (!change.after) continue;
    if (change.before) objects_.erase(change.before);
    objects_.insert(change.after);
  }
  seen_.insert_or_assign(std::string(scope), std::string(list_version));
  lock.unlock();
  if (listener_) {
    for (const auto& change : changes) listener_(change);
  }
  return changes;
}

template <typename T>
std::vector<Change<T>> Store<T>::erase_missing(std::string_view scope,
                                               const std::set<Pointer, ByKey>& listed,
                                               std::string_view list_version, bool restored) {
  std::vector<Change<T>> gone;
  for (auto at = objects_.begin(); at != objects_.end();) {
    const auto& meta = (*at)->meta;
    const bool covered = scope.empty() || meta.ns == scope;
    const bool newer = !restored && version_older(list_version, meta.resource_version);
    if (covered && !newer && !listed.contains(*at)) {
      gone.push_back({*at, nullptr});
      at = objects_.erase(at);
    } else {
      ++at;
    }
  }
  return gone;
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
