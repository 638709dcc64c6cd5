// SMTP through libcurl. It sends RCPT for one recipient after another and hands each reply line to the header callback;
// which reply belongs to which recipient follows from their order before DATA.
#include "notify/email_channel.hpp"

#include <curl/curl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "core/hash.hpp"
#include "core/plain_text.hpp"

namespace apitoken::notify {
namespace {

constexpr std::size_t kLongestReply = 200;
constexpr int kGoAheadWithData = 354;
constexpr int kGoodbye = 221;

struct Reply {
  int code;
  std::string text;  // "550 5.1.1 no such user"
};

// The server's replies of one attempt, in order; of several lines the last stands for all.
class Replies {
 public:
  void add(std::string_view line) {
    while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (line.size() < 3 || !std::ranges::all_of(line.substr(0, 3), is_digit)) return;
    if (line.size() > 3 && line[3] == '-') return;
    const int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
    if (code != kGoodbye) replies_.push_back({code, core::cut_text(core::plain_text(line), kLongestReply)});
  }
  const Reply* last() const { return replies_.empty() ? nullptr : &replies_.back(); }
  // The replies to `count` RCPT commands: those before DATA's, or the last ones where it did not come to DATA.
  std::optional<std::vector<Reply>> of_recipients(std::size_t count) const {
    const auto data = std::ranges::find(replies_, kGoAheadWithData, &Reply::code);
    if (std::size_t(data - replies_.begin()) < count) return {};
    return std::vector<Reply>(data - std::ptrdiff_t(count), data);
  }

 private:
  std::vector<Reply> replies_;
};

struct Attempt {
  std::string_view unsent;
  Replies replies;
  std::stop_token stop;
};

std::size_t on_read(char* buffer, std::size_t size, std::size_t count, void* user) {
  auto& attempt = *static_cast<Attempt*>(user);
  const std::size_t taken = std::min(size * count, attempt.unsent.size());
  std::memcpy(buffer, attempt.unsent.data(), taken);
  attempt.unsent.remove_prefix(taken);
  return taken;
}

std::size_t on_reply(char* bytes, std::size_t size, std::size_t count, void* user) {
  static_cast<Attempt*>(user)->replies.add({bytes, size * count});
  return size * count;
}

std::size_t discard_body(char*, std::size_t size, std::size_t count, void*) { return size * count; }

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Attempt*>(user)->stop.stop_requested() ? 1 : 0;
}

// With NOSIGNAL libcurl leaves SIGPIPE to us: on this thread a broken connection is an error code, not a signal.
bool block_sigpipe() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  return pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0;
}

bool is_permanent(const Reply* reply) { return reply && reply->code >= 500; }

// What the server said last, unless it echoes what must not be seen.
std::string word_of(const Reply* reply, const MailSettings& settings) {
  if (!reply) return "no reply";
  const std::string_view password = settings.password.reveal();
  if (!password.empty() && reply->text.find(password) != std::string::npos) return fmt::format("{}", reply->code);
  return reply->text;
}

// Equal where a connection may serve both. libcurl would reuse one that STARTTLS secured under another CA.
std::string key_of(const MailSettings& settings) {
  return fmt::format("{} {} {} {} {}", settings.server.text(), int(settings.tls), core::sha256_hex(settings.username),
                     core::sha256_hex(settings.password.reveal()), core::sha256_hex(settings.ca));
}

}  // namespace

