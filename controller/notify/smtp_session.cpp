// One connection to a mail server, through libcurl. libcurl passes each command and reply line to a
// callback, and SmtpDialogue matches replies with commands.
#include "notify/smtp_session.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <system_error>

#include "base/sigpipe.hpp"
#include "core/plain_text.hpp"
#include "notify/smtp_fault.hpp"

namespace apitoken::notify {

// For libcurl's callbacks. Lives as long as one call of curl_easy_perform.
struct SmtpAttempt {
  std::string_view unsent;
  SmtpDialogue dialogue;
  std::stop_token stop;
  core::Reach may_reach;                 // the farthest address that these settings may lead to
  std::string refused_address{};         // one that lies farther
  std::optional<std::string> overdue{};  // why the attempt was ended
};

namespace {

constexpr std::size_t kMaxDetail = 200;
// RFC 5321 4.5.3.1.10: the answer of some servers to one recipient too many. Such a recipient gets
// the next mail.
constexpr int kTooManyRecipients = 552;

SmtpDialogue::Time now() { return std::chrono::steady_clock::now(); }

std::size_t on_read(char* buffer, std::size_t size, std::size_t count, void* user) {
  auto& attempt = *static_cast<SmtpAttempt*>(user);
  const std::size_t taken = std::min(size * count, attempt.unsent.size());
  std::memcpy(buffer, attempt.unsent.data(), taken);
  attempt.unsent.remove_prefix(taken);
  attempt.dialogue.on_body(attempt.unsent.empty(), now());
  return taken;
}

std::size_t on_reply(char* bytes, std::size_t size, std::size_t count, void* user) {
  static_cast<SmtpAttempt*>(user)->dialogue.on_line({bytes, size * count}, now());
  return size * count;
}

// Receives libcurl's trace and keeps the commands in it.
int on_trace(CURL*, curl_infotype kind, char* bytes, std::size_t size, void* user) {
  if (kind == CURLINFO_HEADER_OUT)
    static_cast<SmtpAttempt*>(user)->dialogue.on_command({bytes, size}, now());
  return 0;
}

std::size_t discard_body(char*, std::size_t size, std::size_t count, void*) { return size * count; }

std::string text_of(const sockaddr& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.sa_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text, sizeof text);
  } else if (address.sa_family == AF_INET6) {
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, text,
              sizeof text);
  }
  return text;
}

bool is_connected(curl_socket_t socket) {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  return ::getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &size) == 0;
}

core::Reach farthest(const MailSettings& settings) {
  if (settings.tls != core::TlsMode::None) return core::Reach::Public;
  return settings.username.empty() ? core::Reach::Private : core::Reach::Loopback;
}

const char* login_options(const std::optional<core::AuthMethod>& method) {
  if (!method) return "AUTH=PLAIN;AUTH=LOGIN";
  switch (*method) {
    case core::AuthMethod::Plain:
      return "AUTH=PLAIN";
    case core::AuthMethod::Login:
      return "AUTH=LOGIN";
    case core::AuthMethod::CramMd5:
      break;
  }
  return "AUTH=CRAM-MD5";
}

Refusal refusal_of(std::string address, const SmtpReply& reply, const MailSettings& settings) {
  const bool permanent = reply.code >= 500 && reply.code != kTooManyRecipients;
  std::string reason = words_of(reply, settings);
  if (permanent && std::ranges::any_of(address, [](unsigned char c) { return c >= 0x80; }))
    reason += "; the address needs a server that offers SMTPUTF8";
  return {std::move(address), reply.code, std::move(reason), permanent};
}

}  // namespace

SmtpSession::SmtpSession(const EmailTimeouts& timeouts, std::string system_ca_file)
    : timeouts_(timeouts), system_ca_file_(std::move(system_ca_file)) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready == CURLE_OK) curl_ = curl_easy_init();
}

// libcurl sends QUIT and waits up to two minutes for the answer. With the reading side shut down it
// sends QUIT and does not wait.
SmtpSession::~SmtpSession() {
  block_sigpipe();
  for (const curl_socket_t socket : sockets_) ::shutdown(socket, SHUT_RD);
  if (curl_) curl_easy_cleanup(curl_);
}

// The host name is resolved here: without TLS, only addresses within reach are connected.
curl_socket_t SmtpSession::on_open(void* user, curlsocktype, struct curl_sockaddr* address) {
  auto& session = *static_cast<SmtpSession*>(user);
  if (const std::string text = text_of(address->addr);
      core::reach_of(text) > session.attempt_->may_reach) {
    session.attempt_->refused_address = text;
    return CURL_SOCKET_BAD;
  }
  const curl_socket_t socket =
      ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (socket != CURL_SOCKET_BAD) session.sockets_.push_back(socket);
  return socket;
}

int SmtpSession::on_close(void* user, curl_socket_t socket) {
  std::erase(static_cast<SmtpSession*>(user)->sockets_, socket);
  return ::close(socket);
}

