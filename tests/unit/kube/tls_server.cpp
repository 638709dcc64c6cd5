// Certificates and a scripted server, by OpenSSL alone.
#include "kube/tls_server.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace apitoken::kube::test {
namespace {

std::string text_of(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  std::string text(bytes, static_cast<std::size_t>(size));
  BIO_free(bio);
  return text;
}

std::string pem_of(X509* certificate) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate);
  return text_of(bio);
}

std::string pem_of(EVP_PKEY* key) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  return text_of(bio);
}

X509* parse_certificate(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return certificate;
}

EVP_PKEY* parse_key(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return key;
}

void extend(X509* certificate, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

// Signed by `issuer`; self-signed if that is null.
Identity make(const Subject& subject, const Identity* issuer) {
  static std::atomic<long> serial{1};
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate), subject.valid_from);
  X509_gmtime_adj(X509_getm_notAfter(certificate), subject.valid_until);
  X509_set_pubkey(certificate, key);
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(subject.common_name.c_str()),
                             -1, -1, 0);
  if (issuer == nullptr) extend(certificate, NID_basic_constraints, "critical,CA:TRUE");
  if (!subject.alternative_names.empty())
    extend(certificate, NID_subject_alt_name, subject.alternative_names);
  X509* const signer = issuer != nullptr ? parse_certificate(issuer->certificate) : nullptr;
  EVP_PKEY* const signing = issuer != nullptr ? parse_key(issuer->key) : nullptr;
  X509_set_issuer_name(certificate, signer != nullptr ? X509_get_subject_name(signer) : name);
  X509_sign(certificate, signing != nullptr ? signing : key, EVP_sha256());
  Identity identity{pem_of(certificate), pem_of(key)};
  X509_free(signer);
  EVP_PKEY_free(signing);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return identity;
}

}  // namespace

Authority::Authority(const std::string& name)
    : own_(make({.common_name = name, .alternative_names = ""}, nullptr)) {}

Identity Authority::issue(const Subject& subject) const { return make(subject, &own_); }

Connection::Connection(int socket, SSL_CTX* context)
    : socket_(socket), ssl_(context != nullptr ? SSL_new(context) : nullptr) {
  if (ssl_ != nullptr) SSL_set_fd(ssl_, socket);
}

Connection::~Connection() {
  if (socket_ >= 0) {
    if (ssl_ != nullptr) SSL_shutdown(ssl_);
    close(socket_);
  }
  SSL_free(ssl_);
  ERR_clear_error();
}

bool Connection::handshake() { return ssl_ == nullptr || SSL_accept(ssl_) == 1; }

std::string Connection::receive(std::size_t most) {
  std::string block(most, '\0');
  const auto got = ssl_ != nullptr ? SSL_read(ssl_, block.data(), static_cast<int>(most))
                                   : ::read(socket_, block.data(), most);
  block.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return block;
}

std::string Connection::read(std::size_t count) {
  std::string text;
  while (text.size() < count) {
    const std::string piece = receive(count - text.size());
    if (piece.empty()) break;
    text += piece;
  }
  return text;
}

std::string Connection::read_request() {
  std::string text;
  for (;;) {
    if (const auto end = text.find("\r\n\r\n"); end != text.npos) {
      const auto field = text.find("Content-Length:");
      const std::size_t length = field < end ? std::stoul(text.substr(field + 15)) : 0;
      if (text.size() >= end + 4 + length) return text;
    }
    const std::string piece = receive(16384);
    if (piece.empty()) return "";
    text += piece;
  }
}

