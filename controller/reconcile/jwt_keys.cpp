// Reads, renews and signs with the keys in the Secret.
#include "reconcile/jwt_keys.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "api/names.hpp"
#include "base/duration.hpp"
#include "base/log.hpp"
#include "base/rfc3339.hpp"
#include "core/notices.hpp"
#include "kube/classify_error.hpp"

namespace apitoken::reconcile {

namespace {

constexpr int kTries = 5;         // if other replicas write the Secret at the same time
constexpr Seconds kMaxWait{600};  // a wall clock that jumped must not strand a rotation

}  // namespace

JwtKeys::JwtKeys(kube::Client& client, const Clock& clock, notify::Dispatcher& dispatcher,
                 Settings settings, CountLive count_live)
    : client_(client),
      clock_(clock),
      dispatcher_(dispatcher),
      settings_(std::move(settings)),
      key_{settings_.ns, std::string(kJwtKeySecret)},
      count_live_(std::move(count_live)),
      ring_(make_ring({})) {}

Result<core::MintedToken> JwtKeys::sign(const core::JwtClaims& claims, std::stop_token stop) {
  RingPointer held = ring();
  if (held->keys.empty()) {
    held = TRY(renew(std::move(stop)));
  }
  const Key& key = held->keys[core::signing_key(held->active_from, clock_.wall())];
  return core::sign_jwt(key.pair, settings_.issuer, claims);
}

std::string JwtKeys::jwks() const { return ring()->jwks; }

bool JwtKeys::has(std::string_view kid) const {
  MutexLock lock(mutex_);
  return !known_ ||
         std::ranges::any_of(ring_->keys, [kid](const Key& key) { return key.pair.kid == kid; });
}

void JwtKeys::on_secret(const kube::Change<api::PartialObject>& change) {
  const auto& meta = change.after ? change.after->meta : change.before->meta;
  if (meta.key() != key_) return;
  MutexLock lock(mutex_);
  const bool known = change.after && ring_->meta.uid == meta.uid &&
                     ring_->meta.resource_version == meta.resource_version;
  if (known) return;
  changed_ = true;
  wake_.notify_all();
}

void JwtKeys::follow(std::stop_token stop) {
  std::uint32_t failures = 0;
  while (!stop.stop_requested()) {
    {
      MutexLock lock(mutex_);
      if (!wake_.wait(lock, stop, [this]() REQUIRES(mutex_) { return changed_; })) return;
      changed_ = false;
    }
    const auto read_now = read(stop);
    if (read_now) {
      read_log_.succeeded();
      failures = 0;
      continue;
    }
    read_log_.failed(read_now.error());
    pause(stop, ++failures);
    MutexLock lock(mutex_);
    changed_ = true;
  }
}

void JwtKeys::keep(std::stop_token stop) {
  std::uint32_t failures = 0;
  while (!stop.stop_requested()) {
    const RingPointer seen = ring();
    if (is_due(*seen)) {
      const auto renewed = renew(stop);
      if (renewed) {
        renew_log_.succeeded();
        failures = 0;
        continue;
      }
      if (stop.stop_requested()) return;
      renew_log_.failed(renewed.error());
      pause(stop, ++failures);
      continue;
    }
    const Seconds left = plan(*seen).wake_at - clock_.wall();
    const auto deadline = clock_.steady() + std::clamp(left, Seconds(0), kMaxWait);
    MutexLock lock(mutex_);
    while (ring_ == seen && !stop.stop_requested() && clock_.steady() < deadline) {
      clock_.wait(wake_, lock, stop, deadline);
    }
  }
}

// --- the ring ---

JwtKeys::RingPointer JwtKeys::make_ring(api::JwtKeySecret secret) {
  auto ring = std::make_shared<Ring>();
  ring->meta = std::move(secret.meta);
  ring->damaged = std::move(secret.damaged);
  std::vector<const core::SigningKey*> shown;
  ring->keys.reserve(secret.keys.size());  // `shown` points into it
  for (const api::JwtKeyEntry& entry : secret.keys) {
    auto pair = core::read_signing_key(entry.pem);
    if (!pair || pair->kid != entry.kid) {
      ring->damaged.push_back(entry.kid);
      continue;
    }
    ring->keys.push_back({std::move(*pair), entry.active_from});
    ring->active_from.push_back(entry.active_from);
    shown.push_back(&ring->keys.back().pair);
  }
  ring->jwks = core::jwks_document(shown);
  return ring;
}

Result<JwtKeys::RingPointer> JwtKeys::parse_ring(std::string body) {
  const SecretString held(std::move(body));
  api::JsonParser parser;
  const auto object = TRY(parser.parse(held.reveal()));
  auto secret = TRY(api::decode_jwt_key_secret(object));
  return make_ring(std::move(secret));
}

JwtKeys::RingPointer JwtKeys::ring() const {
  MutexLock lock(mutex_);
  return ring_;
}

JwtKeys::RingPointer JwtKeys::publish(RingPointer ring, const RingPointer& before) {
  MutexLock lock(mutex_);
  const bool overtaken = ring_ != before && !kube::version_older(ring_->meta.resource_version,
                                                                 ring->meta.resource_version);
  if (!overtaken) ring_ = ring;
  known_ = true;
  wake_.notify_all();
  return ring;
}

Result<JwtKeys::RingPointer> JwtKeys::read(std::stop_token stop) {
  const RingPointer before = ring();
  auto body = client_.get(kube::resources::kSecrets, key_, std::move(stop));
  if (!body && body.error().kind == ErrorKind::NotFound) return publish(make_ring({}), before);
  if (!body) return std::unexpected(body.error());
  auto ring = TRY(parse_ring(std::move(*body)));
  return publish(std::move(ring), before);
}

core::KeyRingPlan JwtKeys::plan(const Ring& ring) const {
  return core::plan_key_ring(ring.active_from, clock_.wall(), settings_.rotation);
}

// Without a Secret a key is due only if JWTs have not expired: then the keys were lost, and
// verifiers must see a new one.
bool JwtKeys::is_due(const Ring& ring) const {
  if (ring.meta.uid.empty()) return count_live_() > 0;
  return !ring.damaged.empty() || !plan(ring).empty();
}

// --- writing ---

Result<JwtKeys::RingPointer> JwtKeys::renew(std::stop_token stop) {
  for (int tried = 1;; ++tried) {
    auto held = read(stop);
    if (!held) return held;
    const core::KeyRingPlan due = plan(**held);
    if (due.empty() && (*held)->damaged.empty()) return held;
    auto written = write(*held, due, stop);
    if (written || tried == kTries ||
        kube::classify_error(written.error().kind) != kube::Fate::StaleView)
      return written;
  }
}

Result<JwtKeys::RingPointer> JwtKeys::write(const RingPointer& held, const core::KeyRingPlan& plan,
                                            std::stop_token stop) {
  std::optional<api::JwtKeyEntry> added;
  if (plan.add) {
    const auto pair = TRY(core::generate_signing_key());
    auto pem = TRY(core::write_signing_key(pair));
    added = api::JwtKeyEntry{pair.kid, std::move(pem), clock_.wall(), *plan.add};
  }
  std::vector<std::string> removed = held->damaged;
  for (std::size_t i = 0; i < plan.expired; ++i) removed.push_back(held->keys[i].pair.kid);
  Result<std::string> answer;
  if (held->meta.uid.empty()) {
    const auto body = api::encode_new_jwt_key_secret(key_, *added);
    answer = client_.create(kube::resources::kSecrets, key_.ns, body.reveal(), stop);
  } else {
    const auto body = api::encode_jwt_key_patch(held->meta, added ? &*added : nullptr, removed);
    answer = client_.merge_patch(kube::resources::kSecrets, key_, "", body.reveal(), stop);
  }
  if (!answer) return std::unexpected(answer.error());
  auto ring = TRY(parse_ring(std::move(*answer)));
  log::info("signing keys written",
            {{"secret", key_.text()},
             {"added", added ? added->kid : "none"},
             {"signs_from", added ? format_rfc3339(added->active_from) : "-"},
             {"removed", removed.size()},
             {"keys", ring->keys.size()}});
  report_loss(*held, *ring);
  return publish(std::move(ring), held);
}

void JwtKeys::report_loss(const Ring& before, const Ring& after) {
  const bool deleted = before.meta.uid.empty();
  const auto live = count_live_();
  if (deleted ? live == 0 : before.damaged.empty()) return;
  const std::string what = deleted ? "The Secret of the signing keys was deleted"
                                   : fmt::format("Entries of signing keys were damaged: {}",
                                                 fmt::join(before.damaged, ", "));
  log::warn(
      "signing keys lost",
      {{"secret", key_.text()}, {"cause", deleted ? "deleted" : "damaged"}, {"live_jwts", live}});
  api::Event event;
  event.ns = key_.ns;
  event.name = core::event_name(key_.name, after.meta.uid + after.meta.resource_version);
  event.regarding = {"v1", "Secret", key_.ns, key_.name, after.meta.uid};
  event.warning = true;
  event.reason = api::reason::kSigningKeysLost;
  event.action = "Sign";
  event.note = fmt::format(
      "{}. JWTs that they signed no longer verify by keys ({} JWTs are out); keys made again sign "
      "from now on. Renew the JWTs: set the annotation {} on their ApiTokens to the present time",
      what, live, api::kRotateRequestAnnotation);
  dispatcher_.post_event(std::move(event));
}

}  // namespace apitoken::reconcile
