// Watch streams, in pieces as a network delivers them, and the decoders and plans of the objects in
// them.
#include "api/api_token.hpp"
#include "api/secret.hpp"
#include "api/token_expiry_config.hpp"
#include "core/expiry_config.hpp"
#include "core/plan_token.hpp"
#include "core/validate.hpp"
#include "fuzz/fuzz.hpp"
#include "kube/watch_decoder.hpp"

namespace apitoken::fuzz {
namespace {

constexpr WallTime kNow{Seconds(1774355400)};

void plan(const api::ApiToken& token) {
  (void)core::check_token(token, core::ReservedNames{});
  const core::Observed observed{.now = kNow, .token = token};
  (void)core::to_text(core::plan_token(observed));
}

void decode(const kube::WatchEvent& event) {
  if (const auto token = api::decode_api_token(event.object)) plan(*token);
  if (const auto config = api::decode_token_expiry_config(event.object)) {
    const auto read = core::read_config(*config);  // selectors, durations and addresses in it
    (void)core::applies(read, config->meta.labels, config->meta.annotations);
  }
  (void)api::decode_secret_meta(event.object);
  (void)api::decode_secret_value(event.object, "token");
}

}  // namespace

void fuzz(std::string_view input) {
  kube::WatchDecoder decoder(1 << 20);
  for (std::size_t at = 0; at < input.size();) {
    const std::size_t size = std::min<std::size_t>(input.size() - at, 1 + at % 97);
    if (!decoder.feed(input.substr(at, size), decode)) return;
    at += size;
  }
}

}  // namespace apitoken::fuzz
