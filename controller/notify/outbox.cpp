// Notices, batches and their retries.
#include "notify/outbox.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace apitoken::notify {
namespace {

core::NoticeKey first_key_of(const std::string& uid) {
  return {uid, WallTime::min(), "", Seconds::min()};
}

}  // namespace

bool Outbox::submit(const core::Notice& notice, const core::ConfigRoute& route, Now now) {
  if (delivered_.contains(notice.key)) return false;
  const auto [position, fresh] = pending_.try_emplace(notice.key);
  Pending& pending = position->second;
  if (fresh) {
    pending.notice = notice;
    pending.tag = ++last_id_;
    pending.since = now.wall;
    tags_.emplace(pending.tag, notice.key);
    ++configs_[notice.key.config].pending;
    changed_.insert(notice.key.config);
    supersede_older(notice.key);
  }
  std::optional<Address> list;
  std::optional<Address> user;
  if (route.mails && (route.list_given || !route.recipients.empty()))
    list = {route.config, false, route.recipients};
  if (route.mails && route.email_token_user) {
    if (auto address = core::mailbox_of_user(notice.user, route.user_prefix, route.user_domains))
      user = {route.config, true, {std::move(*address)}};
  }
  route_leg(pending.list, pending.notice, list, now.steady + route.digest);
  route_leg(pending.user, pending.notice, user, now.steady + route.digest);
  settle(position);
  return fresh;
}

std::optional<std::uint64_t> Outbox::event_tag(const core::NoticeKey& key) const {
  const auto found = pending_.find(key);
  if (found == pending_.end() || found->second.event_done) return {};
  return found->second.tag;
}

void Outbox::event_done(std::uint64_t tag, std::optional<WallTime> at) {
  const auto found = tags_.find(tag);
  if (found == tags_.end()) return;
  const auto position = pending_.find(found->second);
  tags_.erase(found);
  position->second.event_done = true;
  position->second.event_at = at;
  settle(position);
}

// Puts a mail of the notice into the batch that collects for `to`, out of the one where it waited
// under another address.
void Outbox::route_leg(Leg& leg, const core::Notice& notice, const std::optional<Address>& to,
                       SteadyTime due) {
  if (leg.done) return;
  if (leg.wanted && to && batches_.at(leg.batch).to == *to) {
    Batch& batch = batches_.at(leg.batch);
    if (!batch.frozen)
      batch.due = std::min(batch.due, due);  // a shorter digest takes effect on what it finds
    return;
  }
  leave_batch(leg, notice.key);
  if (!to) return;
  const auto open = open_.find(*to);
  if (open != open_.end()) {
    leg.batch = open->second;
  } else {
    leg.batch = ++last_id_;
    open_.emplace(*to, leg.batch);
    batches_.emplace(
        leg.batch,
        Batch{.to = *to, .notices = {}, .due = due, .accepted = {}, .remaining = to->recipients});
  }
  leg.wanted = true;
  batches_.at(leg.batch).notices.emplace(notice.key, notice);
}

void Outbox::leave_batch(Leg& leg, const core::NoticeKey& key) {
  if (!leg.wanted || leg.done) return;
  leg.wanted = false;
  Batch& batch = batches_.at(leg.batch);
  batch.notices.erase(key);
  if (batch.notices.empty()) close_batch(leg.batch);
}

void Outbox::close_batch(BatchId id) {
  const auto found = batches_.find(id);
  if (!found->second.frozen) open_.erase(found->second.to);
  batches_.erase(found);
}

bool Outbox::is_frozen(const Pending& pending) const {
  const auto frozen = [this](const Leg& leg) {
    return leg.wanted && !leg.done && batches_.at(leg.batch).frozen;
  };
  return frozen(pending.list) || frozen(pending.user);
}

// A nearer reminder, or a later expiry, makes what waits for an older one out of date.
void Outbox::supersede_older(const core::NoticeKey& key) {
  for (auto it = pending_.lower_bound(first_key_of(key.token_uid));
       it != pending_.end() && it->first.token_uid == key.token_uid;) {
    const core::NoticeKey& other = it->first;
    const bool older = other.expires_at < key.expires_at ||
                       (other.expires_at == key.expires_at && other.before > key.before);
    it = other.config == key.config && older && !is_frozen(it->second) ? discard(it, superseded_)
                                                                       : std::next(it);
  }
}

Outbox::PendingMap::iterator Outbox::discard(PendingMap::iterator position,
                                             std::set<std::uint64_t>& tags) {
  Pending& pending = position->second;
  leave_batch(pending.list, position->first);
  leave_batch(pending.user, position->first);
  if (tags_.erase(pending.tag) > 0) tags.insert(pending.tag);
  --configs_[position->first.config].pending;
  changed_.insert(position->first.config);
  return pending_.erase(position);
}

