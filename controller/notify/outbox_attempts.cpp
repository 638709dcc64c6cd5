// The outbox's attempts: which batch or login is tried when, and what follows from the result.
#include <algorithm>

#include "notify/outbox.hpp"

namespace apitoken::notify {
namespace {

// Recipients that are refused for now (greylisting) delay the ledger for this many rounds, 15
// minutes. After that the notice counts as sent to those who accepted it, and the others are tried
// for about four more days.
constexpr std::uint32_t kRoundsBeforeCounting = 5;
constexpr std::uint32_t kMaxRounds = 100;

}  // namespace

std::optional<Outbox::Turn> Outbox::next_batch(SteadyTime now, const Busy& busy) const {
  std::optional<Turn> turn;
  SteadyTime earliest = now;
  for (const auto& [config, state] : configs_) {
    if (state.queue.empty() || busy.contains(config)) continue;
    const auto [batch_due, id] = *state.queue.begin();
    const SteadyTime due = std::max(batch_due, state.health.paused_until());
    if (due > earliest || (turn && due == earliest)) continue;
    turn = Turn{config, id, state.health.version()};
    earliest = due;
  }
  return turn;
}

SteadyTime Outbox::next_due(const Busy& mailing, const Busy& logging_in) const {
  SteadyTime next = SteadyTime::max();
  for (const auto& [config, state] : configs_) {
    if (!state.queue.empty() && !mailing.contains(config))
      next = std::min(next, std::max(state.queue.begin()->first, state.health.paused_until()));
    if (const auto due = state.health.login_due(); due && !logging_in.contains(config))
      next = std::min(next, *due);
  }
  return next;
}

void Outbox::retry_now(const std::string& config, SteadyTime now) {
  ConfigState* state = find_config(config);
  if (!state) return;
  state->health.settings_changed(now);
  const auto queue = state->queue;
  for (const auto& [due, id] : queue) {
    Batch& batch = batches_.at(id);
    if (batch.is_frozen && due > now) schedule(id, batch, now);
  }
  changed_.insert(config);
}

void Outbox::request_login(const std::string& config, SteadyTime now) {
  configs_[config].health.request_login(now);
}

std::optional<Outbox::Turn> Outbox::next_login(SteadyTime now, const Busy& busy) const {
  for (const auto& [config, state] : configs_) {
    const auto due = state.health.login_due();
    if (due && *due <= now && !busy.contains(config))
      return Turn{config, 0, state.health.version()};
  }
  return {};
}

void Outbox::login_worked(const Turn& turn) {
  ConfigState* state = find_config(turn.config);
  if (!state) return;
  const bool mail_failed = std::ranges::any_of(
      state->queue, [&](const auto& item) { return batches_.at(item.second).is_frozen; });
  state->health.login_worked(mail_failed, turn.version);
  if (!mail_failed) changed_.insert(turn.config);
}

void Outbox::login_failed(const Turn& turn, const Error& error, FailedAt where, Now now) {
  ConfigState* state = find_config(turn.config);
  if (!state || error.kind == ErrorKind::Canceled) return;
  state->health.login_failed(error, where, turn.version, now);
  changed_.insert(turn.config);
}

std::optional<Outbox::Attempt> Outbox::begin_attempt(const Turn& turn) {
  const auto found = batches_.find(turn.batch);
  if (found == batches_.end()) return {};
  Batch& batch = found->second;
  if (!batch.is_frozen) {
    collecting_.erase(batch.target);
    batch.is_frozen = true;
  }
  configs_[batch.target.config].health.cancel_login();
  if (batch.unasked == 0) batch.unasked = batch.remaining.size();
  batch.asked = batch.limit == 0 ? batch.unasked : std::min(batch.limit, batch.unasked);
  Attempt attempt{turn, batch.target, {}, {}};
  attempt.envelope.assign(batch.remaining.begin(),
                          batch.remaining.begin() + std::ptrdiff_t(batch.asked));
  for (const auto& [key, notice] : batch.notices) {
    attempt.notices.push_back(notice);
    const auto pending = pending_.find(key);
    if (pending == pending_.end()) continue;
    for (Delivery& delivery : pending->second.deliveries) {
      if (delivery.carrier == turn.batch && !delivery.is_delivered())
        delivery.state = Delivery::State::Tried;
    }
  }
  return attempt;
}

void Outbox::attempt_failed(const Turn& turn, const Error& error, FailedAt where, Now now) {
  ConfigState* state = find_config(turn.config);
  if (!state || error.kind == ErrorKind::Canceled) return;
  state->health.attempt_failed(error, where, turn.version, now);
  changed_.insert(turn.config);
  // The batch goes behind the config's others, so that they go on if only this mail fails.
  const auto batch = batches_.find(turn.batch);
  if (batch != batches_.end() && batch->second.is_frozen)
    schedule(turn.batch, batch->second, state->health.paused_until());
}

void Outbox::attempt_finished(const Turn& turn, const SendResult& result, Now now) {
  const auto found = batches_.find(turn.batch);
  if (found == batches_.end()) return;
  Batch& batch = found->second;
  if (!result.mail_refused) {
    batch.limit *= 2;
    return finish_round(turn, batch, result, now);
  }
  if (batch.asked > 1) {
    // One of the recipients may be the reason, or their number: ask half of them.
    batch.limit = batch.asked / 2;
    return schedule(turn.batch, batch, now.steady);
  }
  SendResult alone;
  alone.refused.push_back(*result.mail_refused);
  alone.refused.front().address = batch.remaining.front();
  finish_round(turn, batch, alone, now);
}

// The next mail of the round, or its end: the batch is closed, or tried again after a pause.
void Outbox::finish_round(const Turn& turn, Batch& batch, const SendResult& result, Now now) {
  record_result(batch, result, now.wall);
  batch.unasked -= std::min(batch.unasked, batch.asked);
  if (batch.unasked > 0) return schedule(turn.batch, batch, now.steady);
  const bool all_settled = batch.accepted && batch.remaining.empty();
  ++batch.rounds;
  if (batch.accepted && !batch.is_counted && (all_settled || batch.rounds >= kRoundsBeforeCounting))
    count_as_sent(turn.batch, batch);
  if (all_settled || (batch.is_counted && batch.rounds >= kMaxRounds))
    return close_batch(turn.batch);
  // All recipients were refused for good. Tries again: the server's owner may mend the fault.
  if (batch.remaining.empty()) batch.remaining = batch.target.recipients;
  const bool is_outdated = configs_[turn.config].health.version() != turn.version;
  schedule(turn.batch, batch,
           is_outdated ? now.steady : now.steady + kMailRetry.delay(batch.rounds - 1));
}

void Outbox::record_result(Batch& batch, const SendResult& result, WallTime now) {
  MailHealth& health = configs_[batch.target.config].health;
  changed_.insert(batch.target.config);
  health.server_answered();
  const auto remove_recipient = [&](const std::string& address) {
    std::erase(batch.remaining, address);
    health.recipient_settled(address);
  };
  for (const std::string& address : result.accepted) remove_recipient(address);
  for (const Refusal& refusal : result.refused) {
    remove_recipient(refusal.address);
    if (!refusal.permanent) batch.remaining.push_back(refusal.address);
    health.recipient_refused(refusal);
  }
  if (!result.accepted.empty()) {
    if (!batch.accepted) batch.accepted = now;
    health.mail_accepted(now);
  } else if (!batch.accepted && !result.refused.empty()) {
    health.mail_refused(result.refused.front(), now);
  }
}

void Outbox::count_as_sent(BatchId id, Batch& batch) {
  batch.is_counted = true;
  late_.insert(id);
  for (const auto& [key, notice] : batch.notices) {
    const auto position = pending_.find(key);
    if (position == pending_.end()) continue;
    for (Delivery& delivery : position->second.deliveries) {
      if (delivery.carrier == id) delivery.state = Delivery::State::Delivered;
    }
    position->second.sent_at = batch.accepted;
    complete(position);
  }
}

}  // namespace apitoken::notify
