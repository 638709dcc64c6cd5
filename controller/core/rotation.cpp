// Computes the instants of rotation.
#include "core/rotation.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "api/names.hpp"
#include "base/duration.hpp"
#include "base/rfc3339.hpp"
#include "core/hash.hpp"
#include "core/lifetimes.hpp"

namespace apitoken::core {
namespace {

constexpr Seconds kOverlapPermanent{std::chrono::hours(24)};
constexpr Seconds kOverlapTemporary{std::chrono::minutes(5)};
constexpr int kSpreadShare = 10;  // a tenth
constexpr int kOverdueShare = 10;

// A duration in [0, range], spread evenly over texts and equal for equal texts.
Seconds spread_by(const std::string& text, Seconds range) {
  const std::uint64_t number = std::stoull(sha256_hex(text).substr(0, 8), nullptr, 16);
  return Seconds(
      static_cast<std::int64_t>(number * static_cast<std::uint64_t>(range.count() + 1) >> 32));
}

// If a ceiling cut the ttl below spec.rotation.before, half the ttl.
Seconds before_expiry(const api::ApiTokenSpec& spec, Seconds ttl) {
  const auto written =
      spec.rotation->before ? parse_duration(*spec.rotation->before) : std::nullopt;
  if (!written) return ttl / 3;
  return *written < ttl ? *written : ttl / 2;
}

}  // namespace

bool rotates_automatically(const api::ApiTokenSpec& spec) {
  return spec.rotation->policy == api::kAutomatic && token_type(spec) == TokenType::Permanent;
}

Seconds overlap(const api::ApiTokenSpec& spec) {
  const auto written =
      spec.rotation->overlap ? parse_duration(*spec.rotation->overlap) : std::nullopt;
  return written.value_or(token_type(spec) == TokenType::Temporary ? kOverlapTemporary
                                                                   : kOverlapPermanent);
}

std::optional<WallTime> automatic_rotation(const api::ApiToken& token, Seconds ttl,
                                           WallTime expires_at) {
  if (!rotates_automatically(token.spec)) return {};
  const Seconds before = before_expiry(token.spec, ttl);
  const Seconds range = std::min(before, ttl - before) / kSpreadShare;
  return expires_at - before -
         spread_by(fmt::format("{}|{}", token.meta.uid, format_rfc3339(expires_at)), range);
}

WallTime rotation_overdue(WallTime rotate_at, WallTime expires_at) {
  return rotate_at + (expires_at - rotate_at) / kOverdueShare;
}

std::optional<RotationRequest> rotation_request(const api::ApiToken& token) {
  const auto found = token.meta.annotations.find(api::kRotateRequestAnnotation);
  if (found == token.meta.annotations.end() ||
      found->second == token.status.last_rotation_request ||
      found->second == token.status.ignored_rotation_request) {
    return {};
  }
  return RotationRequest{found->second, parse_rfc3339(found->second).has_value()};
}

std::optional<WallTime> shown_until(const api::ApiTokenSpec& spec,
                                    const api::ApiTokenStatus& status) {
  if (status.delivered_at) return status.delivered_at;
  const auto after =
      spec.secret->delete_after ? parse_duration(*spec.secret->delete_after) : std::nullopt;
  if (!after || !status.issued_at) return {};
  return *status.issued_at + *after;
}

}  // namespace apitoken::core