class EmailChannel::Session {
 public:
  Session() {
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    static thread_local const bool blocked = block_sigpipe();
    if (ready == CURLE_OK && blocked) curl_ = curl_easy_init();
  }
  // libcurl says QUIT to servers and waits for the answer, two minutes long if need be. With the reading side shut down
  // it still says QUIT and does not wait.
  ~Session() {
    for (const curl_socket_t socket : sockets_) ::shutdown(socket, SHUT_RD);
    if (curl_) curl_easy_cleanup(curl_);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  Result<SendOutcome> send(const MailSettings& settings, const Mail& mail, const EmailTimeouts& timeouts,
                           const std::string& system_ca_file, std::stop_token stop);

 private:
  void set_up_connection(const MailSettings& settings, const EmailTimeouts& timeouts,
                         const std::string& system_ca_file);
  void set_up_mail(const Mail& mail, curl_slist* recipients, Attempt& attempt);
  Error explain(CURLcode code, const MailSettings& settings, const Attempt& attempt) const;
  Error explain_refusal(std::string_view what, const MailSettings& settings, const Attempt& attempt) const;
  static int on_close(void* user, curl_socket_t socket);
  static curl_socket_t on_open(void* user, curlsocktype, struct curl_sockaddr* address);

  template <typename Value>
  void set(CURLoption option, Value value) {
    curl_easy_setopt(curl_, option, value);
  }

  CURL* curl_ = nullptr;
  std::vector<curl_socket_t> sockets_;  // open ones
  std::array<char, CURL_ERROR_SIZE> error_{};
};

curl_socket_t EmailChannel::Session::on_open(void* user, curlsocktype, struct curl_sockaddr* address) {
  const curl_socket_t socket = ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (socket != CURL_SOCKET_BAD) static_cast<Session*>(user)->sockets_.push_back(socket);
  return socket;
}

int EmailChannel::Session::on_close(void* user, curl_socket_t socket) {
  std::erase(static_cast<Session*>(user)->sockets_, socket);
  return ::close(socket);
}

void EmailChannel::Session::set_up_connection(const MailSettings& settings, const EmailTimeouts& timeouts,
                                              const std::string& system_ca_file) {
  const bool implicit = settings.tls == core::TlsMode::Implicit;
  set(CURLOPT_URL, fmt::format("{}://{}", implicit ? "smtps" : "smtp", settings.server.text()).c_str());
  set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  set(CURLOPT_PROXY, "");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_QUICK_EXIT, 1L);  // a name server that does not answer holds up nobody
  set(CURLOPT_CONNECTTIMEOUT_MS, long(timeouts.connect.count()));
  set(CURLOPT_TIMEOUT_MS, long(timeouts.total.count()));
  set(CURLOPT_SERVER_RESPONSE_TIMEOUT, std::max(1L, long(timeouts.total.count() / 1000)));
  set(CURLOPT_OPENSOCKETFUNCTION, &Session::on_open);
  set(CURLOPT_OPENSOCKETDATA, this);
  set(CURLOPT_CLOSESOCKETFUNCTION, &Session::on_close);
  set(CURLOPT_CLOSESOCKETDATA, this);
  set(CURLOPT_USE_SSL, long(settings.tls == core::TlsMode::None ? CURLUSESSL_NONE : CURLUSESSL_ALL));
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
  if (settings.username.empty()) return;
  set(CURLOPT_USERNAME, settings.username.c_str());
  // The bytes of a SecretString end with a NUL, as those of any std::string; one within is refused in send().
  set(CURLOPT_PASSWORD, settings.password.reveal().data());
}

void EmailChannel::Session::set_up_mail(const Mail& mail, curl_slist* recipients, Attempt& attempt) {
  set(CURLOPT_MAIL_FROM, fmt::format("<{}>", mail.from).c_str());
  set(CURLOPT_MAIL_RCPT, recipients);
  set(CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);  // spelt so
  set(CURLOPT_UPLOAD, 1L);
  set(CURLOPT_INFILESIZE_LARGE, curl_off_t(mail.message.size()));
  set(CURLOPT_READFUNCTION, &on_read);
  set(CURLOPT_READDATA, &attempt);
  set(CURLOPT_HEADERFUNCTION, &on_reply);
  set(CURLOPT_HEADERDATA, &attempt);
  set(CURLOPT_WRITEFUNCTION, &discard_body);
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &on_progress);
  set(CURLOPT_XFERINFODATA, &attempt);
  set(CURLOPT_ERRORBUFFER, error_.data());
}

