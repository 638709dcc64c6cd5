// Mutexes and locks that clang's thread safety analysis knows, and the words for its contracts.
// `hack/test.sh lint` refuses an access to a guarded member without its mutex; gcc sees empty
// macros. Source: https://clang.llvm.org/docs/ThreadSafetyAnalysis.html
//
//   Mutex mutex_;
//   int free_ GUARDED_BY(mutex_);
//   void take_one() REQUIRES(mutex_);              // the caller holds the mutex
//   ...
//   const MutexLock lock(mutex_);                  // until the end of the block
//   changed_.wait(lock, [this]() REQUIRES(mutex_) { return free_ > 0; });
#pragma once

#include <mutex>
#include <shared_mutex>

#if defined(__clang__)
#define APITOKEN_THREAD_SAFETY(attribute) __attribute__((attribute))
#else
#define APITOKEN_THREAD_SAFETY(attribute)
#endif
#define CAPABILITY(name) APITOKEN_THREAD_SAFETY(capability(name))
#define SCOPED_CAPABILITY APITOKEN_THREAD_SAFETY(scoped_lockable)
#define GUARDED_BY(mutex) APITOKEN_THREAD_SAFETY(guarded_by(mutex))
#define REQUIRES(...) APITOKEN_THREAD_SAFETY(requires_capability(__VA_ARGS__))
#define ACQUIRE(...) APITOKEN_THREAD_SAFETY(acquire_capability(__VA_ARGS__))
#define ACQUIRE_SHARED(...) APITOKEN_THREAD_SAFETY(acquire_shared_capability(__VA_ARGS__))
#define RELEASE(...) APITOKEN_THREAD_SAFETY(release_capability(__VA_ARGS__))
#define RELEASE_SHARED(...) APITOKEN_THREAD_SAFETY(release_shared_capability(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS APITOKEN_THREAD_SAFETY(no_thread_safety_analysis)

namespace apitoken {

class CAPABILITY("mutex") Mutex {
 public:
  void lock() ACQUIRE() { mutex_.lock(); }
  void unlock() RELEASE() { mutex_.unlock(); }

 private:
  friend class MutexLock;
  std::mutex mutex_;
};

// Holds a mutex until the end of the block; unlock() and lock() in between, as a
// std::condition_variable_any does while it waits.
class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : lock_(mutex.mutex_) {}
  ~MutexLock() RELEASE() {}
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  void lock() ACQUIRE() { lock_.lock(); }
  void unlock() RELEASE() { lock_.unlock(); }
  // For Clock::wait(), which returns with the mutex held.
  operator std::unique_lock<std::mutex>&() { return lock_; }

 private:
  std::unique_lock<std::mutex> lock_;
};

// Many readers or one writer.
class CAPABILITY("mutex") SharedMutex {
 public:
  void lock() ACQUIRE() { mutex_.lock(); }
  void unlock() RELEASE() { mutex_.unlock(); }
  void lock_shared() ACQUIRE_SHARED() { mutex_.lock_shared(); }
  void unlock_shared() RELEASE_SHARED() { mutex_.unlock_shared(); }

 private:
  friend class ReadLock;
  friend class WriteLock;
  std::shared_mutex mutex_;
};

// Holds a shared mutex for reading until the end of the block.
class SCOPED_CAPABILITY ReadLock {
 public:
  explicit ReadLock(SharedMutex& mutex) ACQUIRE_SHARED(mutex) : lock_(mutex.mutex_) {}
  ~ReadLock() RELEASE() {}
  ReadLock(const ReadLock&) = delete;
  ReadLock& operator=(const ReadLock&) = delete;

 private:
  std::shared_lock<std::shared_mutex> lock_;
};

// Holds a shared mutex for writing until the end of the block, or until unlock().
class SCOPED_CAPABILITY WriteLock {
 public:
  explicit WriteLock(SharedMutex& mutex) ACQUIRE(mutex) : lock_(mutex.mutex_) {}
  ~WriteLock() RELEASE() {}
  WriteLock(const WriteLock&) = delete;
  WriteLock& operator=(const WriteLock&) = delete;

  void unlock() RELEASE() { lock_.unlock(); }

 private:
  std::unique_lock<std::shared_mutex> lock_;
};

}  // namespace apitoken
