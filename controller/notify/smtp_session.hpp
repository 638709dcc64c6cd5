// SmtpSession: one connection to a mail server, over libcurl; it sends mails or tries the login,
// one after the other. EmailChannel owns the sessions; one thread at a time uses one. It always
// checks the server's certificate and name, never connects farther than the settings allow, never
// logs.
#pragma once

#include <curl/curl.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "notify/mail_channel.hpp"
#include "notify/smtp_dialogue.hpp"

namespace apitoken::notify {

struct SmtpAttempt;  // the state of one request

class SmtpSession {
 public:
  // `system_ca_file` is for settings without a CA of their own.
  SmtpSession(const EmailTimeouts& timeouts, std::string system_ca_file);
  ~SmtpSession();
  SmtpSession(const SmtpSession&) = delete;
  SmtpSession& operator=(const SmtpSession&) = delete;

  // The contracts of MailChannel.
  Result<SendResult> send(const MailSettings& settings, const Mail& mail, std::stop_token stop);
  Status try_login(const MailSettings& settings, std::chrono::milliseconds within,
                   std::stop_token stop);

 private:
  Status check(const MailSettings& settings, const std::stop_token& stop) const;
  void set_up_connection(const MailSettings& settings);
  void set_up_login(const MailSettings& settings);
  void set_up_callbacks(SmtpAttempt& attempt);
  void set_up_mail(const Mail& mail, curl_slist* recipients, SmtpAttempt& attempt);
  // Runs the prepared request, then removes all options, the password among them; the connection
  // stays open. Returns an error if curl reports one; the replies may still hold a result.
  std::optional<Error> perform(const MailSettings& settings, SmtpAttempt& attempt);
  Error explain(CURLcode code, const MailSettings& settings, const SmtpAttempt& attempt) const;
  std::string detail_of(CURLcode code) const;
  static int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t);
  static int on_close(void* user, curl_socket_t socket);
  static curl_socket_t on_open(void* user, curlsocktype, struct curl_sockaddr* address);

  template <typename Value>
  void set(CURLoption option, Value value) {
    curl_easy_setopt(curl_, option, value);
  }

  const EmailTimeouts timeouts_;
  const std::string system_ca_file_;
  CURL* curl_ = nullptr;
  SmtpAttempt* attempt_ = nullptr;      // the one under way
  std::vector<curl_socket_t> sockets_;  // open ones
  std::array<char, CURL_ERROR_SIZE> error_{};
};

}  // namespace apitoken::notify
