// SMTP through libcurl, which sends one RCPT for each recipient and passes each command and reply
// line to a callback. SmtpDialogue matches replies with commands.
#include "notify/email_channel.hpp"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <system_error>

#include "core/hash.hpp"
#include "core/plain_text.hpp"
#include "notify/smtp_fault.hpp"

namespace apitoken::notify {
namespace {

constexpr std::size_t kMaxDetail = 200;
// RFC 5321 4.5.3.1.10: the answer of some servers to one recipient too many. Such a recipient gets
// the next mail.
constexpr int kTooManyRecipients = 552;

SmtpDialogue::Time now() { return std::chrono::steady_clock::now(); }

// The state of one attempt for libcurl's callbacks. Lives as long as one call of curl_easy_perform.
struct Attempt {
  std::string_view unsent;
  SmtpDialogue dialogue;
  std::stop_token stop;
  core::Reach may_reach;                 // the farthest address that these settings may lead to
  std::string refused_address{};         // one that lies farther
  std::optional<std::string> overdue{};  // why the attempt was ended
};

std::size_t on_read(char* buffer, std::size_t size, std::size_t count, void* user) {
  auto& attempt = *static_cast<Attempt*>(user);
  const std::size_t taken = std::min(size * count, attempt.unsent.size());
  std::memcpy(buffer, attempt.unsent.data(), taken);
  attempt.unsent.remove_prefix(taken);
  attempt.dialogue.on_body(attempt.unsent.empty(), now());
  return taken;
}

std::size_t on_reply(char* bytes, std::size_t size, std::size_t count, void* user) {
  static_cast<Attempt*>(user)->dialogue.on_line({bytes, size * count}, now());
  return size * count;
}

// Receives libcurl's trace and keeps the commands in it.
int on_trace(CURL*, curl_infotype kind, char* bytes, std::size_t size, void* user) {
  if (kind == CURLINFO_HEADER_OUT)
    static_cast<Attempt*>(user)->dialogue.on_command({bytes, size}, now());
  return 0;
}

std::size_t discard_body(char*, std::size_t size, std::size_t count, void*) { return size * count; }

// With NOSIGNAL libcurl leaves SIGPIPE to us. On a thread that blocks it, a broken connection is an
// error code.
void block_sigpipe() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

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

// Settings with equal keys may share a connection. libcurl alone would reuse a connection that
// STARTTLS secured with another CA.
std::string key_of(const MailSettings& settings) {
  return fmt::format("{} {} {} {} {} {} {}", settings.server.text(), int(settings.tls),
                     core::sha256_hex(settings.username),
                     core::sha256_hex(settings.password.reveal()), core::sha256_hex(settings.ca),
                     settings.helo, login_options(settings.auth));
}

Refusal refusal_of(std::string address, const SmtpReply& reply, const MailSettings& settings) {
  const bool permanent = reply.code >= 500 && reply.code != kTooManyRecipients;
  return {std::move(address), reply.code, words_of(reply, settings), permanent};
}

}  // namespace

class EmailChannel::Session {
 public:
  Session() {
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (ready == CURLE_OK) curl_ = curl_easy_init();
  }
  // libcurl sends QUIT and waits up to two minutes for the answer. With the reading side shut down
  // it sends QUIT and does not wait.
  ~Session() {
    block_sigpipe();
    for (const curl_socket_t socket : sockets_) ::shutdown(socket, SHUT_RD);
    if (curl_) curl_easy_cleanup(curl_);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  Result<SendResult> send(const MailSettings& settings, const Mail& mail,
                          const EmailTimeouts& timeouts, const std::string& system_ca_file,
                          std::stop_token stop);
  Status try_login(const MailSettings& settings, std::chrono::milliseconds within,
                   const EmailTimeouts& timeouts, const std::string& system_ca_file,
                   std::stop_token stop);

 private:
  Status check(const MailSettings& settings, const std::stop_token& stop) const;
  void set_up_connection(const MailSettings& settings, const std::string& system_ca_file);
  void set_up_login(const MailSettings& settings);
  void set_up_callbacks(Attempt& attempt);
  void set_up_mail(const Mail& mail, curl_slist* recipients, Attempt& attempt);
  // Runs the prepared request, then removes all options, the password among them; the connection
  // stays open. Returns an error if curl reports one; the replies may still hold a result.
  std::optional<Error> perform(const MailSettings& settings, Attempt& attempt);
  Error explain(CURLcode code, const MailSettings& settings, const Attempt& attempt) const;
  std::string detail_of(CURLcode code) const;
  static int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t);
  static int on_close(void* user, curl_socket_t socket);
  static curl_socket_t on_open(void* user, curlsocktype, struct curl_sockaddr* address);

