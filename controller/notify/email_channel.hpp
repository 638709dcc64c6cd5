// EmailChannel: the MailChannel over SMTP. Keeps connections between mails. Thread-safe: two
// threads never share a connection. Never logs. Source:
// https://curl.se/libcurl/c/CURLOPT_MAIL_RCPT.html, RFC 5321, RFC 3207 (STARTTLS), RFC 8314
// (implicit TLS)
#pragma once

#include <memory>
#include <vector>

#include "base/mutex.hpp"
#include "notify/mail_channel.hpp"
#include "notify/smtp_dialogue.hpp"

namespace apitoken::notify {

class SmtpSession;

class EmailChannel final : public MailChannel {
 public:
  explicit EmailChannel(EmailTimeouts timeouts = {},
                        std::string system_ca_file = "/etc/ssl/certs/ca-certificates.crt");
  ~EmailChannel() override;

  Result<SendResult> send(const MailSettings& settings, const Mail& mail,
                          std::stop_token stop) override;
  Status try_login(const MailSettings& settings, std::chrono::milliseconds within,
                   std::stop_token stop) override;
  void rest() override;

 private:
  struct Idle {
    std::string key;  // identifies the settings of the connection
    std::unique_ptr<SmtpSession> session;
  };
  // An idle connection for `key`, or a new one.
  std::unique_ptr<SmtpSession> take_session(const std::string& key);

  const EmailTimeouts timeouts_;
  const std::string system_ca_file_;
  Mutex mutex_;
  std::vector<Idle> idle_ GUARDED_BY(mutex_);  // connections kept between mails
};

}  // namespace apitoken::notify