bool Connection::write(std::string_view text) {
  if (ssl_ != nullptr) return SSL_write(ssl_, text.data(), static_cast<int>(text.size())) > 0;
  return ::write(socket_, text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

void Connection::splice(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::array<pollfd, 2> ends{{{socket_, POLLIN, 0}, {server, POLLIN, 0}}};
  bool open = connect(server, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  while (open) {
    const bool waiting = ssl_ != nullptr && SSL_pending(ssl_) > 0;
    if (!waiting) poll(ends.data(), ends.size(), -1);
    if (waiting || ends[0].revents != 0) {
      const std::string piece = receive(16384);
      open = !piece.empty() &&
             ::write(server, piece.data(), piece.size()) == static_cast<ssize_t>(piece.size());
    }
    if (open && !waiting && ends[1].revents != 0) {
      std::array<char, 16384> block;
      const ssize_t got = ::read(server, block.data(), block.size());
      open = got > 0 && write({block.data(), static_cast<std::size_t>(got)});
    }
  }
  close(server);
}

void Connection::answer(int status, std::string_view body, std::string_view more_headers) {
  write(fmt::format("HTTP/1.1 {} Said\r\nContent-Length: {}\r\n{}\r\n{}", status, body.size(),
                    more_headers, body));
}

void Connection::wait_closed() {
  while (!read_request().empty()) {
  }
}

void Connection::drop() {
  close(socket_);
  socket_ = -1;
}

std::string Connection::client_name() const {
  X509* certificate = SSL_get1_peer_certificate(ssl_);
  if (certificate == nullptr) return "";
  std::array<char, 256> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name.data(),
                            name.size());
  X509_free(certificate);
  return name.data();
}

std::string Connection::announced_name() const {
  const char* name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
  return name != nullptr ? name : "";
}

TlsServer::TlsServer(const Identity& identity, Script script, Options options)
    : context_(SSL_CTX_new(TLS_server_method())),
      plain_(options.plain),
      script_(std::move(script)) {
  std::signal(SIGPIPE, SIG_IGN);
  if (!plain_) {
    X509* certificate = parse_certificate(identity.certificate);
    EVP_PKEY* key = parse_key(identity.key);
    SSL_CTX_use_certificate(context_, certificate);
    SSL_CTX_use_PrivateKey(context_, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  if (options.max_version != 0) {
    SSL_CTX_set_cipher_list(context_, "DEFAULT:@SECLEVEL=0");
    SSL_CTX_set_max_proto_version(context_, options.max_version);
  }
  if (!options.client_ca.empty()) {
    X509* ca = parse_certificate(options.client_ca);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context_), ca);
    X509_free(ca);
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
  listen(listener_, 64);
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  accepting_ = std::jthread([this](std::stop_token stop) { accept_all(std::move(stop)); });
}

TlsServer::~TlsServer() {
  accepting_.request_stop();
  accepting_.join();
  serving_.clear();  // scripts end when their client closes
  close(listener_);
  SSL_CTX_free(context_);
}

void TlsServer::accept_all(std::stop_token stop) {
  while (!stop.stop_requested()) {
    pollfd ready{listener_, POLLIN, 0};
    if (poll(&ready, 1, 10) != 1) continue;
    const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) continue;
    const int number = ++connections_;
    serving_.emplace_back([this, socket, number] {
      Connection connection(socket, plain_ ? nullptr : context_);
      connection.number = number;
      if (connection.handshake()) script_(connection);
    });
  }
}

Result<TlsMaterial> TestCredentials::tls() {
  TlsMaterial material;
  material.ca = ca_;
  material.certificate = client.certificate;
  material.key = SecretString(std::string(client.key));
  material.insecure = insecure;
  material.server_name = server_name;
  return material;
}

Result<std::optional<Proxy>> TestCredentials::proxy() const {
  if (proxy_url.empty()) return Credentials::proxy();
  return TRY(parse_proxy(proxy_url, "proxy-url"));
}

Result<std::optional<SecretString>> TestCredentials::bearer_token() {
  const std::string& token = rejected > 0 ? second_token : first_token;
  if (token.empty()) return std::nullopt;
  return SecretString(std::string(token));
}

}  // namespace apitoken::kube::test
