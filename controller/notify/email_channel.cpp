// Sends mail over SMTP, and keeps the sessions that are idle between two mails.
#include "notify/email_channel.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/hash.hpp"
#include "notify/smtp_session.hpp"

namespace apitoken::notify {
namespace {

// Settings with equal keys may share a connection. libcurl alone would reuse a connection that
// STARTTLS secured with another CA.
std::string key_of(const MailSettings& settings) {
  return fmt::format("{} {} {} {} {} {} {}", settings.server.text(), int(settings.tls),
                     core::sha256_hex(settings.username),
                     core::sha256_hex(settings.password.reveal()), core::sha256_hex(settings.ca),
                     settings.helo, settings.auth ? int(*settings.auth) : -1);
}

}  // namespace

EmailChannel::EmailChannel(EmailTimeouts timeouts, std::string system_ca_file)
    : timeouts_(timeouts), system_ca_file_(std::move(system_ca_file)) {}

EmailChannel::~EmailChannel() = default;

std::unique_ptr<SmtpSession> EmailChannel::take_session(const std::string& key) {
  {
    MutexLock lock(mutex_);
    const auto found = std::ranges::find(idle_, key, &Idle::key);
    if (found != idle_.end()) {
      auto session = std::move(found->session);
      idle_.erase(found);
      return session;
    }
  }
  return std::make_unique<SmtpSession>(timeouts_, system_ca_file_);
}

Result<SendResult> EmailChannel::send(const MailSettings& settings, const Mail& mail,
                                      std::stop_token stop) {
  auto key = key_of(settings);
  auto session = take_session(key);
  auto result = session->send(settings, mail, std::move(stop));
  if (!result) return result;  // a connection that failed is not used again
  MutexLock lock(mutex_);
  idle_.push_back({std::move(key), std::move(session)});
  return result;
}

Status EmailChannel::try_login(const MailSettings& settings, std::chrono::milliseconds within,
                               std::stop_token stop) {
  return SmtpSession(timeouts_, system_ca_file_).try_login(settings, within, std::move(stop));
}

void EmailChannel::rest() {
  std::vector<Idle> idle;
  {
    MutexLock lock(mutex_);
    idle.swap(idle_);
  }
}

}  // namespace apitoken::notify
