#include "core/token_urgency.hpp"

#include <gtest/gtest.h>

#include "api/names.hpp"

namespace apitoken::core {
namespace {

using namespace std::chrono_literals;

class TokenUrgency : public ::testing::Test {
 protected:
  TokenUrgency() {
    token_.meta.uid = "u";
    token_.meta.generation = 1;
    token_.spec.user = "alice";
    token_.status.token_hash = "sha256:x";
    token_.status.expires_at = now_ + 100h;
    token_.status.warn_at = now_ + 50h;
    token_.status.conditions.push_back(
        {.type = "Ready", .status = "True", .reason = "Issued", .message = ""});
  }
  Urgency urgency() const { return token_urgency(token_, now_); }

  const WallTime now_{1000000h};
  api::ApiToken token_;
};

TEST_F(TokenUrgency, OfASettledTokenIsCosmetic) { EXPECT_EQ(urgency(), Urgency::Cosmetic); }

TEST_F(TokenUrgency, OfATokenWithoutAValueIsValue) {
  token_.status = {};
  EXPECT_EQ(urgency(), Urgency::Value);
}

TEST_F(TokenUrgency, OfARevocationIsValueUntilTheHashesAreGone) {
  token_.spec.revoked = true;
  EXPECT_EQ(urgency(), Urgency::Value);
  token_.status.token_hash.clear();
  EXPECT_EQ(urgency(), Urgency::Cosmetic);
}

TEST_F(TokenUrgency, OfAnExpiryIsValueUntilTheStatusReportsIt) {
  token_.status.expires_at = now_;
  EXPECT_EQ(urgency(), Urgency::Value);
  token_.status.conditions[0].reason = "Expired";
  EXPECT_EQ(urgency(), Urgency::Cosmetic);
}

TEST_F(TokenUrgency, OfARotationThatIsDueOrRequestedIsValue) {
  token_.status.rotate_at = now_;
  EXPECT_EQ(urgency(), Urgency::Value);
  token_.status.rotate_at.reset();
  token_.meta.annotations.emplace(api::kRotateRequestAnnotation, "2026-01-01T00:00:00Z");
  EXPECT_EQ(urgency(), Urgency::Value);
  token_.status.last_rotation_request = "2026-01-01T00:00:00Z";
  EXPECT_EQ(urgency(), Urgency::Cosmetic);
}

TEST_F(TokenUrgency, OfATokenPastItsWarningIsANotice) {
  token_.status.warn_at = now_;
  EXPECT_EQ(urgency(), Urgency::Notice);
}

TEST_F(TokenUrgency, OfAChangeDependsOnSpecAndLabels) {
  auto after = token_;
  EXPECT_EQ(change_urgency(token_, after, now_), Urgency::Cosmetic);
  after.meta.labels.emplace("team", "a");
  EXPECT_EQ(change_urgency(token_, after, now_), Urgency::Notice);
  after.meta.generation = 2;
  EXPECT_EQ(change_urgency(token_, after, now_), Urgency::Value);
  after = token_;
  after.status.token_hash = "sha256:somebody else wrote it";
  EXPECT_EQ(change_urgency(token_, after, now_), Urgency::Value);
}

TEST_F(TokenUrgency, RecognisesAChangeOfTheStatusAlone) {
  auto after = token_;
  after.meta.resource_version = "2";
  after.status.token_hash = "sha256:y";
  EXPECT_TRUE(is_status_change(token_, after));
  after.meta.annotations.emplace("a", "b");
  EXPECT_FALSE(is_status_change(token_, after));
  after = token_;
  after.meta.generation = 2;
  EXPECT_FALSE(is_status_change(token_, after));
}

}  // namespace
}  // namespace apitoken::core