  template <typename Value>
  void set(CURLoption option, Value value) {
    curl_easy_setopt(curl_, option, value);
  }

  CURL* curl_ = nullptr;
  Attempt* attempt_ = nullptr;          // the one under way
  std::vector<curl_socket_t> sockets_;  // open ones
  std::array<char, CURL_ERROR_SIZE> error_{};
};

// The host name is resolved here: without TLS, only addresses within reach are connected.
curl_socket_t EmailChannel::Session::on_open(void* user, curlsocktype,
                                             struct curl_sockaddr* address) {
  auto& session = *static_cast<Session*>(user);
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

int EmailChannel::Session::on_close(void* user, curl_socket_t socket) {
  std::erase(static_cast<Session*>(user)->sockets_, socket);
  return ::close(socket);
}

// Called at least once a second, also while libcurl waits.
int EmailChannel::Session::on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto& session = *static_cast<Session*>(user);
  Attempt& attempt = *session.attempt_;
  if (attempt.stop.stop_requested()) return 1;
  if (!attempt.dialogue.is_connected() && std::ranges::any_of(session.sockets_, is_connected))
    attempt.dialogue.on_connected(now());
  attempt.overdue = attempt.dialogue.overdue(now());
  return attempt.overdue ? 1 : 0;
}

void EmailChannel::Session::set_up_connection(const MailSettings& settings,
                                              const std::string& system_ca_file) {
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
    set(CURLOPT_CAINFO, system_ca_file.c_str());
  } else {
    curl_blob ca{const_cast<char*>(settings.ca.data()), settings.ca.size(), CURL_BLOB_COPY};
    set(CURLOPT_CAINFO, static_cast<char*>(nullptr));
    set(CURLOPT_CAINFO_BLOB, &ca);
  }
}

void EmailChannel::Session::set_up_login(const MailSettings& settings) {
  if (settings.username.empty()) return;
  set(CURLOPT_USERNAME, settings.username.c_str());
  // SecretString ends with a NUL; check() refuses one within the text.
  set(CURLOPT_PASSWORD, settings.password.reveal().data());
  set(CURLOPT_LOGIN_OPTIONS, login_options(settings.auth));
}

void EmailChannel::Session::set_up_callbacks(Attempt& attempt) {
  attempt_ = &attempt;
  error_[0] = '\0';
  set(CURLOPT_OPENSOCKETFUNCTION, &Session::on_open);
  set(CURLOPT_OPENSOCKETDATA, this);
  set(CURLOPT_CLOSESOCKETFUNCTION, &Session::on_close);
  set(CURLOPT_CLOSESOCKETDATA, this);
  set(CURLOPT_HEADERFUNCTION, &on_reply);
  set(CURLOPT_HEADERDATA, &attempt);
  set(CURLOPT_DEBUGFUNCTION, &on_trace);
  set(CURLOPT_DEBUGDATA, &attempt);
  set(CURLOPT_VERBOSE, 1L);
  set(CURLOPT_WRITEFUNCTION, &discard_body);
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &Session::on_progress);
  set(CURLOPT_XFERINFODATA, this);
  set(CURLOPT_ERRORBUFFER, error_.data());
}

void EmailChannel::Session::set_up_mail(const Mail& mail, curl_slist* recipients,
                                        Attempt& attempt) {
  set(CURLOPT_MAIL_FROM, fmt::format("<{}>", mail.from).c_str());
  set(CURLOPT_MAIL_RCPT, recipients);
  set(CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);  // spelt so
  set(CURLOPT_UPLOAD, 1L);
  set(CURLOPT_INFILESIZE_LARGE, curl_off_t(mail.message.size()));
  set(CURLOPT_READFUNCTION, &on_read);
  set(CURLOPT_READDATA, &attempt);
}

Status EmailChannel::Session::check(const MailSettings& settings,
                                    const std::stop_token& stop) const {
  if (!curl_) return fail(ErrorKind::Unavailable, "libcurl cannot be set up");
  if (stop.stop_requested()) return fail(ErrorKind::Canceled, "stopped");
  const bool has_nul = settings.username.find('\0') != std::string::npos ||
                       settings.password.reveal().find('\0') != std::string_view::npos;
  if (has_nul) return fail(ErrorKind::Invalid, "the SMTP username or password has a NUL character");
  return {};
}

