// The outbox's attempts: which batch or login is to be tried when, and what becomes of it.
#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "notify/outbox.hpp"

namespace apitoken::notify {
namespace {

constexpr Backoff kRetry{std::chrono::seconds(30), std::chrono::hours(1)};
// Recipients who are refused for the moment (greylisting) hold up the ledger for so many tries, 15
// minutes; after that those who got the mail count. They themselves are tried for about four days
// more.
constexpr std::uint32_t kTriesBeforeCounting = 5;
constexpr std::uint32_t kTriesOfLateRecipients = 100;
constexpr std::size_t kMaxRefusals = 20;

}  // namespace

SteadyTime Outbox::due_of(const Batch& batch) const {
  if (batch.to.recipients.empty())
    return SteadyTime::max();  // no valid address yet: a changed route moves its notices
  const auto state = configs_.find(batch.to.config);
  return state == configs_.end() ? batch.due : std::max(batch.due, state->second.paused_until);
}

std::optional<std::pair<Outbox::BatchId, std::string>> Outbox::next_batch(SteadyTime now,
                                                                          const Busy& busy) {
  const auto order = [&](const auto& item) {
    return std::tuple(busy.contains(item.second.to.config), due_of(item.second),
                      item.second.failures);
  };
  const auto earliest = std::ranges::min_element(batches_, {}, order);
  if (earliest == batches_.end() || busy.contains(earliest->second.to.config) ||
      due_of(earliest->second) > now)
    return {};
  configs_[earliest->second.to.config].retry_asked = false;
  return std::pair(earliest->first, earliest->second.to.config);
}

SteadyTime Outbox::next_due(const Busy& mailing, const Busy& logging_in) const {
  SteadyTime next = SteadyTime::max();
  for (const auto& [id, batch] : batches_) {
    if (!mailing.contains(batch.to.config)) next = std::min(next, due_of(batch));
  }
  for (const auto& [config, state] : configs_) {
    if (state.login_due && !logging_in.contains(config)) next = std::min(next, *state.login_due);
  }
  return next;
}

void Outbox::request_login(const std::string& config, SteadyTime now) {
  configs_[config].login_due = now;
}

std::optional<std::string> Outbox::next_login(SteadyTime now, const Busy& busy) {
  for (auto& [config, state] : configs_) {
    if (!state.login_due || *state.login_due > now || busy.contains(config)) continue;
    state.retry_asked = false;
    return config;
  }
  return {};
}

bool Outbox::was_tried(const std::string& config) const {
  return std::ranges::any_of(batches_, [&](const auto& item) {
    return item.second.frozen && item.second.to.config == config;
  });
}

void Outbox::login_worked(const std::string& config) {
  const auto found = configs_.find(config);
  if (found == configs_.end()) return;
  ConfigState& state = found->second;
  state.login_due.reset();
  state.login_works = true;
  if (was_tried(config)) return;  // what is wrong with that mail, its next attempt tells
  state.failures = 0;
  state.paused_until = {};
  clear_error(state);
  changed_.insert(config);
}

void Outbox::login_failed(const std::string& config, const Error& error, Now now, bool settings) {
  const auto found = configs_.find(config);
  if (found == configs_.end() || error.kind == ErrorKind::Canceled) return;
  // A login that was refused may lock an account out: not again before somebody changes something,
  // or an hour.
  const bool refused = error.kind == ErrorKind::Unauthorized && !found->second.retry_asked;
  note_failure(found->second, error, now, settings);
  found->second.login_due = refused ? now.steady + kRetry.cap : found->second.paused_until;
  changed_.insert(config);
}

std::optional<Outbox::Attempt> Outbox::begin(BatchId id) {
  const auto found = batches_.find(id);
  if (found == batches_.end()) return {};
  Batch& batch = found->second;
  if (!batch.frozen) open_.erase(batch.to);
  batch.frozen = true;
  configs_[batch.to.config].login_due.reset();  // the mail tells more than a login
  if (batch.unasked == 0) batch.unasked = batch.remaining.size();
  batch.asked = batch.limit == 0 ? batch.unasked : std::min(batch.limit, batch.unasked);
  Attempt attempt{id, batch.to.config, {}, batch.to.recipients, {}, batch.to.to_user};
  attempt.envelope.assign(batch.remaining.begin(),
                          batch.remaining.begin() + std::ptrdiff_t(batch.asked));
  for (const auto& [key, notice] : batch.notices) attempt.notices.push_back(notice);
  return attempt;
}

void Outbox::failed(BatchId id, const std::string& config, const Error& error, Now now,
                    bool settings) {
  const auto found = configs_.find(config);
  if (found == configs_.end() || error.kind == ErrorKind::Canceled) return;
  note_failure(found->second, error, now, settings);
  changed_.insert(config);
  // Behind the config's other batches: were it this very mail that the server refuses, they must
  // get their turn.
  const auto batch = batches_.find(id);
  if (batch != batches_.end()) ++batch->second.failures;
}

// When an attempt that failed is tried again.
SteadyTime Outbox::retry_at(ConfigState& state, SteadyTime now, std::uint32_t failures) {
  return std::exchange(state.retry_asked, false) ? now : now + kRetry.delay(failures);
}

void Outbox::note_failure(ConfigState& state, const Error& error, Now now, bool settings) {
  state.paused_until = retry_at(state, now.steady, state.failures++);
  note_error(state, error.message, error.kind, now.wall);
  state.settings_failed = settings;
  state.login_works = false;
}

void Outbox::note_error(ConfigState& state, std::string text, ErrorKind kind, WallTime now) {
  state.last_error = std::move(text);
  state.error_kind = kind;
  state.settings_failed = false;
  if (!state.failing_since) state.failing_since = now;
}

void Outbox::clear_error(ConfigState& state) {
  state.last_error.clear();
  state.error_kind.reset();
  state.failing_since.reset();
  state.settings_failed = false;
}

void Outbox::finished(BatchId id, const SendResult& result, Now now) {
  const auto found = batches_.find(id);
  if (found == batches_.end()) return;
  Batch& batch = found->second;
  if (result.mail_refused && batch.asked > 1) {
    // One of the recipients may be why, or their number: each half by itself, and so on.
    batch.limit = batch.asked / 2;
    batch.due = now.steady;
    return;
  }
  if (result.mail_refused) {
    SendResult alone;
    alone.refused.push_back(*result.mail_refused);
    alone.refused.front().address = batch.remaining.front();
    return settle_batch(id, batch, alone, now);
  }
  batch.limit *= 2;
  settle_batch(id, batch, result, now);
}

void Outbox::settle_batch(BatchId id, Batch& batch, const SendResult& result, Now now) {
  record_result(batch, result, now.wall);
  batch.unasked -= std::min(batch.unasked, batch.asked);
  if (batch.unasked > 0) {
    batch.due = now.steady;
    return;
  }
  const bool settled = batch.accepted && batch.remaining.empty();
  ++batch.tries;
  if (batch.accepted && !batch.counted && (settled || batch.tries >= kTriesBeforeCounting))
    count_sent(id, batch);
  if (settled || (batch.counted && batch.tries >= kTriesOfLateRecipients)) return close_batch(id);
  // Refused by all for good: tried on, since the addresses can be mended at the other end too.
  if (batch.remaining.empty()) batch.remaining = batch.to.recipients;
  batch.due = retry_at(configs_[batch.to.config], now.steady, batch.tries - 1);
}

void Outbox::record_result(Batch& batch, const SendResult& result, WallTime now) {
  ConfigState& state = configs_[batch.to.config];
  changed_.insert(batch.to.config);
  state.failures = 0;
  state.paused_until = {};
  state.login_works = false;
  const auto strike = [&](const std::string& address) {
    std::erase(batch.remaining, address);
    state.refused.erase(address);
  };
  for (const std::string& address : result.accepted) strike(address);
  for (const Refusal& refusal : result.refused) {
    strike(refusal.address);
    if (!refusal.permanent) batch.remaining.push_back(refusal.address);
    if (state.refused.size() < kMaxRefusals)
      state.refused.insert_or_assign(refusal.address, refusal);
  }
  if (!result.accepted.empty()) {
    if (!batch.accepted) batch.accepted = now;
    state.last_success = now;
    clear_error(state);
  } else if (!batch.accepted && !result.refused.empty()) {
    const Refusal& first = result.refused.front();
    note_error(state,
               fmt::format("every recipient was refused, {} first: {}", first.address, first.text),
               first.permanent ? ErrorKind::Invalid : ErrorKind::Unavailable, now);
  }
}

// The batch counts as sent: its notices have had this mail.
void Outbox::count_sent(BatchId id, Batch& batch) {
  batch.counted = true;
  for (const auto& [key, notice] : batch.notices) {
    const auto position = pending_.find(key);
    if (position == pending_.end()) continue;
    Pending& pending = position->second;
    for (Leg* leg : {&pending.list, &pending.user}) {
      if (leg->wanted && leg->batch == id) leg->done = true;
    }
    pending.sent_at = batch.accepted;
    settle(position);
  }
}

}  // namespace apitoken::notify
