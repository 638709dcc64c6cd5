// A real server on loopback, over TLS or plain, that runs a test's script, and its certificates. It
// shares no code with the client under test.
#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <thread>

#include "kube/credentials.hpp"

namespace apitoken::kube::test {

struct Identity {
  std::string certificate, key;  // PEM
};

struct Subject {
  std::string common_name = "test";
  std::string alternative_names =
      "IP:127.0.0.1";  // as OpenSSL's configuration writes them; empty: none
  long valid_from = -3600, valid_until = 3600;  // seconds from now
};

class Authority {
 public:
  explicit Authority(const std::string& name = "test CA");
  Identity issue(const Subject& subject) const;
  const std::string& certificate() const { return own_.certificate; }

 private:
  Identity own_;
};

// One accepted connection, on a thread of its own.
class Connection {
 public:
  Connection(int socket, SSL_CTX* context);  // null: plain
  ~Connection();
  bool handshake();
  // `count` bytes; fewer if the client has closed.
  std::string read(std::size_t count);
  // Head and body of the next request; empty when the client has closed.
  std::string read_request();
  bool write(std::string_view text);
  void answer(int status, std::string_view body, std::string_view more_headers = "");
  // Reads until the client closes.
  void wait_closed();
  // Passes bytes to and from this port on loopback until one end closes.
  void splice(int port);
  // Closes the socket without the TLS alert close_notify.
  void drop();
  std::string client_name() const;  // the common name of its certificate
  std::string announced_name() const;
  int number = 0;  // the how-manyth connection, from 1

 private:
  std::string receive(std::size_t most);

  int socket_;
  SSL* ssl_;
};

class TlsServer {
 public:
  using Script = std::function<void(Connection&)>;
  struct Options {
    std::string client_ca{};  // PEM: a client certificate is asked for and must be of it
    int max_version = 0;      // of TLS; 0: any
    bool plain = false;       // no TLS
  };

  TlsServer(const Identity& identity, Script script)
      : TlsServer(identity, std::move(script), Options{}) {}
  TlsServer(const Identity& identity, Script script, Options options);
  ~TlsServer();
  int port() const { return port_; }
  std::string url(const std::string& host = "127.0.0.1") const {
    return "https://" + host + ":" + std::to_string(port_);
  }
  int connections() const { return connections_; }

 private:
  void accept_all(std::stop_token stop);

  SSL_CTX* context_;
  bool plain_;
  Script script_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> connections_{0};
  std::list<std::jthread> serving_;
  std::jthread accepting_;
};

// Credentials whose parts a test sets.
class TestCredentials final : public Credentials {
 public:
  TestCredentials(std::string server, std::string ca)
      : server_(std::move(server)), ca_(std::move(ca)) {}
  const std::string& server() const override { return server_; }
  const std::string& default_namespace() const override { return namespace_; }
  Result<TlsMaterial> tls() override;
  Result<std::optional<SecretString>> bearer_token() override;
  void reject() override { ++rejected; }

  std::string_view basic_login() const override { return login; }
  Result<std::optional<Proxy>> proxy() const override;

  Identity client;
  std::string login;  // for basic authentication
  std::string proxy_url;
  std::string server_name = "127.0.0.1";
  bool insecure = false;
  std::string first_token, second_token;  // before and after reject()
  std::atomic<int> rejected{0};

 private:
  std::string server_, ca_, namespace_ = "default";
};

}  // namespace apitoken::kube::test
