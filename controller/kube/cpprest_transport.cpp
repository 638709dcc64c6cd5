// cpprestsdk behind the Transport interface: connections, credentials and the library's set-up. No
// exception leaves this file. Only this file and cpprest_exchange include the library.
#include "kube/cpprest_transport.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <signal.h>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <cstdlib>
#include <future>
#include <map>
#include <mutex>

#include "base/ascii.hpp"
#include "base/base64.hpp"
#include "base/mutex.hpp"
#include "kube/answer_sizes.hpp"
#include "kube/cpprest_exchange.hpp"
#include "kube/proxy_relay.hpp"
#include "kube/server_url.hpp"
#include "kube/tls_context.hpp"

// The library's own definition, which this one replaces, frees nothing outside Windows: each
// connection to the relay would lose a copy of its password.
void web::details::zero_memory_deleter::operator()(utility::string_t* text) const {
  apitoken::wipe(*text);
  delete text;
}

namespace apitoken::kube {
namespace {

namespace http = web::http;

// The library's interface has no virtual destructor, but only a shared_ptr owns a scheduler.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
// Runs tasks of the I/O thread at once, and posts those of other threads to it. The library's own
// scheduler would send each continuation through the queue.
class IoScheduler final : public pplx::scheduler_interface {
 public:
  void schedule(pplx::TaskProc_t task, void* argument) override {
    boost::asio::dispatch(io(), [task, argument] { task(argument); });
  }
};
#pragma GCC diagnostic pop

// The way through a proxy; null if there is none.
Result<std::shared_ptr<ProxyRelay>> open_relay(const std::shared_ptr<Credentials>& credentials,
                                               const Result<ServerUrl>& server,
                                               std::chrono::milliseconds request) {
  std::optional<Proxy> proxy = TRY(credentials->proxy());
  if (!proxy || !server) return nullptr;
  // As in Go, the TLS settings for the server are those for the proxy too, tls-server-name
  // included.
  auto tls = [weak = std::weak_ptr(credentials), server_host = server->host,
              proxy_host = proxy->host]() -> Result<TlsMaterial> {
    const auto source = weak.lock();
    if (!source) return fail(ErrorKind::Canceled, "the transport is gone");
    TlsMaterial material = TRY(source->tls());
    if (material.server_name == server_host) material.server_name = proxy_host;
    return material;
  };
  // Half of the request's time, so that the caller hears what the proxy did wrong.
  return ProxyRelay::open(io(), {.proxy = std::move(*proxy),
                                 .host = server->host,
                                 .port = server->port,
                                 .tls = std::move(tls),
                                 .time_limit = request / 2});
}

class CpprestTransport final : public Transport {
 public:
  CpprestTransport(std::shared_ptr<Credentials> credentials, Result<ServerUrl> url,
                   Result<std::shared_ptr<ProxyRelay>> relay, std::string user_agent,
                   TransportLimits limits, AnswerListener* listener)
      : credentials_(std::move(credentials)),
        user_agent_(std::move(user_agent)),
        limits_(limits),
        listener_(std::make_shared<std::atomic<AnswerListener*>>(listener)),
        url_(std::move(url)),
        relay_(std::move(relay)) {
    if (url_ && relay_) clients_ = {make_client(limits_.request), make_client(limits_.silence)};
  }

  // After the barrier no callback on the I/O thread uses the credentials or the listener any more.
  ~CpprestTransport() override {
    credentials_.reset();
    *listener_ = nullptr;
    clients_ = {};
    if (relay_ && *relay_) (*relay_)->close();
    std::promise<void> barrier;
    boost::asio::post(io(), [&barrier] { barrier.set_value(); });
    barrier.get_future().wait();
  }

  Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop) override {
    auto answer = with_host(authorized(request, stop, nullptr));
    const MutexLock lock(mutex_);
    if (clients_.requests) last_request_ = std::chrono::steady_clock::now();
    return answer;
  }
  Result<HttpResponse> stream(const HttpRequest& request, std::stop_token stop,
                              const Receiver& receive) override {
    return with_host(authorized(request, stop, &receive));
  }
  void close_idle(Seconds idle) override;

 private:
  // A call holds only the client that it uses. Each keeps its connections until nobody holds it.
  using Client = std::shared_ptr<http::client::http_client>;
  struct Clients {
    Client requests;
    Client streams;
    unsigned generation = 0;  // counts connect_again()
  };

