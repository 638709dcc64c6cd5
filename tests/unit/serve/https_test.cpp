#include <curl/curl.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <thread>

#include "serve/http_server.hpp"
#include "serve/raw_client.hpp"
#include "serve/refusals.hpp"
#include "support/captured_log.hpp"
#include "support/fake_transport.hpp"
#include "support/manual_clock.hpp"
#include "support/temporary_folder.hpp"

namespace apitoken::serve {
namespace {

using kube::test::TemporaryFolder;
using testing::HasSubstr;

struct Got {
  CURLcode error = CURLE_OK;
  long status = 0;
  std::string body;
  std::string headers;
};

struct Ask {
  const char* ca = nullptr;  // null: the server is not verified
  const char* certificate = nullptr;
  const char* key = nullptr;
  const char* body = nullptr;
  const char* header = nullptr;
  const char* second_header = nullptr;  // with a header
  long most_tls = CURL_SSLVERSION_MAX_DEFAULT;
};

Got fetch(std::uint16_t port, const std::string& path, const Ask& ask = {}) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                 &curl_easy_cleanup);
  Got got;
  const auto append = +[](char* bytes, std::size_t size, std::size_t count, void* to) {
    static_cast<std::string*>(to)->append(bytes, size * count);
    return size * count;
  };
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(
      ask.header ? curl_slist_append(nullptr, ask.header) : nullptr, &curl_slist_free_all);
  if (ask.second_header) curl_slist_append(headers.get(), ask.second_header);
  curl_easy_setopt(curl.get(), CURLOPT_URL,
                   ("https://127.0.0.1:" + std::to_string(port) + path).c_str());
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, 30L);
  curl_easy_setopt(curl.get(), CURLOPT_SSL_VERIFYPEER, ask.ca ? 1L : 0L);
  curl_easy_setopt(curl.get(), CURLOPT_SSL_VERIFYHOST, ask.ca ? 2L : 0L);
  if (ask.ca) curl_easy_setopt(curl.get(), CURLOPT_CAINFO, ask.ca);
  if (ask.certificate) curl_easy_setopt(curl.get(), CURLOPT_SSLCERT, ask.certificate);
  if (ask.key) curl_easy_setopt(curl.get(), CURLOPT_SSLKEY, ask.key);
  if (ask.body) curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, ask.body);
  if (ask.header) curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl.get(), CURLOPT_SSLVERSION,
                   static_cast<long>(CURL_SSLVERSION_DEFAULT) | ask.most_tls);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &got.body);
  curl_easy_setopt(curl.get(), CURLOPT_HEADERFUNCTION, append);
  curl_easy_setopt(curl.get(), CURLOPT_HEADERDATA, &got.headers);
  got.error = curl_easy_perform(curl.get());
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &got.status);
  return got;
}

// A self-signed certificate and its key, as files, and another CA.
struct PairFiles {
  std::string certificate;
  std::string key;
};
PairFiles write_pair(const TemporaryFolder& folder, const std::string& name, WallTime now) {
  const auto made = make_self_signed("host.example.com", now);
  EXPECT_TRUE(made);
  return {folder.write(name + ".crt", made->certificate),
          folder.write(name + ".key", made->key.reveal())};
}

// Answers the pending requests on its own thread.
HttpReply later(std::string text) {
  return Pending{[text = std::move(text)](Responder responder) {
    std::thread([text, responder = std::move(responder)]() mutable {
      std::move(responder).answer(HttpAnswer{200, "text/plain", text});
    }).detach();
  }};
}

HttpReply echo(const HttpRequest& request) {
  if (request.path == "/later") return later("waited");
  if (request.path == "/certified")
    return HttpAnswer{200, "text/plain", request.certified() ? "yes" : "no"};
  return HttpAnswer{200, "text/plain",
                    std::string(request.method) + " " + std::string(request.parameter("q")) + " " +
                        std::string(request.header("Authorization")) + " " +
                        std::to_string(request.body.size())};
}

class Https : public testing::Test {
 protected:
  void start(CertificateFiles files, Handler serve = echo, Limits limits = {}) {
    certificate.emplace(std::move(files), "--cert and --key", clock);
    server.emplace(HttpServer::Settings{limits, 2, &*certificate}, std::move(serve));
    const auto started = server->start("--flag", "127.0.0.1:0");
    ASSERT_TRUE(started) << started.error().message;
  }
  Got get(const std::string& path, const Ask& ask = {}) const {
    return fetch(server->bound_port(), path, ask);
  }

