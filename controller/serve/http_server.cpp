// Serves one port through libmicrohttpd. No exception may leave its callbacks.
#include "serve/http_server.hpp"

#include <fmt/format.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>

#include <array>

#include "serve/tls_reader.hpp"

namespace apitoken::serve {
namespace {

// Bytes a connection: the head of a request, a copy of its cookies, notes of libmicrohttpd about
// them, and the head of the answer.
constexpr std::size_t kConnectionMemory = 64 * 1024;
// Modern AEAD ciphers with forward secrecy, the cheap key size first.
constexpr const char* kPriorities =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-"
    "POLY1305:-RSA";

// libmicrohttpd 1.0 then refuses what RFC 9112 forbids, with an answer. In 0.9.75 such a mode
// closes the connection without one, so there refuse_head() does it alone.
[[maybe_unused]] constexpr int kStrictClients = 1;

MHD_Result as_result(bool can_go_on) { return can_go_on ? MHD_YES : MHD_NO; }

}  // namespace

struct HttpServer::Peer {
  Connection& connection;
  ServerCertificate::Material material;  // shown in the handshake; null without TLS
  TlsReader reader;                      // not used without TLS
};

struct HttpServer::Callbacks {
  static void on_connection(void* server, MHD_Connection* connection, void** context,
                            MHD_ConnectionNotificationCode code);
  static void* on_first_line(void* server, const char* target, MHD_Connection* connection);
  static MHD_Result on_request(void* server, MHD_Connection* connection, const char* path,
                               const char* method, const char* version, const char* piece,
                               std::size_t* size, void** context);
  static void on_completed(void* server, MHD_Connection* connection, void** context,
                           MHD_RequestTerminationCode code);

  static void prepare_tls(gnutls_session_t session, Peer& peer);
  static int on_certificate(gnutls_session_t session, const gnutls_datum_t*, int,
                            const gnutls_pk_algorithm_t*, int, gnutls_pcert_st** chain,
                            unsigned* length, gnutls_privkey_t* key);
  static int on_handshake_done(gnutls_session_t session, unsigned, unsigned, unsigned,
                               const gnutls_datum_t*);
  static Peer& peer_of(MHD_Connection* connection) {
    const auto* known = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return *static_cast<Peer*>(known->socket_context);
  }
};

void HttpServer::Callbacks::on_connection(void* server, MHD_Connection* connection, void** context,
                                          MHD_ConnectionNotificationCode code) {
  auto& self = *static_cast<HttpServer*>(server);
  if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
    const std::unique_ptr<Peer> peer(static_cast<Peer*>(*context));
    self.connections_.remove(peer->connection);
    return;
  }
  auto* certificate = self.settings_.certificate;
  // Copies at once: libmicrohttpd 1.0 answers all questions in the same memory.
  const int socket =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
  const auto* const address =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
  auto& kept = self.connections_.add(socket, address, certificate != nullptr);
  auto* peer = new Peer{kept, certificate ? certificate->current() : nullptr, TlsReader(socket)};
  *context = peer;
  if (certificate == nullptr) return;
  const auto* known = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
  prepare_tls(static_cast<gnutls_session_t>(known->tls_session), *peer);
}

void HttpServer::Callbacks::prepare_tls(gnutls_session_t session, Peer& peer) {
  peer.reader.read_for(session);
  // For the callbacks below; libmicrohttpd uses this pointer for pre-shared keys only.
  gnutls_session_set_ptr(session, &peer);
  gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_POST,
                                     &on_handshake_done);
  // Sends no names of CAs: they would be those of the first read, and clients choose by them.
  gnutls_certificate_send_x509_rdn_sequence(session, 1);
}

int HttpServer::Callbacks::on_certificate(gnutls_session_t session, const gnutls_datum_t*, int,
                                          const gnutls_pk_algorithm_t*, int,
                                          gnutls_pcert_st** chain, unsigned* length,
                                          gnutls_privkey_t* key) {
  const auto& material = *static_cast<Peer*>(gnutls_session_get_ptr(session))->material;
  *chain = material.chain();
  *length = material.chain_length();
  *key = material.key();
  return 0;
}

// Called for the Finished message of both sides. The caller's is the last one under TLS 1.3, ours
// under TLS 1.2.
int HttpServer::Callbacks::on_handshake_done(gnutls_session_t session, unsigned, unsigned,
                                             unsigned incoming, const gnutls_datum_t*) {
  if (incoming != 0)
    static_cast<Peer*>(gnutls_session_get_ptr(session))->connection.handshake_done();
  return 0;
}

