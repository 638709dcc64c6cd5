// Notices and their deliveries, from submit() to delivered().
#include "notify/outbox.hpp"

#include <algorithm>

namespace apitoken::notify {
namespace {

core::NoticeKey first_key_of(const std::string& uid) {
  return {uid, WallTime::min(), "", Seconds::min()};
}

}  // namespace

bool Outbox::knows(const std::string& uid) const {
  const auto has = [&](const auto& notices) {
    const auto first = notices.lower_bound(first_key_of(uid));
    return first != notices.end() && first->first.token_uid == uid;
  };
  return has(pending_) || has(delivered_);
}

bool Outbox::submit(const core::Notice& notice, const core::ConfigRoute& route, Now now) {
  if (delivered_.contains(notice.key)) return false;
  const auto [position, is_new] = pending_.try_emplace(notice.key);
  Pending& pending = position->second;
  if (is_new) {
    pending.notice = notice;
    pending.since = now.wall;
    configs_[notice.key.config].pending_since.insert(now.wall);
    changed_.insert(notice.key.config);
    cancel_older(notice.key);
  }
  follow_route(pending, route, now.steady + route.digest);
  complete(position);
  return is_new;
}

void Outbox::follow_route(Pending& pending, const core::ConfigRoute& route, SteadyTime due) {
  const std::vector<Target> targets = targets_of(pending.notice, route);
  std::erase_if(pending.deliveries, [&](const Delivery& delivery) {
    if (delivery.is_delivered() || std::ranges::find(targets, delivery.target) != targets.end())
      return false;
    leave_batch(delivery, pending.notice.key);
    return true;
  });
  for (const Target& target : targets) {
    const auto known = std::ranges::find(pending.deliveries, target.channel,
                                         [](const Delivery& d) { return d.target.channel; });
    if (known == pending.deliveries.end()) {
      pending.deliveries.push_back(open_delivery(target, pending.notice, due));
    } else if (known->state == Delivery::State::Waiting && target.channel != Channel::Event) {
      Batch& batch = batches_.at(known->carrier);
      if (due < batch.due) schedule(known->carrier, batch, due);  // a shorter digest delay
    }
  }
}

Delivery Outbox::open_delivery(const Target& target, const core::Notice& notice, SteadyTime due) {
  Delivery delivery{.target = target};
  if (target.channel == Channel::Event) {
    delivery.carrier = ++last_id_;
    event_tags_.emplace(delivery.carrier, notice.key);
    return delivery;
  }
  const auto [collecting, is_new] = collecting_.try_emplace(target, last_id_ + 1);
  delivery.carrier = collecting->second;
  Batch& batch = batches_[delivery.carrier];
  if (is_new) {
    ++last_id_;
    batch.target = target;
    batch.remaining = target.recipients;
    schedule(delivery.carrier, batch, due);
  }
  batch.notices.emplace(notice.key, notice);
  return delivery;
}

// A batch without a valid address is in no queue: a changed route moves its notices.
void Outbox::schedule(BatchId id, Batch& batch, SteadyTime due) {
  auto& queue = configs_[batch.target.config].queue;
  queue.erase({batch.due, id});
  batch.due = due;
  if (!batch.target.recipients.empty()) queue.emplace(due, id);
}

void Outbox::leave_batch(const Delivery& delivery, const core::NoticeKey& key) {
  const auto found = batches_.find(delivery.carrier);
  if (found == batches_.end() || delivery.is_delivered()) return;
  found->second.notices.erase(key);
  if (found->second.notices.empty()) close_batch(delivery.carrier);
}

void Outbox::close_batch(BatchId id) {
  const auto found = batches_.find(id);
  const Batch& batch = found->second;
  if (!batch.is_frozen) collecting_.erase(batch.target);
  if (const auto state = find_config(batch.target.config)) state->queue.erase({batch.due, id});
  late_.erase(id);
  batches_.erase(found);
}

std::optional<std::uint64_t> Outbox::event_tag(const core::NoticeKey& key) const {
  const auto found = pending_.find(key);
  if (found == pending_.end()) return {};
  for (const Delivery& delivery : found->second.deliveries) {
    if (delivery.target.channel == Channel::Event && !delivery.is_delivered())
      return delivery.carrier;
  }
  return {};
}

void Outbox::event_finished(std::uint64_t tag, std::optional<WallTime> at) {
  const auto found = event_tags_.find(tag);
  if (found == event_tags_.end()) return;
  const auto position = pending_.find(found->second);
  event_tags_.erase(found);
  for (Delivery& delivery : position->second.deliveries) {
    if (delivery.carrier == tag) delivery.state = Delivery::State::Delivered;
  }
  position->second.event_at = at;
  complete(position);
}

// A nearer reminder, or a later expiry, replaces older ones whose mail was not tried.
void Outbox::cancel_older(const core::NoticeKey& key) {
  const auto is_replaced = [&](const auto& item) {
    const core::NoticeKey& other = item.first;
    const bool is_older = other.expires_at < key.expires_at ||
                          (other.expires_at == key.expires_at && other.before > key.before);
    return other.config == key.config && is_older &&
           std::ranges::none_of(item.second.deliveries, [](const Delivery& delivery) {
             return delivery.state == Delivery::State::Tried;
           });
  };
  for (auto it = pending_.lower_bound(first_key_of(key.token_uid));
       it != pending_.end() && it->first.token_uid == key.token_uid;) {
    it = is_replaced(*it) ? cancel(it) : std::next(it);
  }
}

Outbox::PendingMap::iterator Outbox::cancel(PendingMap::iterator position) {
  for (const Delivery& delivery : position->second.deliveries) {
    if (event_tags_.erase(delivery.carrier) > 0) canceled_events_.insert(delivery.carrier);
    leave_batch(delivery, position->first);
  }
  const auto next = std::next(position);
  erase_pending(position);
  return next;
}

void Outbox::erase_pending(PendingMap::iterator position) {
  const std::string config = position->first.config;
  auto& since = configs_.at(config).pending_since;
  since.erase(since.find(position->second.since));
  changed_.insert(config);
  pending_.erase(position);
}

void Outbox::cancel_notices(const std::string& uid) { cancel_of_token(uid, false); }

void Outbox::token_deleted(const std::string& uid) { cancel_of_token(uid, true); }

void Outbox::cancel_of_token(const std::string& uid, bool keep_expiry) {
  const auto is_of_token = [&](const core::NoticeKey& key) { return key.token_uid == uid; };
  for (auto it = pending_.lower_bound(first_key_of(uid));
       it != pending_.end() && is_of_token(it->first);) {
    if (keep_expiry && it->first.before == Seconds(0)) {
      (it++)->second.is_token_deleted = true;
    } else {
      it = cancel(it);
    }
  }
  for (auto it = delivered_.lower_bound(first_key_of(uid));
       it != delivered_.end() && is_of_token(it->first);)
    it = delivered_.erase(it);
  const std::set<BatchId> late = late_;
  for (const BatchId id : late) {
    auto& notices = batches_.at(id).notices;
    std::erase_if(notices, [&](const auto& item) {
      return is_of_token(item.first) && !pending_.contains(item.first);
    });
    if (notices.empty()) close_batch(id);
  }
}

void Outbox::remove_config(const std::string& config) {
  for (auto it = pending_.begin(); it != pending_.end();) {
    it = it->first.config == config ? cancel(it) : std::next(it);
  }
  const std::set<BatchId> late = late_;
  for (const BatchId id : late) {
    if (batches_.at(id).target.config == config) close_batch(id);
  }
  configs_.erase(config);
  changed_.erase(config);
}

void Outbox::complete(PendingMap::iterator position) {
  Pending& pending = position->second;
  if (!std::ranges::all_of(pending.deliveries, &Delivery::is_delivered)) return;
  if (!pending.is_token_deleted) {
    DeliveredNotice entry{pending.notice.token(), position->first, pending.event_at,
                          pending.sent_at};
    newly_delivered_.push_back(entry);
    delivered_.insert_or_assign(position->first, std::move(entry));
  }
  erase_pending(position);
}

std::vector<DeliveredNotice> Outbox::delivered(const std::string& uid) const {
  std::vector<DeliveredNotice> notices;
  for (auto it = delivered_.lower_bound(first_key_of(uid));
       it != delivered_.end() && it->first.token_uid == uid; ++it) {
    notices.push_back(it->second);
  }
  return notices;
}

void Outbox::remove_delivered(const std::string& uid, const std::vector<core::NoticeKey>& keys) {
  for (const core::NoticeKey& key : keys) {
    if (key.token_uid == uid) delivered_.erase(key);
  }
}

Outbox::ConfigState* Outbox::find_config(const std::string& config) {
  const auto found = configs_.find(config);
  return found == configs_.end() ? nullptr : &found->second;
}

DeliveryReport Outbox::report(const std::string& config) const {
  const auto found = configs_.find(config);
  if (found == configs_.end()) return {};
  const auto& since = found->second.pending_since;
  DeliveryReport report = found->second.health.report();
  report.pending_notices = std::int64_t(since.size());
  if (!since.empty()) report.oldest_pending = *since.begin();
  return report;
}

std::optional<WallTime> Outbox::oldest_pending() const {
  std::optional<WallTime> oldest;
  for (const auto& [config, state] : configs_) {
    const auto& since = state.pending_since;
    if (!since.empty() && (!oldest || *since.begin() < *oldest)) oldest = *since.begin();
  }
  return oldest;
}

}  // namespace apitoken::notify