  TemporaryFolder folder;
  ManualClock clock{std::chrono::floor<Seconds>(std::chrono::system_clock::now())};
  std::optional<ServerCertificate> certificate;
  std::optional<HttpServer> server;
};

TEST_F(Https, PassesOnMethodQueryAuthorizationAndBody) {
  const kube::CapturedLog log;
  start({});
  EXPECT_EQ(get("/a?q=x%20y", {.header = "Authorization: Bearer t"}).body, "GET x y Bearer t 0");
  const std::string body(40'000, 'b');
  EXPECT_EQ(get("/a", {.body = body.c_str()}).body, "POST   40000");
  EXPECT_EQ(log.count("certificate made for this run"), 1);
  EXPECT_EQ(log.count("give --cert and --key"), 1);
}

TEST_F(Https, RefusesASecondAuthorization) {
  start({});
  EXPECT_EQ(
      get("/a", {.header = "Authorization: Bearer t", .second_header = "authorization: Bearer u"})
          .status,
      400);
  EXPECT_EQ(get("/a", {.header = "Authorization: Bearer t", .second_header = "X-Authorization: u"})
                .status,
            200);
}

TEST_F(Https, KnowsTheAddressOfTheCaller) {
  start({}, [](const HttpRequest& request) {
    return HttpAnswer{200, "text/plain", std::string(request.peer)};
  });
  EXPECT_EQ(get("/a").body, "127.0.0.1");
}

TEST_F(Https, SendsNoAnswerWithoutOneOfItsHeaders) {
  const kube::CapturedLog log;
  const auto answer_of = [](std::string value) {
    return HttpAnswer{
        200, "text/plain", "let through", {{"X-Before", "a"}, {"X-Value", std::move(value)}}};
  };
  start({},
        [&](const HttpRequest& request) { return answer_of(std::string(request.parameter("q"))); });
  EXPECT_THAT(get("/a?q=b").headers, HasSubstr("X-Value: b\r\n"));
  for (const char* path : {"/a?q=", "/a?q=b%0d%0aX-Other:%20c"}) {
    const auto refused = get(path);
    EXPECT_EQ(refused.status, 500) << path;
    EXPECT_EQ(refused.body, "internal error\n");
  }
  EXPECT_EQ(log.count("the header X-Value cannot be sent"), 2) << log.text();
}

TEST_F(Https, RefusesRequestsThatAreTooLarge) {
  start({});
  const std::string body(Limits{}.body_bytes + 1, 'b');
  EXPECT_EQ(get("/a", {.body = body.c_str()}).status, 413);
  const std::string header = "X-Large: " + std::string(64 * 1024, 'h');
  const auto got = get("/a", {.header = header.c_str()});
  EXPECT_TRUE(got.status == 431 || got.error != CURLE_OK) << got.status;
  EXPECT_EQ(get("/a").status, 200);
}

TEST_F(Https, APendingRequestDelaysNoOtherAndIsAnsweredBeforeTheStop) {
  std::mutex mutex;
  std::vector<Responder> held;
  start({}, [&](const HttpRequest& request) -> HttpReply {
    if (request.path != "/later") return echo(request);
    return Pending{[&](Responder responder) {
      const std::lock_guard lock(mutex);
      held.push_back(std::move(responder));
    }};
  });
  const auto all_wait = [&] {
    const std::lock_guard lock(mutex);
    return held.size() == 8;
  };
  std::vector<Got> waited(8);
  std::vector<std::jthread> callers;
  for (auto& got : waited) callers.emplace_back([this, &got] { got = get("/later"); });
  ASSERT_TRUE(kube::eventually(all_wait));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(get("/a").status, 200) << "other requests do not wait";
  {
    const std::lock_guard lock(mutex);
    for (std::size_t i = 0; i < 4; ++i)
      std::move(held[i]).answer(HttpAnswer{200, "text/plain", "late"});
    held.clear();  // the others are not answered by anybody
  }
  callers.clear();
  server->stop();
  EXPECT_EQ(std::ranges::count(waited, 200, &Got::status), 4);
  EXPECT_EQ(std::ranges::count(waited, 503, &Got::status), 4);
}

TEST_F(Https, AnswersPendingRequests) {
  start({});
  const auto got = get("/later");
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, "waited");
}

