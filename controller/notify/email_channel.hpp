// EmailChannel: the MailChannel over libcurl, and the only place that includes it. One thread uses it, the
// dispatcher's. The server's certificate and name are always checked; it never logs, and libcurl never does for it.
// Source: https://curl.se/libcurl/c/CURLOPT_MAIL_RCPT.html, RFC 5321, RFC 3207 (STARTTLS), RFC 8314 (implicit TLS)
#pragma once

#include <memory>

#include "notify/mail_channel.hpp"

namespace apitoken::notify {

struct EmailTimeouts {
  std::chrono::milliseconds connect{10'000};  // until the session is open, TLS and AUTH included
  std::chrono::milliseconds total{60'000};    // one mail
};

class EmailChannel final : public MailChannel {
 public:
  explicit EmailChannel(EmailTimeouts timeouts = {}, std::string system_ca_file = "/etc/ssl/certs/ca-certificates.crt");
  ~EmailChannel() override;

  Result<SendOutcome> send(const MailSettings& settings, const Mail& mail, std::stop_token stop) override;
  void rest() override;

 private:
  class Session;
  EmailTimeouts timeouts_;
  std::string system_ca_file_;
  std::unique_ptr<Session> session_;  // the connection kept between mails
  std::string session_key_;           // the settings that it was made with
};

}  // namespace apitoken::notify