std::set<std::uint64_t> Outbox::cancel_notices(const std::string& uid) {
  return drop_notices(uid, false);
}

std::set<std::uint64_t> Outbox::token_deleted(const std::string& uid) {
  return drop_notices(uid, true);
}

std::set<std::uint64_t> Outbox::drop_notices(const std::string& uid, bool but_expiry) {
  std::set<std::uint64_t> tags;
  const auto is_of = [&](const core::NoticeKey& key) { return key.token_uid == uid; };
  for (auto it = pending_.lower_bound(first_key_of(uid));
       it != pending_.end() && is_of(it->first);) {
    if (but_expiry && it->first.before == Seconds(0)) {
      (it++)->second.orphaned = true;
    } else {
      it = discard(it, tags);
    }
  }
  for (auto it = delivered_.lower_bound(first_key_of(uid));
       it != delivered_.end() && is_of(it->first);)
    it = delivered_.erase(it);
  // Copies for late recipients.
  for (auto it = batches_.begin(); it != batches_.end();) {
    const BatchId id = it->first;
    Batch& batch = (it++)->second;
    std::erase_if(batch.notices, [&](const auto& item) {
      return is_of(item.first) && !pending_.contains(item.first);
    });
    if (batch.notices.empty()) close_batch(id);
  }
  return tags;
}

std::set<std::uint64_t> Outbox::remove_config(const std::string& config) {
  std::set<std::uint64_t> tags;
  for (auto it = pending_.begin(); it != pending_.end();) {
    it = it->first.config == config ? discard(it, tags) : std::next(it);
  }
  for (auto it = batches_.begin(); it != batches_.end();) {
    const auto [id, is_its] = std::pair(it->first, it->second.to.config == config);
    ++it;
    if (is_its) close_batch(id);
  }
  configs_.erase(config);
  changed_.erase(config);
  return tags;
}

std::set<std::uint64_t> Outbox::take_superseded() { return std::exchange(superseded_, {}); }

void Outbox::retry_now(const std::string& config, SteadyTime now) {
  const auto state = configs_.find(config);
  if (state == configs_.end()) return;
  state->second.paused_until = now;
  state->second.retry_asked = true;
  state->second.refused.clear();
  for (auto& [id, batch] : batches_) {
    if (batch.to.config == config && batch.frozen) batch.due = std::min(batch.due, now);
  }
  changed_.insert(config);
}

// Moves a notice whose deliveries are all complete from pending to delivered.
void Outbox::settle(PendingMap::iterator position) {
  const Pending& pending = position->second;
  const auto waits = [](const Leg& leg) { return leg.wanted && !leg.done; };
  if (!pending.event_done || waits(pending.list) || waits(pending.user)) return;
  DeliveredNotice delivered{pending.notice.token(), position->first, pending.event_at,
                            pending.sent_at};
  --configs_[position->first.config].pending;
  changed_.insert(position->first.config);
  if (!pending.orphaned) {
    newly_delivered_.push_back(delivered);
    delivered_.insert_or_assign(position->first, std::move(delivered));
  }
  pending_.erase(position);
}

std::vector<DeliveredNotice> Outbox::take_delivered() {
  return std::exchange(newly_delivered_, {});
}

std::vector<DeliveredNotice> Outbox::delivered(const std::string& uid) const {
  std::vector<DeliveredNotice> result;
  for (auto it = delivered_.lower_bound(first_key_of(uid));
       it != delivered_.end() && it->first.token_uid == uid; ++it) {
    result.push_back(it->second);
  }
  return result;
}

void Outbox::remove_delivered(const std::string& uid, const std::vector<core::NoticeKey>& keys) {
  for (const core::NoticeKey& key : keys) {
    if (key.token_uid == uid) delivered_.erase(key);
  }
}

DeliveryReport Outbox::report(const std::string& config) const {
  DeliveryReport report;
  const auto found = configs_.find(config);
  if (found == configs_.end()) return report;
  const ConfigState& state = found->second;
  report.pending_notices = state.pending;
  report.last_success = state.last_success;
  report.last_error = state.last_error;
  report.error_kind = state.error_kind;
  report.failing_since = state.failing_since;
  report.settings_failed = state.settings_failed;
  report.login_works = state.login_works;
  for (const auto& [address, refusal] : state.refused) report.refused.push_back(refusal);
  for (const auto& [key, pending] : pending_) {
    if (key.config != config) continue;
    if (!report.oldest_pending || pending.since < *report.oldest_pending)
      report.oldest_pending = pending.since;
  }
  return report;
}

std::set<std::string> Outbox::take_changed_configs() { return std::exchange(changed_, {}); }

std::optional<WallTime> Outbox::oldest_pending() const {
  std::optional<WallTime> oldest;
  for (const auto& [key, pending] : pending_) {
    if (!oldest || pending.since < *oldest) oldest = pending.since;
  }
  return oldest;
}

}  // namespace apitoken::notify
