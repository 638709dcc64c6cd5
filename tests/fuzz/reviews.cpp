// TokenReviews that a webhook's caller sends, and the API server's answers to ours.
#include "api/review.hpp"
#include "fuzz/fuzz.hpp"

namespace apitoken::fuzz {

void fuzz(std::string_view input) {
  api::JsonParser parser;
  const auto review = parser.parse(input);
  if (!review) return;
  if (const auto question = api::decode_token_question(*review))
    require(!question->api_version.empty(), "a review that is read has a version to answer in");
  (void)api::decode_access_verdict(*review);
  const auto verdict = api::decode_token_verdict(*review);
  if (!verdict) return;
  api::JsonParser again;
  const auto written = api::encode_token_verdict("authentication.k8s.io/v1", *verdict);
  require(again.parse(written).has_value(), "a verdict is JSON");
  require(again.parse(api::encode_access_question(verdict->user, "get", "", "secrets")).has_value(),
          "a question is JSON");
}

}  // namespace apitoken::fuzz