void* HttpServer::Callbacks::on_first_line(void* server, const char* target,
                                           MHD_Connection* connection) {
  auto& peer = peer_of(connection);
  return new HttpExchange(static_cast<HttpServer*>(server)->exchanges_, connection, peer.connection,
                          peer.material.get(), target);
}

// Called once with the head, then for each piece of the body, then once without a piece, and again
// after each resume. Source:
// https://www.gnu.org/software/libmicrohttpd/manual/html_node/microhttpd_002dcb.html
MHD_Result HttpServer::Callbacks::on_request(void*, MHD_Connection*, const char*,
                                             const char* method, const char* version,
                                             const char* piece, std::size_t* size, void** context) {
  auto& exchange = *static_cast<HttpExchange*>(*context);
  if (!exchange.has_head()) return as_result(exchange.head(method, version));
  if (*size == 0) return as_result(exchange.complete());
  exchange.body({piece, *size});
  *size = 0;
  return MHD_YES;
}

void HttpServer::Callbacks::on_completed(void*, MHD_Connection* connection, void** context,
                                         MHD_RequestTerminationCode code) {
  delete static_cast<HttpExchange*>(std::exchange(*context, nullptr));
  if (code == MHD_REQUEST_TERMINATED_COMPLETED_OK) peer_of(connection).connection.answered();
}

MHD_Daemon* HttpServer::start_daemon(int socket) {
  unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
  std::array<MHD_OptionItem, 5> options{};
  std::size_t count = 0;
  const auto add = [&](MHD_OPTION option, void* value) { options[count++] = {option, 0, value}; };
#if MHD_VERSION >= 0x01000000
  options[count++] = {MHD_OPTION_CLIENT_DISCIPLINE_LVL, kStrictClients, nullptr};
#endif
  if (settings_.certificate != nullptr) {
    flags |= MHD_USE_TLS;
    add(MHD_OPTION_HTTPS_PRIORITIES, const_cast<char*>(kPriorities));
    add(MHD_OPTION_HTTPS_CERT_CALLBACK, reinterpret_cast<void*>(&Callbacks::on_certificate));
    // Makes libmicrohttpd request client certificates; TlsMaterial verifies them.
    const auto& ca = settings_.certificate->client_ca();
    if (!ca.empty()) add(MHD_OPTION_HTTPS_MEM_TRUST, const_cast<char*>(ca.c_str()));
  }
  add(MHD_OPTION_END, nullptr);
  // Twice our own limit, so that libmicrohttpd's is never reached: it divides its limit among the
  // threads, and counts connections that are shut down until their thread notices. Its time limits
  // are not used, because they start again with each byte.
  const auto most = static_cast<unsigned>(2 * settings_.threads * settings_.limits.connections);
  return MHD_start_daemon(flags, 0, nullptr, nullptr, &Callbacks::on_request, this,       //
                          MHD_OPTION_LISTEN_SOCKET, socket,                               //
                          MHD_OPTION_THREAD_POOL_SIZE, settings_.threads,                 //
                          MHD_OPTION_CONNECTION_LIMIT, most,                              //
                          MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionMemory,          //
                          MHD_OPTION_URI_LOG_CALLBACK, &Callbacks::on_first_line, this,   //
                          MHD_OPTION_NOTIFY_CONNECTION, &Callbacks::on_connection, this,  //
                          MHD_OPTION_NOTIFY_COMPLETED, &Callbacks::on_completed, this,    //
                          MHD_OPTION_ARRAY, options.data(),                               //
                          MHD_OPTION_END);
}

Status HttpServer::start(std::string_view flag, std::string_view text) {
  if (text == kNoAddress) return {};
  auto socket = TRY(ListeningSocket::open(flag, text));
  return start(std::move(socket));
}

Status HttpServer::start(ListeningSocket socket) {
  if (settings_.loopback_only && !socket.is_loopback()) {
    return fail(ErrorKind::Invalid,
                fmt::format("{}: only loopback addresses are served without TLS here",
                            socket.address().text()));
  }
  if (settings_.certificate != nullptr) TRY(settings_.certificate->load());
  connections_.start();
  daemon_ = start_daemon(socket.get());
  if (daemon_ == nullptr) {
    connections_.stop();
    return fail(ErrorKind::Unavailable, fmt::format("cannot serve on {}", socket.address().text()));
  }
  socket.release();  // the daemon closes it
  address_ = socket.address().text();
  port_ = socket.address().port;
  return {};
}

void HttpServer::stop() {
  if (daemon_ == nullptr) return;
  exchanges_.finish();
  MHD_stop_daemon(std::exchange(daemon_, nullptr));
  connections_.stop();
}

}  // namespace apitoken::serve
