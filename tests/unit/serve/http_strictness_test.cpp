// Requests that no well-behaved client sends, byte by byte, against a real port.
#include <gmock/gmock.h>
#include <microhttpd.h>

#include "serve/http_server.hpp"
#include "serve/raw_client.hpp"
#include "serve/refusals.hpp"
#include "serve/routes.hpp"
#include "support/captured_log.hpp"

namespace apitoken::serve {
namespace {

using test::RawClient;
using test::status_of;
using testing::HasSubstr;
using testing::Not;

class HttpStrictness : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(server.start("--flag", "127.0.0.1:0")); }

  std::string answer(std::string_view bytes) {
    RawClient client(server.bound_port());
    client.send(bytes);
    return client.receive();
  }
  // The answer to a GET with these lines, each ending with CR LF, in its head.
  std::string answer_to_head(const std::string& lines, const std::string& target = "/echo") {
    return answer("GET " + target + " HTTP/1.1\r\nHost: a\r\n" + lines +
                  "Connection: close\r\n\r\n");
  }

  HttpServer server{{}, Routes({{"*", "/echo/*", [](const HttpRequest& request) {
                                   std::string text =
                                       std::string(request.path) + "|" + std::string(request.body);
                                   for (const auto& [name, value] : request.query)
                                     text += "|" + name + "=" + value;
                                   text += "|" + std::string(request.header("x-ANY"));
                                   return plain(200, text);
                                 }}})};
};

TEST_F(HttpStrictness, AnHonestRequestIsServed) {
  EXPECT_THAT(answer_to_head("X-Any: some thing\r\n", "/echo/a%20b?q=x%20y&q=z+w&e&f="),
              HasSubstr("/echo/a b||q=x y|q=z w|e=|f=|some thing"));
  EXPECT_THAT(
      answer(
          "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody"),
      HasSubstr("/echo|body"));
  EXPECT_THAT(answer("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: "
                     "close\r\n\r\n4\r\nbody\r\n0\r\n\r\n"),
              HasSubstr("/echo|body"));
  EXPECT_EQ(status_of(answer("GET /echo HTTP/1.0\r\n\r\n")), 200);
  EXPECT_EQ(status_of(answer_to_head("X-Empty:\r\nX-Blank: \r\nX-Tail: a \t\r\nX-Tab:\ta\r\n")),
            200);
}

