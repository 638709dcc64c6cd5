// Requests about tokens, and thousands of seeded distortions of each, through the endpoints as they
// stand together: what a fuzz target, which sees one piece, cannot show. Set APITOKEN_SEED to play
// one again.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "api/api_token.hpp"
#include "base/log.hpp"
#include "core/token_format.hpp"
#include "fuzz/distort.hpp"
#include "serve/request_head.hpp"
#include "support/no_api_server.hpp"
#include "support/requests.hpp"
#include "verify/endpoints.hpp"

namespace apitoken {
namespace {

// Calls `decode` with each file of a corpus as it is, then with distortions of it.
template <typename Decode>
void replay(const char* corpus, int distortions, Decode decode) {
  auto random = fuzz::seeded_random();
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(
           std::filesystem::path(APITOKEN_SOURCE_DIR) / "tests/fuzz/corpus" / corpus)) {
    std::ostringstream text;
    text << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    decode(text.str());
    for (int i = 0; i < distortions; ++i) decode(fuzz::distort(text.str(), random));
    ++files;
  }
  EXPECT_GT(files, 0) << corpus;
}

void expect_sound(const serve::HttpReply& reply) {
  const auto* answer = std::get_if<serve::HttpAnswer>(&reply);
  ASSERT_NE(answer, nullptr);
  EXPECT_TRUE(answer->status == 200 || (answer->status >= 400 && answer->status < 404))
      << answer->status;
  for (const auto& [name, value] : answer->headers)
    EXPECT_EQ(value.find_first_of("\r\n"), value.npos) << name;
}

// What is said of each as body, as Authorization and as scopes demanded.
TEST(Replay, RequestsAboutTokens) {
  auto sink = log::exchange_sink(nullptr);
  const SystemClock clock;
  kube::Store<api::ApiToken> store;
  verify::TokenIndex index(store, clock);
  store.set_listener([&](const kube::Change<api::ApiToken>& change) { index.follow(change); });
  api::ApiToken good;
  good.spec.user = "alice";
  good.meta.resource_version = "1";
  good.status.token_hash = core::token_hash("good");
  good.status.expires_at = clock.wall() + std::chrono::hours(1);
  store.observe("", good);
  const verify::Verifier verifier(
      index, [](std::string_view) { return true; }, [](const api::ApiToken&, WallTime) {});
  NoTransport transport;
  NoObserver observer;
  kube::Client client(transport, observer);
  serve::CallerReviews reviews(client, serve::kMayIntrospect, {}, clock);
  verify::VerifyMetrics metrics;
  verify::DeferredAnswers deferred;
  verify::Endpoints endpoints(verifier, reviews, deferred, {}, metrics, [] { return true; }, clock);
  const serve::Routes routes(endpoints.routes());
  using serve::request_of;
  replay("requests", 5000, [&](const std::string& text) {
    expect_sound(routes.serve(request_of("POST", "/tokenreview", {}, "application/json", text)));
    auto introspection =
        request_of("POST", "/introspect", {}, "application/x-www-form-urlencoded", text);
    introspection.certified = [] { return true; };
    expect_sound(routes.serve(introspection));
    expect_sound(routes.serve(request_of("GET", "/auth", text)));
    expect_sound(
        routes.serve(request_of("GET", "/auth", "Bearer good", {}, {}, {{"scope", text}})));
    expect_sound(
        routes.serve(request_of("GET", "/auth", "Bearer good", {}, {}, serve::decode_form(text))));
    (void)core::parse_hash(text);
  });
  log::exchange_sink(std::move(sink));
}

}  // namespace
}  // namespace apitoken