// Called at least once a second, also while libcurl waits.
int SmtpSession::on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto& session = *static_cast<SmtpSession*>(user);
  SmtpAttempt& attempt = *session.attempt_;
  if (attempt.stop.stop_requested()) return 1;
  if (!attempt.dialogue.is_connected() && std::ranges::any_of(session.sockets_, is_connected))
    attempt.dialogue.on_connected(now());
  attempt.overdue = attempt.dialogue.overdue(now());
  return attempt.overdue ? 1 : 0;
}

void SmtpSession::set_up_connection(const MailSettings& settings) {
  const bool implicit = settings.tls == core::TlsMode::Implicit;
  // libcurl takes the name for EHLO from the path.
  char* const helo = curl_easy_escape(curl_, settings.helo.data(), int(settings.helo.size()));
  set(CURLOPT_URL, fmt::format("{}://{}/{}", implicit ? "smtps" : "smtp", settings.server.text(),
                               helo ? helo : "")
                       .c_str());
  curl_free(helo);
  set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  set(CURLOPT_PROXY, "");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_QUICK_EXIT, 1L);  // a name server that does not answer holds up nobody
  // SmtpDialogue limits each phase. libcurl's own limits count all phases together and must not end
  // an attempt earlier.
  constexpr std::chrono::hours kNever(24);
  set(CURLOPT_CONNECTTIMEOUT_MS, long(std::chrono::milliseconds(kNever).count()));
  set(CURLOPT_SERVER_RESPONSE_TIMEOUT, long(std::chrono::seconds(kNever).count()));
  set(CURLOPT_USE_SSL,
      long(settings.tls == core::TlsMode::None ? CURLUSESSL_NONE : CURLUSESSL_ALL));
  set(CURLOPT_SSLVERSION, long(CURL_SSLVERSION_TLSv1_2));
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
  if (settings.ca.empty()) {
    set(CURLOPT_CAINFO, system_ca_file_.c_str());
  } else {
    curl_blob ca{const_cast<char*>(settings.ca.data()), settings.ca.size(), CURL_BLOB_COPY};
    set(CURLOPT_CAINFO, static_cast<char*>(nullptr));
    set(CURLOPT_CAINFO_BLOB, &ca);
  }
}

void SmtpSession::set_up_login(const MailSettings& settings) {
  if (settings.username.empty()) return;
  set(CURLOPT_USERNAME, settings.username.c_str());
  // SecretString ends with a NUL; check() refuses one within the text.
  set(CURLOPT_PASSWORD, settings.password.reveal().data());
  set(CURLOPT_LOGIN_OPTIONS, login_options(settings.auth));
}

void SmtpSession::set_up_callbacks(SmtpAttempt& attempt) {
  attempt_ = &attempt;
  error_[0] = '\0';
  set(CURLOPT_OPENSOCKETFUNCTION, &SmtpSession::on_open);
  set(CURLOPT_OPENSOCKETDATA, this);
  set(CURLOPT_CLOSESOCKETFUNCTION, &SmtpSession::on_close);
  set(CURLOPT_CLOSESOCKETDATA, this);
  set(CURLOPT_HEADERFUNCTION, &on_reply);
  set(CURLOPT_HEADERDATA, &attempt);
  set(CURLOPT_DEBUGFUNCTION, &on_trace);
  set(CURLOPT_DEBUGDATA, &attempt);
  set(CURLOPT_VERBOSE, 1L);
  set(CURLOPT_WRITEFUNCTION, &discard_body);
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &SmtpSession::on_progress);
  set(CURLOPT_XFERINFODATA, this);
  set(CURLOPT_ERRORBUFFER, error_.data());
}

void SmtpSession::set_up_mail(const Mail& mail, curl_slist* recipients, SmtpAttempt& attempt) {
  set(CURLOPT_MAIL_FROM, fmt::format("<{}>", mail.from).c_str());
  set(CURLOPT_MAIL_RCPT, recipients);
  set(CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);  // spelt so
  set(CURLOPT_UPLOAD, 1L);
  set(CURLOPT_INFILESIZE_LARGE, curl_off_t(mail.message.size()));
  set(CURLOPT_READFUNCTION, &on_read);
  set(CURLOPT_READDATA, &attempt);
}

Status SmtpSession::check(const MailSettings& settings, const std::stop_token& stop) const {
  if (!curl_) return fail(ErrorKind::Unavailable, "libcurl cannot be set up");
  if (stop.stop_requested()) return fail(ErrorKind::Canceled, "stopped");
  const bool has_nul = settings.username.find('\0') != std::string::npos ||
                       settings.password.reveal().find('\0') != std::string_view::npos;
  if (has_nul) return fail(ErrorKind::Invalid, "the SMTP username or password has a NUL character");
  return {};
}