TEST_F(HttpStrictness, ABodyOfAmbiguousLengthIs400) {
  for (const std::string lines :
       {"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Content-Length: 4\r\nContent-Length: 4\r\n", "Content-Length: 4\r\nContent-Length: 5\r\n",
        "Content-Length: 4, 4\r\n", "Content-Length: +4\r\n", "Content-Length: 4 4\r\n",
        "Content-Length: -1\r\n", "Content-Length:\r\n", "Content-Length: 0x4\r\n",
        "Transfer-Encoding: gzip\r\n", "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n", "Content-Length : 4\r\n",
        "Transfer-Encoding : chunked\r\n"}) {
    const auto got = answer("POST /echo HTTP/1.1\r\nHost: a\r\n" + lines +
                            "\r\n0\r\n\r\nGET /echo/smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(status_of(got), 400) << lines << got;
    EXPECT_THAT(got, Not(HasSubstr("smuggled"))) << lines;
  }
  EXPECT_EQ(
      status_of(answer(
          "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n")) /
          100,
      4);
  EXPECT_EQ(status_of(answer("POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")),
            400);
}

TEST_F(HttpStrictness, NulAndOtherHiddenBytesAre400) {
  using namespace std::string_literals;
  for (const std::string& lines :
       {"X-Any: a\0b\r\n"s, "X-Any: a\0\0\0\0\0\0b\r\n"s, "X\0Y: a\r\n"s, "X-Any:\0\r\n"s,
        "X-Any: a\0\r\n"s, "X-Any: a\x01\r\n"s, "X-Any: a\x7F\r\n"s, "X-Any: a\rb\r\n"s,
        "X-Any: a\nX-Other: b\r\n"s, "X-Any: a\r\n folded\r\n"s, "X-Any: a\r\n\tfolded\r\n"s,
        " X-Any: a\r\n"s, "X Any: a\r\n"s, "X-Any : a\r\n"s, ": a\r\n"s, "no colon\r\n"s}) {
    EXPECT_EQ(status_of(answer_to_head(lines)), 400) << testing::PrintToString(lines);
  }
  // In the last header nothing comes behind it.
  EXPECT_EQ(status_of(answer("GET /echo HTTP/1.1\r\nHost: a\r\nX-Any: a\0\0\0\0b\r\n\r\n"s)), 400);
  EXPECT_EQ(status_of(answer("GET /echo HTTP/1.1\r\nHost: a\r\nX-Any: a\0\r\n\r\n"s)), 400);
  for (const std::string& target : {"/echo%00"s, "/ec ho"s, "/echo\x01"s})
    EXPECT_EQ(status_of(answer_to_head("", target)), 400) << testing::PrintToString(target);
  // libmicrohttpd 1.0 closes the connection without an answer.
  const int refused = MHD_VERSION < 0x01000000 ? 400 : 0;
  for (const std::string& target : {"/echo\0/b"s, "/echo?a\0=b"s})
    EXPECT_EQ(status_of(answer_to_head("", target)), refused) << testing::PrintToString(target);
}

TEST_F(HttpStrictness, RepeatedOrMissingHeadersThatMatterAre400) {
  EXPECT_EQ(status_of(answer("GET /echo HTTP/1.1\r\nConnection: close\r\n\r\n")), 400) << "no Host";
  EXPECT_EQ(status_of(answer_to_head("Host: b\r\n")), 400);
  EXPECT_EQ(status_of(answer_to_head("Authorization: Bearer a\r\nauthorization: Bearer b\r\n")),
            400);
  EXPECT_EQ(status_of(answer_to_head("Authorization: Bearer a\r\nX-Authorization: Bearer b\r\n")),
            200);
}

TEST_F(HttpStrictness, LargeHeadsAreRefusedWithAnAnswer) {
  const std::string large(20 * 1024, 'x');
  EXPECT_EQ(status_of(answer_to_head("X-Any: " + large + "\r\n")), 431);
  EXPECT_EQ(status_of(answer_to_head("", "/echo?scope=" + large)), 414);
  EXPECT_EQ(status_of(answer_to_head("X-Any: " + std::string(7 * 1024, 'x') + "\r\n",
                                     "/echo?scope=" + std::string(7 * 1024, 'x'))),
            200);
  std::string many;
  for (int i = 0; i < 200; ++i) many += "X: a\r\n";
  EXPECT_EQ(status_of(answer_to_head(many)), 431);
  std::string very_many;
  for (int i = 0; i < 3000; ++i) very_many += "X:\r\n";
  EXPECT_EQ(status_of(answer_to_head(very_many)), 431);
  std::string cookies = "Cookie: ";
  for (int i = 0; i < 6000; ++i) cookies += "a;";
  EXPECT_THAT(status_of(answer_to_head(cookies + "\r\n")), testing::AnyOf(200, 431))
      << "libmicrohttpd 0.9.75 takes more memory for cookies than 1.0";
  std::string parameters = "/echo?";
  for (int i = 0; i < 3500; ++i) parameters += "a&";
  EXPECT_EQ(status_of(answer_to_head("", parameters)), 200);
}

TEST_F(HttpStrictness, EndlessHeadsAreRefusedWithAnAnswer) {
  const std::string endless(200 * 1024, 'x');
  EXPECT_EQ(status_of(answer("GET /echo HTTP/1.1\r\nHost: a\r\nX-Any: " + endless)), 431);
  EXPECT_EQ(status_of(answer("GET /" + endless)), 414);
}

TEST_F(HttpStrictness, ALargeBodyIs413AndTheConnectionGoesOn) {
  RawClient client(server.bound_port());
  const std::string body(Limits{}.body_bytes + 1, 'b');
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
              "\r\n\r\n" + body);
  EXPECT_EQ(status_of(client.receive("bytes\n")), 413);
  client.send("GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(status_of(client.receive()), 200);
}

TEST(HttpAnswers, AnAnswerIsNeverSentWithoutOneOfItsHeaders) {
  const kube::CapturedLog log;
  const auto with = [](std::string value) {
    return [value](const HttpRequest&) {
      return HttpAnswer{.headers = {{"X-Auth-Request-Groups", value}}};
    };
  };
  HttpServer server({}, Routes({{"GET", "/empty", with("")},
                                {"GET", "/split", with("a\r\nX-Other: b")},
                                {"GET", "/large", with(std::string(20 * 1024, 'x'))},
                                {"GET", "/good", with(std::string(10 * 1024, 'x'))}}));
  ASSERT_TRUE(server.start("--flag", "127.0.0.1:0"));
  const auto get = [&](const std::string& path) {
    RawClient client(server.bound_port());
    client.send("GET " + path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    return client.receive();
  };
  for (const char* path : {"/empty", "/split", "/large"}) {
    const auto got = get(path);
    EXPECT_EQ(status_of(got), 500) << path;
    EXPECT_THAT(got, Not(HasSubstr("X-Other"))) << path;
  }
  EXPECT_EQ(log.count("cannot send an answer"), 3) << log.text();
  EXPECT_EQ(log.count("X-Auth-Request-Groups"), 2) << log.text();
  EXPECT_EQ(status_of(get("/good")), 200);
}

TEST(HttpAnswers, TheLargestHeadGetsTheLargestAnswer) {
  HttpServer server({}, [](const HttpRequest&) -> HttpReply {
    return HttpAnswer{.headers = {{"X-Large", std::string(Limits{}.answer_head_bytes - 100, 'x')}}};
  });
  ASSERT_TRUE(server.start("--flag", "127.0.0.1:0"));
  std::string cookies = "Cookie: ";
  for (int i = 0; i < 60; ++i)
    cookies += "c" + std::to_string(i) + "=" + std::string(240, 'v') + "; ";
  std::string lines = "Host: a\r\n" + cookies + "a=b\r\n";
  for (int i = 0; i < 90; ++i) lines += "X" + std::to_string(i) + ": v\r\n";
  ASSERT_LT(lines.size(), Limits{}.head_bytes - 50);
  ASSERT_GT(lines.size(), Limits{}.head_bytes - 1000);
  RawClient client(server.bound_port());
  for (int i = 0; i < 3; ++i) {
    client.send("GET / HTTP/1.1\r\n" + lines + "\r\n");
    EXPECT_EQ(status_of(client.receive("\r\n\r\n")), 200);
  }
}

TEST(HttpAnswers, AHeaderMayBeRepeated) {
  HttpServer server({}, [](const HttpRequest&) -> HttpReply {
    return HttpAnswer{.headers = {{"Set-Cookie", "a=1"}, {"Set-Cookie", "b=2"}}};
  });
  ASSERT_TRUE(server.start("--flag", "127.0.0.1:0"));
  RawClient client(server.bound_port());
  client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const auto got = client.receive();
  EXPECT_THAT(got, HasSubstr("Set-Cookie: a=1\r\n"));
  EXPECT_THAT(got, HasSubstr("Set-Cookie: b=2\r\n"));
}

}  // namespace
}  // namespace apitoken::serve
