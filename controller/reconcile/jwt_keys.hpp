// JwtKeys: the keys that sign JWTs, as they stand in one Secret of the operator's namespace. Every
// replica follows that Secret and shows its public half; the leader's workers sign, and its keep()
// makes, rotates and removes keys. The Secret is the only truth: each write carries its version,
// and who loses a race reads again. Thread-safe; no private key leaves it but into that Secret.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>

#include "api/jwt_key_secret.hpp"
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
    std::string ns;      // the operator's
    std::string issuer;  // claim iss
    Seconds rotation = core::kDefaultKeyRotation;
  };
  // How many JWTs are out that have not expired. Asked on any thread.
  using CountLive = std::function<std::size_t()>;

  JwtKeys(kube::Client& client, const Clock& clock, notify::Dispatcher& dispatcher,
          Settings settings, CountLive count_live);

  // Leader's workers. Makes the first key where there is none. Errors: those of the API server,
  // Unavailable.
  Result<core::MintedToken> sign(const core::JwtClaims& claims, std::stop_token stop);

  // Any thread, no I/O. The JWK Set as last seen; no keys before the first one is made.
  std::string jwks() const;
  // The same. Whether that key is in the set; of any until the Secret was read once, for then
  // nothing is known.
  bool has(std::string_view kid) const;
  std::string issuer() const { return settings_.issuer; }

  // From the watch on the operator's own Secrets. Quick.
  void on_secret(const kube::Change<api::PartialObject>& change);

  // Thread body on every replica: reads the Secret whenever it changed.
  void follow(std::stop_token stop);
  // Thread body while leading: makes what is due. When it returns, it writes no more.
  void keep(std::stop_token stop);

 private:
  struct Key {
    core::SigningKey pair;
    WallTime active_from;
  };
  // One version of the Secret. Immutable.
  struct Ring {
    api::ObjectMeta meta;  // without uid: there is no Secret
    std::vector<Key> keys;
    std::vector<WallTime> active_from;
    std::vector<std::string> damaged;
    std::string jwks;
  };
  using RingPointer = std::shared_ptr<const Ring>;

  static RingPointer make_ring(api::JwtKeySecret secret);
  static Result<RingPointer> parse_ring(std::string body);

  RingPointer ring() const;
  // `before` is what was known when the answer was asked for: an answer that was overtaken is
  // dropped.
  RingPointer publish(RingPointer ring, const RingPointer& before);
  Result<RingPointer> read(std::stop_token stop);
  Result<RingPointer> renew(std::stop_token stop);
  Result<RingPointer> write(const RingPointer& held, const core::KeyRingPlan& plan,
                            std::stop_token stop);
  core::KeyRingPlan plan(const Ring& ring) const;
  bool is_due(const Ring& ring) const;
  void report_loss(const Ring& before, const Ring& after);
  void pause(std::stop_token stop, std::uint32_t failures);

  kube::Client& client_;
  const Clock& clock_;
  notify::Dispatcher& dispatcher_;
  const Settings settings_;
  const api::ObjectKey key_;
  const CountLive count_live_;

  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  RingPointer ring_;      // guarded by mutex_
  bool known_ = false;    // ring_ was read or written once; guarded by mutex_
  bool changed_ = false;  // the watch told of a version that was not read yet; guarded by mutex_
};

}  // namespace apitoken::reconcile