TEST_F(Https, AnExceptionIsA500) {
  const kube::CapturedLog log;
  start({}, [](const HttpRequest&) -> HttpReply { throw std::runtime_error("broken"); });
  EXPECT_EQ(get("/a").status, 500);
  EXPECT_EQ(log.count("broken"), 1);
}

TEST_F(Https, RefusesTlsOlderThan12) {
  start({});
  EXPECT_EQ(get("/a", {.most_tls = CURL_SSLVERSION_MAX_TLSv1_2}).status, 200);
  EXPECT_NE(get("/a", {.most_tls = CURL_SSLVERSION_MAX_TLSv1_1}).error, CURLE_OK);
}

TEST_F(Https, ShowsTheCertificateOfTheFilesAndOfTheirReplacement) {
  const auto pair = write_pair(folder, "server", clock.wall());
  const std::string first = folder.write("first.ca", folder.read("server.crt"));
  start({pair.certificate, pair.key, ""});
  EXPECT_EQ(get("/a", {.ca = first.c_str()}).status, 200);

  write_pair(folder, "server", clock.wall() + Seconds(1));
  EXPECT_EQ(get("/a", {.ca = first.c_str()}).status, 200)
      << "the files are checked once a second only";
  clock.advance(std::chrono::seconds(2));
  EXPECT_EQ(get("/a", {.ca = pair.certificate.c_str()}).status, 200);
  EXPECT_NE(get("/a", {.ca = first.c_str()}).error, CURLE_OK);
}

TEST_F(Https, KeepsItsCertificateWhileKeyAndCertificateDoNotMatch) {
  const auto pair = write_pair(folder, "server", clock.wall());
  start({pair.certificate, pair.key, ""});
  const std::string ca = folder.write("ca", folder.read("server.crt"));
  const kube::CapturedLog log;
  const std::string key = folder.read("server.key");
  write_pair(folder, "other", clock.wall());
  folder.write("server.key", folder.read("other.key"));
  for (int i = 0; i < 3; ++i) {
    clock.advance(std::chrono::seconds(2));
    EXPECT_EQ(get("/a", {.ca = ca.c_str()}).status, 200);
  }
  EXPECT_EQ(log.count("it is not the certificate's"), 1) << log.text();
  EXPECT_EQ(log.count("PRIVATE"), 0);
  folder.write("server.crt", folder.read("other.crt"));
  clock.advance(std::chrono::seconds(2));
  EXPECT_EQ(get("/a", {.ca = pair.certificate.c_str()}).status, 200);
}

TEST_F(Https, SaysWhichFileCannotBeUsed) {
  const auto load = [this](CertificateFiles files) {
    ServerCertificate loaded(std::move(files), "--cert and --key", clock);
    const auto status = loaded.load();
    return status ? std::string("loaded") : status.error().message;
  };
  const auto pair = write_pair(folder, "server", clock.wall());
  EXPECT_THAT(load({folder.path("none"), pair.key, ""}), HasSubstr(folder.path("none")));
  EXPECT_THAT(load({folder.write("text", "no PEM"), pair.key, ""}), HasSubstr(folder.path("text")));
  EXPECT_THAT(load({pair.certificate, folder.path("text"), ""}), HasSubstr("key"));
  EXPECT_THAT(load({"", "", folder.path("text")}), HasSubstr(folder.path("text")));
}

TEST_F(Https, AuthenticatesCallersByTheirCertificate) {
  // A server certificate does not authenticate a caller, even if the CA signed it.
  const auto pair = write_pair(folder, "server", clock.wall());
  start({"", "", pair.certificate});
  EXPECT_EQ(get("/certified").body, "no");
  EXPECT_EQ(
      get("/certified", {.certificate = pair.certificate.c_str(), .key = pair.key.c_str()}).body,
      "no");
}

TEST_F(Https, ClosesASlowHandshakeAndASlowHead) {
  using std::chrono::milliseconds;
  start({}, echo, {.handshake = milliseconds(500), .head = milliseconds(500)});
  test::RawClient client(server->bound_port());
  ASSERT_TRUE(client.send(
      std::string_view("\x16\x03\x01\x02\x00", 5)));  // a handshake that never gets further
  ASSERT_TRUE(
      kube::eventually([&] { return client.send("\x01"), client.is_closed(milliseconds(50)); }));
  EXPECT_EQ(get("/a").status, 200);
}

}  // namespace
}  // namespace apitoken::serve
