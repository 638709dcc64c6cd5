#include "serve/expiry_collector.hpp"

#include <prometheus/metric_family.h>

#include <algorithm>
#include <array>

#include "api/names.hpp"

namespace apitoken::serve {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;

constexpr std::size_t kPartSize = 256;  // series of one family in memory at a time

// The values of the labels. A token that the operator has not touched yet is Pending.
constexpr std::array kTypes{api::kPermanent, api::kTemporary};
constexpr std::array kReasons{api::reason::kPending,        api::reason::kInvalidSpec,
                              api::reason::kSecretConflict, api::reason::kIssued,
                              api::reason::kRotated,        api::reason::kExpiringSoon,
                              api::reason::kExpired,        api::reason::kRevoked};

struct Horizon {
  const char* text;
  Seconds length;
};
constexpr std::array kHorizons{Horizon{"1d", std::chrono::days(1)},
                               Horizon{"7d", std::chrono::days(7)},
                               Horizon{"30d", std::chrono::days(30)}};

template <std::size_t n>
std::size_t index_in(const std::array<std::string_view, n>& set, std::string_view value) {
  const auto found = std::ranges::find(set, value);
  return found == set.end() ? 0 : static_cast<std::size_t>(found - set.begin());
}

std::size_t type_index(const api::ApiToken& token) {
  if (!token.status.type.empty()) return index_in(kTypes, token.status.type);
  return index_in(kTypes, token.spec.type.value_or(""));
}

std::size_t reason_index(const api::ApiToken& token) {
  const auto* ready = api::find_condition(token.status.conditions, api::condition::kReady);
  return ready == nullptr ? 0 : index_in(kReasons, ready->reason);
}

bool is_revoked(const api::ApiToken& token) {
  return token.spec.revoked || kReasons[reason_index(token)] == api::reason::kRevoked;
}

ClientMetric gauge(std::vector<ClientMetric::Label> labels, double value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.gauge.value = value;
  return metric;
}

double seconds_since_1970(WallTime time) {
  return static_cast<double>(time.time_since_epoch().count());
}

MetricFamily gauge_family(const char* name, const char* help) {
  return {name, help, prometheus::MetricType::Gauge, {}};
}

MetricFamily empty_family(TokenFamily family) {
  switch (family) {
    case TokenFamily::Expiration:
      return gauge_family(
          "apitoken_expiration_timestamp_seconds",
          "When the token expires or expired, in seconds since 1970. Absent for revoked tokens.");
    case TokenFamily::Warning:
      return gauge_family("apitoken_warning_timestamp_seconds",
                          "When warnings about the token's expiry begin or began, in seconds since "
                          "1970. Absent for tokens "
                          "that nobody is warned about.");
    case TokenFamily::Rotation:
      return gauge_family("apitoken_rotation_started_timestamp_seconds",
                          "When the rotation began whose new value is not in the Secret yet, in "
                          "seconds since 1970. "
                          "Absent for tokens without an unfinished rotation.");
    case TokenFamily::About:
      break;
  }
  return gauge_family("apitoken_info",
                      "Always 1; the labels tell the token's type, format and state.");
}

// The new value's hash is in the status, but the value is not in the Secret yet.
bool is_rotation_unfinished(const api::ApiToken& token) {
  return token.status.previous && !token.status.previous->replaced_at;
}

std::optional<WallTime> instant(TokenFamily family, const api::ApiToken& token) {
  if (is_revoked(token)) return {};
  if (family == TokenFamily::Expiration) return token.status.expires_at;
  if (family == TokenFamily::Warning) return token.status.warn_at;
  return is_rotation_unfinished(token) ? token.status.last_rotation_time : std::nullopt;
}

std::optional<ClientMetric> series(TokenFamily family, const api::ApiToken& token) {
  const auto key = [&token] {
    return std::vector<ClientMetric::Label>{{"namespace", token.meta.ns},
                                            {"name", token.meta.name}};
  };
  if (family == TokenFamily::About) {
    auto labels = key();
    labels.reserve(5);
    labels.push_back({"type", std::string(kTypes[type_index(token)])});
    labels.push_back(
        {"format", std::string(token.spec.format == api::kJwt ? api::kJwt : api::kOpaque)});
    labels.push_back({"reason", std::string(kReasons[reason_index(token)])});
    return gauge(std::move(labels), 1);
  }
  const auto time = instant(family, token);
  if (!time) return {};
  return gauge(key(), seconds_since_1970(*time));
}

// The counts of FleetCollector.
struct Fleet {
  std::array<std::array<double, kReasons.size()>, kTypes.size()> tokens{};
  std::array<double, kHorizons.size()> expiring{};
  double rotation_unfinished = 0;

  void count(const api::ApiToken& token, WallTime now) {
    ++tokens[type_index(token)][reason_index(token)];
    if (is_rotation_unfinished(token)) ++rotation_unfinished;
    const auto& expires_at = token.status.expires_at;
    if (!expires_at || *expires_at <= now || is_revoked(token)) return;
    for (std::size_t i = 0; i < kHorizons.size(); ++i) {
      if (*expires_at - now <= kHorizons[i].length) ++expiring[i];
    }
  }
};

}  // namespace

void TokenCollector::collect_parts(const Tell& tell) const {
  std::vector<MetricFamily> part{empty_family(family_)};
  auto& metrics = part.front().metric;
  metrics.reserve(kPartSize);
  for_each_([&](const api::ApiToken& token) {
    if (auto metric = series(family_, token)) metrics.push_back(std::move(*metric));
    if (metrics.size() < kPartSize) return;
    tell(part);
    metrics.clear();
  });
  if (!metrics.empty()) tell(part);
}

std::vector<MetricFamily> FleetCollector::Collect() const {
  Fleet fleet;
  for_each_([&fleet, now = clock_.wall()](const api::ApiToken& token) { fleet.count(token, now); });

  auto tokens = gauge_family(
      "apitokens", "Number of ApiTokens by type and by the reason of their Ready condition.");
  for (std::size_t type = 0; type < kTypes.size(); ++type) {
    for (std::size_t reason = 0; reason < kReasons.size(); ++reason) {
      tokens.metric.push_back(
          gauge({{"type", std::string(kTypes[type])}, {"reason", std::string(kReasons[reason])}},
                fleet.tokens[type][reason]));
    }
  }
  auto expiring = gauge_family("apitokens_expiring",
                               "Number of valid ApiTokens that expire within this time; each also "
                               "counts in the longer ones.");
  for (std::size_t i = 0; i < kHorizons.size(); ++i) {
    expiring.metric.push_back(gauge({{"within", kHorizons[i].text}}, fleet.expiring[i]));
  }
  auto unfinished = gauge_family(
      "apitokens_rotation_unfinished",
      "Number of ApiTokens whose rotation has not put the new value into the Secret yet.");
  unfinished.metric.push_back(gauge({}, fleet.rotation_unfinished));
  return {std::move(tokens), std::move(expiring), std::move(unfinished)};
}

}  // namespace apitoken::serve