  Client make_client(std::chrono::milliseconds idle) const;
  void connect_again(unsigned used);
  http::client::http_client_config config(std::chrono::milliseconds idle) const;
  Result<HttpResponse> authorized(const HttpRequest& request, std::stop_token stop,
                                  const Receiver* receive);
  Result<HttpResponse> attempt(const HttpRequest& request, std::stop_token stop,
                               const Receiver* receive);
  Clients clients() {
    const MutexLock lock(mutex_);
    return clients_;
  }

  Result<HttpResponse> with_host(Result<HttpResponse> result) const {
    if (!result && result.error().kind == ErrorKind::Unavailable) {
      result.error().message = fmt::format(
          "{}{}: {}", credentials_->server(),
          relay_ && *relay_ ? fmt::format(" through the proxy {}", (*relay_)->proxy().address())
                            : "",
          result.error().message);
    }
    return result;
  }

  std::shared_ptr<Credentials> credentials_;  // owns nothing; callbacks hold it weakly
  const std::string user_agent_;
  const TransportLimits limits_;
  const ListenerSlot listener_;
  const Result<ServerUrl> url_;
  const Result<std::shared_ptr<ProxyRelay>> relay_;  // null: there is no proxy
  AnswerSizes answer_sizes_;
  Mutex mutex_;
  Clients clients_ GUARDED_BY(mutex_);
  std::optional<SteadyTime> last_request_ GUARDED_BY(mutex_);  // none: no connection of requests
};

http::client::http_client_config CpprestTransport::config(std::chrono::milliseconds idle) const {
  http::client::http_client_config config;
  config.set_timeout(idle + std::chrono::seconds(5));  // callers have shorter deadlines themselves
  config.set_max_redirects(0);           // a redirect must not send the token elsewhere
  config.set_tlsext_sni_enabled(false);  // configure_tls() does it
  config.set_ssl_context_callback(
      [weak = std::weak_ptr(credentials_)](boost::asio::ssl::context& context) {
        const auto credentials = weak.lock();
        if (!credentials) throw Refused{{ErrorKind::Canceled, "the transport is gone", {}}};
        const Result<TlsMaterial> material = credentials->tls();
        if (!material) throw Refused{material.error()};
        if (Status configured = configure_tls(context.native_handle(), *material); !configured)
          throw Refused{configured.error()};
      });
  if (*relay_) {
    const ProxyRelay& relay = **relay_;
    web::web_proxy tunnel(web::uri(fmt::format("http://127.0.0.1:{}", relay.port())));
    tunnel.set_credentials({ProxyRelay::kUser, std::string(relay.password().reveal())});
    config.set_proxy(std::move(tunnel));
  }
  return config;
}

// A header's name as client-go writes a key of as-user-extra: bytes that no name may have are
// escaped.
std::string escape_key(std::string_view key) {
  constexpr std::string_view kSigns = "!#$&'*+-.^_`|~";
  std::string escaped;
  for (const char c : key) {
    const bool legal = is_letter_or_digit(c) || kSigns.find(c) != kSigns.npos;
    escaped += legal ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return escaped;
}

// The values are one line each: the credentials checked that. The library would join two values of
// one name with a comma, and the API server would take them for one group; so the further lines of
// a name are written into the value of the first.
void add_impersonation(http::http_headers& headers, const Impersonation& other) {
  if (other.user.empty()) return;
  headers.add("Impersonate-User", other.user);
  if (!other.uid.empty()) headers.add("Impersonate-Uid", other.uid);
  std::map<std::string, std::string> lines;
  const auto add = [&lines](const std::string& name, const std::string& value) {
    const auto [line, first] = lines.try_emplace(name, value);
    if (!first) line->second += fmt::format("\r\n{}: {}", name, value);
  };
  for (const std::string& group : other.groups) add("Impersonate-Group", group);
  for (const auto& [key, value] : other.extra) add("Impersonate-Extra-" + escape_key(key), value);
  for (const auto& [name, text] : lines) headers.add(name, text);
}

CpprestTransport::Client CpprestTransport::make_client(std::chrono::milliseconds idle) const {
  // Through a proxy with a port, since the library would ask the proxy for port -1.
  const web::uri server(
      *relay_ ? fmt::format("https://{}:{}{}", url_->host, url_->port, url_->prefix) : url_->text);
  // The I/O thread destroys a client and its kept connections, also if another thread releases it.
  return {new http::client::http_client(server, config(idle)),
          [](auto* gone) { boost::asio::post(io(), [gone] { delete gone; }); }};
}

// Connections keep showing the certificate that they began with, so new ones are needed after it
// was refused; but only once for all calls of generation `used`.
void CpprestTransport::connect_again(unsigned used) {
  Clients fresh{make_client(limits_.request), make_client(limits_.silence), used + 1};
  const MutexLock lock(mutex_);
  if (clients_.generation == used) std::swap(clients_, fresh);
}

// A new client has no connections; those of the old one go with it.
void CpprestTransport::close_idle(Seconds idle) {
  {
    const MutexLock lock(mutex_);
    if (!last_request_ || std::chrono::steady_clock::now() - *last_request_ < idle) return;
    last_request_.reset();
  }
  Client fresh = make_client(limits_.request);
  const MutexLock lock(mutex_);
  std::swap(clients_.requests, fresh);
}

// Tries again after a 401, because the token or certificate may have been renewed.
Result<HttpResponse> CpprestTransport::authorized(const HttpRequest& request, std::stop_token stop,
                                                  const Receiver* receive) {
  if (!url_) return std::unexpected(url_.error());
  if (!relay_) return std::unexpected(relay_.error());
  const unsigned used = clients().generation;
  Result<HttpResponse> result = attempt(request, stop, receive);
  if (!result || result->status != 401) return result;
  credentials_->reject();
  connect_again(used);
  return attempt(request, stop, receive);
}

Result<HttpResponse> CpprestTransport::attempt(const HttpRequest& request, std::stop_token stop,
                                               const Receiver* receive) try {
  const auto token = TRY(credentials_->bearer_token());
  if (stop.stop_requested()) return fail(ErrorKind::Canceled, "canceled");
  http::http_request outgoing{http::method(to_string(request.method))};
  outgoing.set_request_uri(web::uri(request.target));
  auto& headers = outgoing.headers();
  headers.add("Accept", request.accept);
  headers.add("User-Agent", user_agent_);
  if (!request.body.empty()) headers.set_content_type(request.content_type);
  if (token) {
    headers.add("Authorization", fmt::format("Bearer {}", token->reveal()));
  } else if (const auto login = credentials_->basic_login(); !login.empty()) {
    headers.add("Authorization", "Basic " + base64_encode(login));
  }
  add_impersonation(headers, credentials_->impersonation());

  AnswerListener* const listener = *listener_;
  auto permission = listener != nullptr ? listener->permission(request) : std::function<bool()>();
  const bool is_read = request.method == Method::Get && receive == nullptr;
  const auto exchange =
      std::make_shared<Exchange>(request.body, std::move(permission), limits_, receive != nullptr,
                                 listener_, is_read ? answer_sizes_.expected(request.target) : 0);
  const Client used = receive != nullptr ? clients().streams : clients().requests;
  exchange->start(*used, std::move(outgoing));
  if (receive != nullptr) return exchange->wait_streaming(stop, *receive);
  auto answer = exchange->wait_whole(stop);
  if (is_read && answer && answer->status == 200)
    answer_sizes_.came(request.target, answer->body.size());
  return answer;
} catch (const std::exception& error) {
  return fail(ErrorKind::Invalid, fmt::format("cannot send {} {}: {}", to_string(request.method),
                                              request.target, error.what()));
}

}  // namespace

void prepare_cpprest() {
  static std::once_flag once;
  std::call_once(once, [] {
    read_trust_variables();
    setenv("SSL_CERT_FILE", "/dev/null", 1);
    // The I/O thread outlives static destruction.
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);  // only main() receives signals
    crossplat::threadpool::initialize_with_threads(1);
    pplx::set_ambient_scheduler(std::make_shared<IoScheduler>());
    boost::asio::post(io(), [] { pthread_setname_np(pthread_self(), "kube-io"); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  });
}

std::unique_ptr<Transport> make_cpprest_transport(Credentials& credentials, std::string user_agent,
                                                  TransportLimits limits,
                                                  AnswerListener* listener) {
  prepare_cpprest();
  std::shared_ptr<Credentials> borrowed(&credentials, [](Credentials*) {});
  auto url = parse_server_url(credentials.server(), "credentials");
  auto relay = open_relay(borrowed, url, limits.request);
  return std::make_unique<CpprestTransport>(std::move(borrowed), std::move(url), std::move(relay),
                                            std::move(user_agent), limits, listener);
}

}  // namespace apitoken::kube
