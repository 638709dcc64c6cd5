// Reads of a TLS connection's bytes, alone and below a server: however they arrive, the requests in
// them are answered.
#include "serve/tls_reader.hpp"

#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/ioctl.h>

#include <memory>

#include "serve/http_server.hpp"
#include "serve/raw_client.hpp"
#include "support/manual_clock.hpp"

namespace apitoken::serve {
namespace {

class TlsReaderTest : public testing::Test {
 protected:
  ~TlsReaderTest() override {
    close(ends_[0]);
    close(ends_[1]);
  }

  void write(const std::string& bytes) {
    ASSERT_EQ(send(ends_[1], bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  }
  int left_in_socket() const {
    int bytes = -1;
    ioctl(ends_[0], FIONREAD, &bytes);
    return bytes;
  }
  // What one read gives.
  std::string read(std::size_t size) {
    std::string bytes(size, '\0');
    const auto got = reader_.read(bytes.data(), size);
    if (got < 0) return std::string("errno ") + std::to_string(errno);
    bytes.resize(static_cast<std::size_t>(got));
    return bytes;
  }

  static std::array<int, 2> connected_sockets() {
    std::array<int, 2> ends{-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
    return ends;
  }
  const std::array<int, 2> ends_ = connected_sockets();
  TlsReader reader_{ends_[0]};
};

TEST_F(TlsReaderTest, ReadsARecordAtOnceThatIsAskedForInTwoParts) {
  write("12345the rest");
  EXPECT_EQ(read(5), "12345");
  EXPECT_EQ(left_in_socket(), 0);
  EXPECT_EQ(read(8), "the rest");
  EXPECT_EQ(read(5), "errno " + std::to_string(EAGAIN));
  write("6");
  EXPECT_EQ(read(5), "6");
}

TEST_F(TlsReaderTest, GivesWhatIsThereBeforeTheEnd) {
  write("123");
  shutdown(ends_[1], SHUT_WR);
  EXPECT_EQ(read(2), "12");
  EXPECT_EQ(read(5), "3");
  EXPECT_EQ(read(5), "");
}

TEST_F(TlsReaderTest, GivesManyBytesInTheirOrder) {
  std::string sent;
  for (int i = 0; i < 5000; ++i) sent += std::to_string(i);
  write(sent);
  std::string got;
  for (const std::size_t size : {5, 16'384, 5, 700, 5, 3000, 5}) {
    auto part = read(size);
    EXPECT_LE(part.size(), size);
    got += part;
  }
  for (auto part = read(999); !part.starts_with("errno"); part = read(999)) got += part;
  EXPECT_TRUE(got == sent);
}

// A TLS client that decides which of its bytes are sent together.
class Client {
 public:
  explicit Client(std::uint16_t port) : socket_(port) {
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl_.get());
  }

  // Ends before the client's last bytes of the handshake are sent.
  void shake_hands() {
    while (SSL_do_handshake(ssl_.get()) != 1) {
      flush(16'384);
      receive_some();
    }
  }
  void write(const std::string& text) {
    ASSERT_EQ(SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())),
              static_cast<int>(text.size()));
  }
  void write_end() { SSL_shutdown(ssl_.get()); }
  // Sends what was written, `size` bytes a segment.
  void flush(std::size_t size) {
    std::string bytes(size, '\0');
    for (;;) {
      const int got = BIO_read(SSL_get_wbio(ssl_.get()), bytes.data(), static_cast<int>(size));
      if (got <= 0) return;
      ASSERT_TRUE(socket_.send(std::string_view(bytes).substr(0, static_cast<std::size_t>(got))));
    }
  }
  // The answers, until they contain `enough`.
  std::string answers(const std::string& enough) {
    std::string text;
    char block[4096];
    for (int tries = 0; tries < 100 && text.find(enough) == text.npos; ++tries) {
      const int got = SSL_read(ssl_.get(), block, sizeof block);
      if (got > 0) {
        text.append(block, static_cast<std::size_t>(got));
      } else {
        receive_some();
      }
    }
    return text;
  }
  bool is_closed() { return socket_.is_closed(std::chrono::seconds(10)); }

 private:
  void receive_some() {
    const auto bytes = socket_.receive({}, std::chrono::milliseconds(100));
    BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size()));
  }

  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_{SSL_CTX_new(TLS_client_method()),
                                                             &SSL_CTX_free};
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_{SSL_new(context_.get()), &SSL_free};
  test::RawClient socket_;
};

class BelowAServer : public testing::Test {
 protected:
  BelowAServer() {
    const auto started = server_.start("--flag", "127.0.0.1:0");
    EXPECT_TRUE(started) << started.error().message;
  }
  static std::string get(const std::string& path) {
    return "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n";
  }

  ManualClock clock_{std::chrono::floor<Seconds>(std::chrono::system_clock::now())};
  ServerCertificate certificate_{{}, "--cert and --key", clock_};
  HttpServer server_{HttpServer::Settings{{}, 1, &certificate_}, [](const HttpRequest& request) {
                       return HttpAnswer{200, "text/plain",
                                         "<" + std::string(request.path) +
                                             std::to_string(request.body.size()) + ">"};
                     }};
};

TEST_F(BelowAServer, RequestsInTheSegmentThatEndsTheHandshakeAreAnswered) {
  Client client(server_.bound_port());
  client.shake_hands();
  client.write(get("/one"));
  client.write(get("/two"));
  client.flush(16'384);
  const auto text = client.answers("</two0>");
  EXPECT_NE(text.find("</one0>"), text.npos) << text;
  EXPECT_NE(text.find("</two0>"), text.npos) << text;
}

TEST_F(BelowAServer, RequestsThatArriveByteByByteAreAnswered) {
  Client client(server_.bound_port());
  client.shake_hands();
  client.write(get("/one"));
  client.flush(1);
  EXPECT_NE(client.answers("</one0>").find("</one0>"), std::string::npos);
}

TEST_F(BelowAServer, ABodyOfManyRecordsIsRead) {
  for (const std::size_t segment : {100, 2047, 2048, 2049, 16'384, 65'536}) {
    SCOPED_TRACE(segment);
    Client client(server_.bound_port());
    client.shake_hands();
    client.write("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n");
    for (int i = 0; i < 60; ++i) client.write(std::string(1000, 'b'));
    client.write(get("/after"));
    client.flush(segment);
    const auto text = client.answers("</after0>");
    EXPECT_NE(text.find("</body60000>"), text.npos) << text;
    EXPECT_NE(text.find("</after0>"), text.npos) << text;
  }
}

TEST_F(BelowAServer, AnEndInTheSegmentOfARequestIsSeen) {
  Client client(server_.bound_port());
  client.shake_hands();
  client.write(get("/last"));
  client.write_end();
  client.flush(16'384);
  EXPECT_NE(client.answers("</last0>").find("</last0>"), std::string::npos);
  EXPECT_TRUE(client.is_closed());
}

}  // namespace
}  // namespace apitoken::serve
