// Every file of the corpora, and thousands of seeded distortions of each, through the decoders of what others wrote.
// Nothing may crash, hang or throw; sanitizer builds see the rest. Set APITOKEN_SEED to play one again.
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "api/api_token.hpp"
#include "api/secret.hpp"
#include "api/token_expiry_config.hpp"
#include "base/base64.hpp"
#include "base/duration.hpp"
#include "base/rfc3339.hpp"
#include "core/addresses.hpp"
#include "core/expiry_config.hpp"
#include "core/plan_token.hpp"
#include "core/validate.hpp"
#include "kube/kubeconfig.hpp"
#include "kube/watch_decoder.hpp"
#include "serve/request_head.hpp"
#include "unit/serve/requests.hpp"
#include "verify/endpoints.hpp"

namespace apitoken {
namespace {

std::string distort(std::string text, std::mt19937_64& random) {
  const auto below = [&](std::size_t limit) { return limit == 0 ? 0 : static_cast<std::size_t>(random() % limit); };
  for (std::size_t times = below(4) + 1; times > 0; --times) {
    const std::size_t at = below(text.size());
    switch (below(5)) {
      case 0:
        if (!text.empty()) text[at] = static_cast<char>(random());
        break;
      case 1:
        text.resize(at);
        break;
      case 2:
        text.erase(at, below(20));
        break;
      case 3:
        text.insert(at, text.substr(below(text.size()), below(40)));
        break;
      default:
        text.insert(at, std::string_view("\"{}[]:;,\\\n\r\0<>@\x80\xFF"
                                         "0-",
                                         19)
                            .substr(below(18), 1));
        break;
    }
  }
  return text;
}

// Calls `decode` with each file of a corpus as it is, then with distortions of it.
template <typename Decode>
void replay(const char* corpus, int distortions, Decode decode) {
  const char* given = std::getenv("APITOKEN_SEED");
  std::mt19937_64 random(given ? std::strtoull(given, nullptr, 10) : 20261124);
  int files = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(APITOKEN_SOURCE_DIR) / "tests/fuzz/corpus" / corpus)) {
    std::ostringstream text;
    text << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    decode(text.str());
    for (int i = 0; i < distortions; ++i) decode(distort(text.str(), random));
    ++files;
  }
  EXPECT_GT(files, 0) << corpus;
}

void plan(const api::ApiToken& token) {
  const core::Observed observed{WallTime(std::chrono::seconds(1774355400)), token, {}, {}, {}};
  core::to_text(core::plan_token(observed));
}

TEST(Replay, WatchLines) {
  replay("watch", 3000, [](const std::string& text) {
    kube::WatchDecoder decoder(1 << 20);
    std::size_t at = 0;
    while (at < text.size()) {  // in pieces, as a network would
      const std::size_t size = std::min<std::size_t>(text.size() - at, 1 + at % 97);
      const auto fed = decoder.feed(std::string_view(text).substr(at, size), [](const kube::WatchEvent& event) {
        if (const auto token = api::decode_api_token(event.object)) plan(*token);
        if (const auto config = api::decode_token_expiry_config(event.object)) core::read_config(*config);
        (void)api::decode_secret_meta(event.object);
        (void)api::decode_secret_value(event.object, "token");
      });
      if (!fed) break;
      at += size;
    }
  });
}

TEST(Replay, Kubeconfigs) {
  const auto path = std::filesystem::temp_directory_path() / ("kubeconfig-replay-" + std::to_string(getpid()));
  replay("kubeconfig", 300, [&](const std::string& text) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
    (void)kube::load_kubeconfig(path);
  });
  std::filesystem::remove(path);
}

TEST(Replay, AddressesDurationsTimesAndBase64) {
  replay("addresses", 5000, [](const std::string& text) {
    const auto list = core::parse_address_list(text);
    for (const auto& address : list.addresses) {  // what passes can stand in a header
      EXPECT_EQ(address.find_first_of(std::string_view("\r\n\0", 3)), address.npos) << address;
      const auto quoted = address.starts_with('"') ? address.rfind('"') + 1 : 0;
      EXPECT_EQ(address.find_first_of("<>; \"", quoted), address.npos) << address;
      EXPECT_EQ(core::parse_address(address), address);
    }
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      (void)core::parse_mailbox(line);
      (void)core::parse_server(line);
      (void)core::is_dns_subdomain(line);
      (void)parse_duration(line);
      (void)parse_rfc3339(line);
      (void)base64_decode(line);
    }
  });
}

class NoTransport final : public kube::Transport {
 public:
  Result<kube::HttpResponse> send(const kube::HttpRequest&, std::stop_token) override { return none(); }
  Result<kube::HttpResponse> stream(const kube::HttpRequest&, std::stop_token,
                                    const std::function<bool(std::string_view)>&) override {
    return none();
  }

 private:
  static std::unexpected<Error> none() { return fail(ErrorKind::Unavailable, "there is no API server"); }
};

class NoObserver final : public kube::RequestObserver {
 public:
  void request_done(std::string_view, std::string_view) override {}
};

void expect_sound(const serve::HttpReply& reply) {
  const auto* answer = std::get_if<serve::HttpAnswer>(&reply);
  ASSERT_NE(answer, nullptr);
  EXPECT_TRUE(answer->status == 200 || (answer->status >= 400 && answer->status < 404)) << answer->status;
  for (const auto& [name, value] : answer->headers) EXPECT_EQ(value.find_first_of("\r\n"), value.npos) << name;
}

// What is said of each as body, as Authorization and as scopes demanded.
TEST(Replay, RequestsAboutTokens) {
  spdlog::set_level(spdlog::level::off);
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
  const verify::Verifier verifier(index, [](std::string_view) { return true; }, [](const api::ApiToken&, WallTime) {});
  NoTransport transport;
  NoObserver observer;
  kube::Client client(transport, observer);
  serve::Callers callers(client, serve::kMayIntrospect, {}, clock);
  verify::VerifyMetrics metrics;
  verify::DeferredAnswers deferred;
  verify::Endpoints endpoints(verifier, callers, deferred, {}, metrics, [] { return true; }, clock);
  const serve::Routes routes(endpoints.routes());
  using serve::request_of;
  replay("requests", 5000, [&](const std::string& text) {
    expect_sound(routes.serve(request_of("POST", "/tokenreview", {}, "application/json", text)));
    auto introspection = request_of("POST", "/introspect", {}, "application/x-www-form-urlencoded", text);
    introspection.certified = [] { return true; };
    expect_sound(routes.serve(introspection));
    expect_sound(routes.serve(request_of("GET", "/auth", text)));
    expect_sound(routes.serve(request_of("GET", "/auth", "Bearer good", {}, {}, {{"scope", text}})));
    expect_sound(routes.serve(request_of("GET", "/auth", "Bearer good", {}, {}, serve::decode_form(text))));
    (void)core::parse_hash(text);
  });
  spdlog::set_level(spdlog::level::info);
}

}  // namespace
}  // namespace apitoken