std::optional<Error> SmtpSession::perform(const MailSettings& settings, SmtpAttempt& attempt) {
  block_sigpipe();
  const CURLcode code = curl_easy_perform(curl_);
  std::optional<Error> error;
  if (code != CURLE_OK) error = explain(code, settings, attempt);
  curl_easy_reset(curl_);
  attempt_ = nullptr;
  return error;
}

Result<SendResult> SmtpSession::send(const MailSettings& settings, const Mail& mail,
                                     std::stop_token stop) {
  TRY(check(settings, stop));
  SmtpAttempt attempt{
      mail.message, {timeouts_, mail.within, now()}, std::move(stop), farthest(settings)};
  curl_slist* list = nullptr;
  for (const std::string& address : mail.recipients)
    list = curl_slist_append(list, fmt::format("<{}>", address).c_str());
  set_up_connection(settings);
  set_up_login(settings);
  set_up_callbacks(attempt);
  set_up_mail(mail, list, attempt);
  const auto error = perform(settings, attempt);
  curl_slist_free_all(list);

  const auto replies = attempt.dialogue.recipient_replies();
  const SmtpReply* last = attempt.dialogue.last_reply();
  const bool taken =
      std::ranges::any_of(replies, [](const SmtpReply& reply) { return reply.code / 100 == 2; });
  const bool all_answered = replies.size() == mail.recipients.size();
  if (error && error->kind == ErrorKind::Invalid && taken && last &&
      (last->to == "." || last->to == "DATA"))
    return SendResult{{}, {}, Refusal{"", last->code, words_of(*last, settings), true}};
  if (error && (taken || !all_answered)) return std::unexpected(*error);
  if (!all_answered)
    return fail(ErrorKind::Unavailable,
                fmt::format("{}: the server's replies are incomplete", settings.server.text()));
  SendResult result;
  for (std::size_t i = 0; i < mail.recipients.size(); ++i) {
    if (replies[i].code / 100 == 2) {
      result.accepted.push_back(mail.recipients[i]);
    } else {
      result.refused.push_back(refusal_of(mail.recipients[i], replies[i], settings));
    }
  }
  return result;
}

Status SmtpSession::try_login(const MailSettings& settings, std::chrono::milliseconds within,
                              std::stop_token stop) {
  TRY(check(settings, stop));
  SmtpAttempt attempt{{}, {timeouts_, within, now()}, std::move(stop), farthest(settings)};
  set_up_connection(settings);
  set_up_login(settings);
  set_up_callbacks(attempt);
  set(CURLOPT_CUSTOMREQUEST,
      "NOOP");  // libcurl wants a command once it is logged in; QUIT follows with the session
  if (auto error = perform(settings, attempt)) return std::unexpected(std::move(*error));
  return {};
}

// Leaves out parts that change from one attempt to the next ("after 12 ms"), so that a repeated
// failure has the same text.
std::string SmtpSession::detail_of(CURLcode code) const {
  long system_error = 0;
  curl_easy_getinfo(curl_, CURLINFO_OS_ERRNO, &system_error);
  if (code == CURLE_COULDNT_CONNECT)
    return fmt::format(
        "cannot be reached: {}",
        system_error ? std::generic_category().message(int(system_error)) : "no connection");
  return core::cut_text(core::plain_text(error_[0] ? error_.data() : curl_easy_strerror(code)),
                        kMaxDetail);
}

Error SmtpSession::explain(CURLcode code, const MailSettings& settings,
                           const SmtpAttempt& attempt) const {
  const SmtpDialogue& dialogue = attempt.dialogue;
  const auto say = [&](SmtpFault fault, std::string_view detail = "") {
    return explain_fault(fault, detail, settings, dialogue);
  };
  if (attempt.overdue) return say(SmtpFault::Overdue, *attempt.overdue);
  switch (code) {
    case CURLE_ABORTED_BY_CALLBACK:
      return say(SmtpFault::Canceled);
    case CURLE_OPERATION_TIMEDOUT:
      return say(SmtpFault::Overdue, dialogue.waits_for());
    case CURLE_LOGIN_DENIED:
      return say(SmtpFault::LoginRefused);
    case CURLE_USE_SSL_FAILED:
      return say(SmtpFault::NoTls, detail_of(code));
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return say(SmtpFault::Untrusted, detail_of(code));
    case CURLE_COULDNT_CONNECT:
      if (!attempt.refused_address.empty())
        return say(SmtpFault::AddressRefused, attempt.refused_address);
      return say(SmtpFault::Connection, detail_of(code));
    case CURLE_SEND_ERROR:
    case CURLE_WEIRD_SERVER_REPLY:
      // curl has the same code for a refused command and for a broken connection; only a refused
      // command has a reply of 400 or more.
      if (const SmtpReply* reply = dialogue.last_reply(); reply && reply->code >= 400)
        return say(SmtpFault::Refused);
      return say(SmtpFault::Connection, detail_of(code));
    default:
      return say(SmtpFault::Connection, detail_of(code));
  }
}

}  // namespace apitoken::notify