Result<SendOutcome> EmailChannel::Session::send(const MailSettings& settings, const Mail& mail,
                                                const EmailTimeouts& timeouts, const std::string& system_ca_file,
                                                std::stop_token stop) {
  if (!curl_) return fail(ErrorKind::Unavailable, "libcurl cannot be set up");
  if (stop.stop_requested()) return fail(ErrorKind::Canceled, "stopped");
  const bool has_nul = settings.username.find('\0') != std::string::npos ||
                       settings.password.reveal().find('\0') != std::string_view::npos;
  if (has_nul) return fail(ErrorKind::Invalid, "the SMTP username or password has a NUL character");

  Attempt attempt{mail.message, {}, stop};
  curl_slist* list = nullptr;
  for (const std::string& address : mail.recipients)
    list = curl_slist_append(list, fmt::format("<{}>", address).c_str());
  error_[0] = '\0';
  set_up_connection(settings, timeouts, system_ca_file);
  set_up_mail(mail, list, attempt);
  const CURLcode code = curl_easy_perform(curl_);
  const bool all_refused = code == CURLE_SEND_ERROR && std::string_view(error_.data()).starts_with("RCPT failed");
  std::optional<Error> error;
  if (code != CURLE_OK && !all_refused) error = explain(code, settings, attempt);
  curl_easy_reset(curl_);  // drops options, the password among them, and keeps the connection
  curl_slist_free_all(list);
  if (error) return std::unexpected(std::move(*error));

  const auto replies = attempt.replies.of_recipients(mail.recipients.size());
  if (!replies)
    return fail(ErrorKind::Unavailable, fmt::format("{}: the server's replies are incomplete", settings.server.text()));
  SendOutcome outcome;
  for (std::size_t i = 0; i < mail.recipients.size(); ++i) {
    const Reply& reply = (*replies)[i];
    if (reply.code / 100 == 2) {
      outcome.accepted.push_back(mail.recipients[i]);
    } else {
      outcome.refused.push_back({mail.recipients[i], reply.code, reply.text, is_permanent(&reply)});
    }
  }
  return outcome;
}

Error EmailChannel::Session::explain_refusal(std::string_view what, const MailSettings& settings,
                                             const Attempt& attempt) const {
  const Reply* reply = attempt.replies.last();
  return {is_permanent(reply) ? ErrorKind::Invalid : ErrorKind::Unavailable,
          fmt::format("{}: {}: {}", settings.server.text(), what, word_of(reply, settings))};
}

Error EmailChannel::Session::explain(CURLcode code, const MailSettings& settings, const Attempt& attempt) const {
  const std::string server = settings.server.text();
  const std::string detail =
      core::cut_text(core::plain_text(error_[0] ? error_.data() : curl_easy_strerror(code)), kLongestReply);
  switch (code) {
    case CURLE_ABORTED_BY_CALLBACK:
      return {ErrorKind::Canceled, "stopped"};
    case CURLE_LOGIN_DENIED: {
      Error error = explain_refusal("authentication refused", settings, attempt);
      if (error.kind == ErrorKind::Invalid) error.kind = ErrorKind::Unauthorized;
      return error;
    }
    case CURLE_USE_SSL_FAILED:
      return {ErrorKind::Invalid, fmt::format("{}: no TLS by STARTTLS ({}); is spec.smtp.tls right?", server, detail)};
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return {
          ErrorKind::Invalid,
          fmt::format("{}: its certificate is not trusted ({}); name its CA in spec.smtp.caSecret", server, detail)};
    case CURLE_SEND_ERROR:
    case CURLE_WEIRD_SERVER_REPLY:
      // libcurl says so for a refused MAIL, DATA or message, and for broken connections; a code from 400 tells them
      // apart.
      if (const Reply* reply = attempt.replies.last(); reply && reply->code >= 400) {
        return explain_refusal("the mail was refused", settings, attempt);
      }
      [[fallthrough]];
    default:
      return {ErrorKind::Unavailable, fmt::format("{}: {}", server, detail)};
  }
}

EmailChannel::EmailChannel(EmailTimeouts timeouts, std::string system_ca_file)
    : timeouts_(timeouts), system_ca_file_(std::move(system_ca_file)) {}

EmailChannel::~EmailChannel() = default;

Result<SendOutcome> EmailChannel::send(const MailSettings& settings, const Mail& mail, std::stop_token stop) {
  auto key = key_of(settings);
  if (!session_ || key != session_key_) session_ = std::make_unique<Session>();
  session_key_ = std::move(key);
  auto outcome = session_->send(settings, mail, timeouts_, system_ca_file_, stop);
  if (!outcome) session_.reset();  // a connection that failed is not used again
  return outcome;
}

void EmailChannel::rest() { session_.reset(); }

}  // namespace apitoken::notify
