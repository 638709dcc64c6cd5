// JwtKeys: the keys that sign JWTs, in one Secret of the operator's namespace. Every replica
// follows that Secret and publishes the public keys. The leader's workers sign, and its keep()
// makes, rotates and removes keys. The Secret is the only source of truth: each write carries its
// version, and after a conflict the Secret is read again. Thread-safe. Private keys are written to
// that Secret and nowhere else.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <stop_token>

#include "api/jwt_key_secret.hpp"
#include "base/backoff.hpp"
#include "base/failure_log.hpp"
#include "base/mutex.hpp"
#include "base/sleep.hpp"
#include "core/jwt.hpp"
#include "core/key_ring.hpp"
#include "kube/client.hpp"
#include "kube/store.hpp"
#include "notify/dispatcher.hpp"

namespace apitoken::reconcile {

inline constexpr std::string_view kJwtKeySecret = "apitoken-operator-jwt-keys";

class JwtKeys {
 public:
  struct Settings {
    std::string ns;      // the operator's namespace
    std::string issuer;  // claim iss
    Seconds rotation = core::kDefaultKeyRotation;
  };
  // Returns the number of JWTs that have not expired. Called on any thread.
  using CountLive = std::function<std::size_t()>;

  JwtKeys(kube::Client& client, const Clock& clock, notify::Dispatcher& dispatcher,
          Settings settings, CountLive count_live);

  // For the leader's workers. Makes the first key if there is none. Errors: those of the API
  // server, Unavailable.
  Result<core::MintedToken> sign(const core::JwtClaims& claims, std::stop_token stop);

  // The JWK Set as last seen; without keys before the first one is made. Any thread; no I/O.
  std::string jwks() const;
  // Whether that key is in the set; true for every key until the Secret was read once. Any thread;
  // no I/O.
  bool has(std::string_view kid) const;
  std::string issuer() const { return settings_.issuer; }

  // Called by the watch on the Secrets of the operator's namespace. Quick.
  void on_secret(const kube::Change<api::PartialObject>& change);

  // The body of a thread on every replica: reads the Secret after each change.
  void follow(std::stop_token stop);
  // The body of a thread while this replica leads: makes and removes keys when due. It does not
  // write after it returns.
  void keep(std::stop_token stop);

 private:
  static constexpr Backoff kBackoff{std::chrono::seconds(1), std::chrono::minutes(1)};

  struct Key {
    core::SigningKey pair;
    WallTime active_from;
  };
  // One version of the Secret. Immutable.
  struct Ring {
    api::ObjectMeta meta;  // without uid if there is no Secret
    std::vector<Key> keys;
    std::vector<WallTime> active_from;
    std::vector<std::string> damaged;
    std::string jwks;
  };
  using RingPointer = std::shared_ptr<const Ring>;

  static RingPointer make_ring(api::JwtKeySecret secret);
  static Result<RingPointer> parse_ring(std::string body);

  RingPointer ring() const;
  // Replaces the ring by an answer, unless a newer ring was published since the request; `before`
  // is the ring at the request.
  RingPointer publish(RingPointer ring, const RingPointer& before);
  Result<RingPointer> read(std::stop_token stop);
  Result<RingPointer> renew(std::stop_token stop);
  Result<RingPointer> write(const RingPointer& held, const core::KeyRingPlan& plan,
                            std::stop_token stop);
  core::KeyRingPlan plan(const Ring& ring) const;
  bool is_due(const Ring& ring) const;
  void report_loss(const Ring& before, const Ring& after);
  void pause(std::stop_token stop, std::uint32_t failures) {
    sleep_until(clock_, stop, clock_.steady() + kBackoff.delay(failures));
  }

  kube::Client& client_;
  const Clock& clock_;
  notify::Dispatcher& dispatcher_;
  const Settings settings_;
  const api::ObjectKey key_;
  const CountLive count_live_;
  FailureLog read_log_{"signing keys cannot be read, trying again", "signing keys are read again"};
  FailureLog renew_log_{"signing keys cannot be renewed, trying again",
                        "signing keys are renewed again"};

  mutable Mutex mutex_;
  std::condition_variable_any wake_;
  RingPointer ring_ GUARDED_BY(mutex_);
  bool known_ GUARDED_BY(mutex_) = false;    // ring_ was read or written once
  bool changed_ GUARDED_BY(mutex_) = false;  // the watch has seen a version that was not read yet
};

}  // namespace apitoken::reconcile
