// Pauses and errors of one mail server.
#include "notify/mail_health.hpp"

#include <fmt/format.h>

#include <utility>

namespace apitoken::notify {
namespace {

constexpr std::size_t kMaxRefusals = 20;

}  // namespace

void MailHealth::settings_changed(SteadyTime now) {
  ++version_;
  paused_until_ = now;
  refused_.clear();
}

void MailHealth::attempt_failed(const Error& error, FailedAt where, std::uint64_t version,
                                Now now) {
  const auto pause = kMailRetry.delay(failures_++);
  paused_until_ = version == version_ ? now.steady + pause : now.steady;
  set_error(error.message, error.kind, now.wall);
  settings_failed_ = where == FailedAt::Settings;
  login_works_ = false;
}

void MailHealth::server_answered() {
  failures_ = 0;
  paused_until_ = {};
  login_works_ = false;
}

void MailHealth::mail_accepted(WallTime now) {
  last_success_ = now;
  clear_error();
}

void MailHealth::mail_refused(const Refusal& first, WallTime now) {
  set_error(fmt::format("every recipient was refused, {} first: {}", first.address, first.text),
            first.permanent ? ErrorKind::Invalid : ErrorKind::Unavailable, now);
}

void MailHealth::recipient_refused(const Refusal& refusal) {
  if (refused_.size() < kMaxRefusals || refused_.contains(refusal.address))
    refused_.insert_or_assign(refusal.address, refusal);
}

void MailHealth::login_worked(bool mail_failed, std::uint64_t version) {
  if (version == version_) login_due_.reset();
  login_works_ = true;
  if (mail_failed) return;
  failures_ = 0;
  paused_until_ = {};
  clear_error();
}

void MailHealth::login_failed(const Error& error, FailedAt where, std::uint64_t version, Now now) {
  attempt_failed(error, where, version, now);
  // Repeating a refused login can lock the account: wait for changed settings, or an hour.
  const bool wait_long = error.kind == ErrorKind::Unauthorized && version == version_;
  login_due_ = wait_long ? now.steady + kMailRetry.cap : paused_until_;
}

void MailHealth::set_error(std::string text, ErrorKind kind, WallTime now) {
  last_error_ = std::move(text);
  error_kind_ = kind;
  settings_failed_ = false;
  if (!failing_since_) failing_since_ = now;
}

void MailHealth::clear_error() {
  last_error_.clear();
  error_kind_.reset();
  failing_since_.reset();
  settings_failed_ = false;
}

DeliveryReport MailHealth::report() const {
  DeliveryReport report;
  report.last_success = last_success_;
  report.last_error = last_error_;
  report.error_kind = error_kind_;
  report.failing_since = failing_since_;
  report.settings_failed = settings_failed_;
  report.login_works = login_works_;
  for (const auto& [address, refusal] : refused_) report.refused.push_back(refusal);
  return report;
}

}  // namespace apitoken::notify