std::optional<Error> EmailChannel::Session::perform(const MailSettings& settings,
                                                    Attempt& attempt) {
  block_sigpipe();
  const CURLcode code = curl_easy_perform(curl_);
  std::optional<Error> error;
  if (code != CURLE_OK) error = explain(code, settings, attempt);
  curl_easy_reset(curl_);
  attempt_ = nullptr;
  return error;
}

Result<SendResult> EmailChannel::Session::send(const MailSettings& settings, const Mail& mail,
                                               const EmailTimeouts& timeouts,
                                               const std::string& system_ca_file,
                                               std::stop_token stop) {
  if (const Status fit = check(settings, stop); !fit) return std::unexpected(fit.error());
  Attempt attempt{
      mail.message, {timeouts, mail.within, now()}, std::move(stop), farthest(settings)};
  curl_slist* list = nullptr;
  for (const std::string& address : mail.recipients)
    list = curl_slist_append(list, fmt::format("<{}>", address).c_str());
  set_up_connection(settings, system_ca_file);
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

Status EmailChannel::Session::try_login(const MailSettings& settings,
                                        std::chrono::milliseconds within,
                                        const EmailTimeouts& timeouts,
                                        const std::string& system_ca_file, std::stop_token stop) {
  if (const Status fit = check(settings, stop); !fit) return fit;
  Attempt attempt{{}, {timeouts, within, now()}, std::move(stop), farthest(settings)};
  set_up_connection(settings, system_ca_file);
  set_up_login(settings);
  set_up_callbacks(attempt);
  set(CURLOPT_CUSTOMREQUEST,
      "NOOP");  // libcurl wants a command once it is logged in; QUIT follows with the session
  if (auto error = perform(settings, attempt)) return std::unexpected(std::move(*error));
  return {};
}

// Leaves out parts that change from one attempt to the next ("after 12 ms"), so that a repeated
// failure has the same text.
std::string EmailChannel::Session::detail_of(CURLcode code) const {
  long system_error = 0;
  curl_easy_getinfo(curl_, CURLINFO_OS_ERRNO, &system_error);
  if (code == CURLE_COULDNT_CONNECT)
    return fmt::format(
        "cannot be reached: {}",
        system_error ? std::generic_category().message(int(system_error)) : "no connection");
  return core::cut_text(core::plain_text(error_[0] ? error_.data() : curl_easy_strerror(code)),
                        kMaxDetail);
}

Error EmailChannel::Session::explain(CURLcode code, const MailSettings& settings,
                                     const Attempt& attempt) const {
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
      // Both for a refused command or message and for a broken connection; only the first has a
      // reply of 400 or more.
      if (const SmtpReply* reply = dialogue.last_reply(); reply && reply->code >= 400)
        return say(SmtpFault::Refused);
      return say(SmtpFault::Connection, detail_of(code));
    default:
      return say(SmtpFault::Connection, detail_of(code));
  }
}

EmailChannel::EmailChannel(EmailTimeouts timeouts, std::string system_ca_file)
    : timeouts_(timeouts), system_ca_file_(std::move(system_ca_file)) {}

EmailChannel::~EmailChannel() = default;

std::unique_ptr<EmailChannel::Session> EmailChannel::take_session(const std::string& key) {
  {
    MutexLock lock(mutex_);
    const auto found = std::ranges::find(idle_, key, &Idle::key);
    if (found != idle_.end()) {
      auto session = std::move(found->session);
      idle_.erase(found);
      return session;
    }
  }
  return std::make_unique<Session>();
}

Result<SendResult> EmailChannel::send(const MailSettings& settings, const Mail& mail,
                                      std::stop_token stop) {
  auto key = key_of(settings);
  auto session = take_session(key);
  auto result = session->send(settings, mail, timeouts_, system_ca_file_, std::move(stop));
  if (!result) return result;  // a connection that failed is not used again
  MutexLock lock(mutex_);
  idle_.push_back({std::move(key), std::move(session)});
  return result;
}

Status EmailChannel::try_login(const MailSettings& settings, std::chrono::milliseconds within,
                               std::stop_token stop) {
  return Session().try_login(settings, within, timeouts_, system_ca_file_, std::move(stop));
}

void EmailChannel::rest() {
  std::vector<Idle> idle;
  {
    MutexLock lock(mutex_);
    idle.swap(idle_);
  }
}

}  // namespace apitoken::notify
