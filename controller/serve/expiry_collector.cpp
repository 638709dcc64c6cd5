// Counts tokens, and writes the series of each token part by part.
#include "serve/expiry_collector.hpp"

#include <fmt/format.h>
#include <prometheus/metric_family.h>

#include <algorithm>
#include <array>

#include "api/names.hpp"

namespace apitoken::serve {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;

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

MetricFamily gauge_family(const char* name, const char* help) {
  return {name, help, prometheus::MetricType::Gauge, {}};
}

struct Head {
  const char* name;
  const char* help;
};
Head head_of(TokenFamily family) {
  switch (family) {
    case TokenFamily::Expiration:
      return {
          "apitoken_expiration_timestamp_seconds",
          "When the token expires or expired, in seconds since 1970. Absent for revoked tokens."};
    case TokenFamily::Warning:
      return {
          "apitoken_warning_timestamp_seconds",
          "When warnings about the token's expiry begin or began, in seconds since 1970. Absent "
          "for tokens that nobody is warned about."};
    case TokenFamily::Rotation:
      return {"apitoken_rotation_started_timestamp_seconds",
              "When the rotation began whose new value is not in the Secret yet, in seconds since "
              "1970. Absent for tokens without an unfinished rotation."};
    case TokenFamily::About:
      break;
  }
  return {"apitoken_info", "Always 1; the labels tell the token's type, format and state."};
}

// The new value's hash is in the status, but the value is not in the Secret yet.
bool is_rotation_unfinished(const api::ApiToken& token) {
  return token.status.previous && !token.status.previous->replaced_at;
}

std::optional<WallTime> instant(TokenFamily family, const api::ApiToken& token) {
  if (family == TokenFamily::About || is_revoked(token)) return {};
  if (family == TokenFamily::Expiration) return token.status.expires_at;
  if (family == TokenFamily::Warning) return token.status.warn_at;
  return is_rotation_unfinished(token) ? token.status.last_rotation_time : std::nullopt;
}

// Escapes as the text format asks for, although names of Kubernetes objects need none.
// Source: https://prometheus.io/docs/instrumenting/exposition_formats/#text-format-details
void write_label_value(std::string& text, std::string_view value) {
  const auto is_special = [](char c) { return c == '\\' || c == '"' || c == '\n'; };
  if (std::ranges::none_of(value, is_special)) {
    text.append(value);
    return;
  }
  for (const char c : value) {
    if (is_special(c)) text.push_back('\\');
    text.push_back(c == '\n' ? 'n' : c);
  }
}

void write_series(std::string& text, const char* name, TokenFamily family,
                  const api::ApiToken& token) {
  const auto time = instant(family, token);
  if (family != TokenFamily::About && !time) return;
  text.append(name).append("{namespace=\"");
  write_label_value(text, token.meta.ns);
  text.append("\",name=\"");
  write_label_value(text, token.meta.name);
  if (family != TokenFamily::About) {
    const fmt::format_int seconds(time->time_since_epoch().count());
    text.append("\"} ").append(seconds.data(), seconds.size()).append("\n");
    return;
  }
  const bool is_jwt = token.spec.format == api::kJwt;
  text.append("\",type=\"").append(kTypes[type_index(token)]);
  text.append("\",format=\"").append(is_jwt ? api::kJwt : api::kOpaque);
  text.append("\",reason=\"").append(kReasons[reason_index(token)]).append("\"} 1\n");
}

class TokenParts final : public PartwiseSource::Parts {
 public:
  TokenParts(TokenFamily family, const VisitTokensAfter& visit_after)
      : family_(family), head_(head_of(family)), visit_after_(visit_after) {}

  bool write_part(std::string& text) override {
    const auto begin = text.size();
    api::ObjectKey last = last_;
    const auto visited = visit_after_(last_, kPartSize, [&](const auto& token) {
      write_series(text, head_.name, family_, token);
      last = token.meta.key();
    });
    last_ = std::move(last);
    if (!has_begun_ && text.size() > begin) {
      has_begun_ = true;
      text.insert(begin, fmt::format("# HELP {0} {1}\n# TYPE {0} gauge\n", head_.name, head_.help));
    }
    return visited == kPartSize;
  }

 private:
  const TokenFamily family_;
  const Head head_;
  const VisitTokensAfter& visit_after_;
  api::ObjectKey last_;     // of the parts so far
  bool has_begun_ = false;  // a family without series has no head
};

}  // namespace

struct FleetCollector::Fleet {
  std::array<std::array<double, kReasons.size()>, kTypes.size()> tokens{};
  std::array<double, kHorizons.size()> expiring{};
  double rotation_unfinished = 0;
  std::uint64_t changes = 0;  // at the latest when it was counted
  WallTime counted_at{};
  WallTime valid_until = WallTime::max();  // then the time alone changes a count

  void add(const api::ApiToken& token) {
    ++tokens[type_index(token)][reason_index(token)];
    if (is_rotation_unfinished(token)) ++rotation_unfinished;
    const auto& expires_at = token.status.expires_at;
    if (!expires_at || *expires_at <= counted_at || is_revoked(token)) return;
    valid_until = std::min(valid_until, *expires_at);
    for (std::size_t i = 0; i < kHorizons.size(); ++i) {
      const WallTime begins = *expires_at - kHorizons[i].length;
      if (begins <= counted_at) {
        ++expiring[i];
      } else {
        valid_until = std::min(valid_until, begins);
      }
    }
  }
  bool holds(std::uint64_t present_changes, WallTime now) const {
    return changes == present_changes && counted_at <= now && now < valid_until;
  }
};

FleetCollector::FleetCollector(const Clock& clock, VisitTokensAfter visit_after,
                               std::function<std::uint64_t()> changes)
    : clock_(clock), visit_after_(std::move(visit_after)), changes_(std::move(changes)) {}
FleetCollector::~FleetCollector() = default;

FleetCollector::Fleet FleetCollector::count() const {
  Fleet fleet;
  fleet.changes = changes_();  // before the tokens are read: a change meanwhile counts again
  fleet.counted_at = clock_.wall();
  {
    const MutexLock lock(mutex_);
    if (last_ && last_->holds(fleet.changes, fleet.counted_at)) return *last_;
  }
  api::ObjectKey last;
  std::size_t visited = 0;
  do {
    const api::ObjectKey key = last;
    visited = visit_after_(key, kPartSize, [&](const api::ApiToken& token) {
      fleet.add(token);
      last = token.meta.key();
    });
  } while (visited == kPartSize);
  const MutexLock lock(mutex_);
  last_ = std::make_unique<const Fleet>(fleet);
  return fleet;
}

std::unique_ptr<PartwiseSource::Parts> TokenCollector::begin() const {
  if (is_empty_()) return nullptr;
  return std::make_unique<TokenParts>(family_, visit_after_);
}

bool FleetCollector::has_unfinished_rotations() const { return count().rotation_unfinished > 0; }

std::vector<MetricFamily> FleetCollector::Collect() const {
  const Fleet fleet = count();
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
