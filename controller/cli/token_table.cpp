// Sorts ApiTokens and makes rows of them.
#include "cli/token_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "api/names.hpp"
#include "base/rfc3339.hpp"
#include "cli/time_text.hpp"
#include "core/lifetimes.hpp"

namespace apitoken::cli {
namespace {

std::string or_none(std::string text) { return text.empty() ? "<none>" : text; }

std::string left_text(const api::ApiToken& token, WallTime now) {
  if (token.spec.revoked) return "revoked";
  if (!token.status.expires_at) return "<none>";
  return *token.status.expires_at <= now ? "expired" : short_span(*token.status.expires_at - now);
}

}  // namespace

void sort_by_expiry(std::vector<ShownToken>& tokens) {
  const auto order = [](const ShownToken& shown) {
    const auto& token = shown.token;
    return std::tuple(!token.status.expires_at, token.status.expires_at.value_or(WallTime{}),
                      token.meta.ns, token.meta.name);
  };
  std::ranges::sort(tokens, {}, order);
}

void keep_expiring(std::vector<ShownToken>& tokens, WallTime now, Seconds span) {
  std::erase_if(tokens, [&](const ShownToken& shown) {
    const auto& token = shown.token;
    return token.spec.revoked || !token.status.expires_at || *token.status.expires_at > now + span;
  });
}

Colour colour_of(const api::ApiToken& token, WallTime now) {
  if (token.spec.revoked) return Colour::Faint;
  const auto* const ready = api::find_condition(token.status.conditions, api::condition::kReady);
  if (ready == nullptr) return Colour::None;
  const bool expired = token.status.expires_at && *token.status.expires_at <= now;
  if (ready->status != api::condition::kTrue || expired) return Colour::Red;
  return ready->reason == api::reason::kExpiringSoon ? Colour::Yellow : Colour::Green;
}

std::vector<std::vector<Cell>> token_rows(const std::vector<ShownToken>& tokens, WallTime now,
                                          Columns columns) {
  std::vector<Cell> heading{{"NAME"},   {"USER"},    {"TYPE"}, {"READY"},
                            {"REASON"}, {"EXPIRES"}, {"LEFT"}, {"AGE"}};
  if (columns.name_space) heading.insert(heading.begin(), {"NAMESPACE"});
  if (columns.wide) heading.insert(heading.end(), {{"TOKEN ID"}, {"SECRET"}, {"REVISION"}});
  std::vector<std::vector<Cell>> rows{std::move(heading)};
  for (const ShownToken& shown : tokens) {
    const api::ApiToken& token = shown.token;
    const auto* const ready = api::find_condition(token.status.conditions, api::condition::kReady);
    const Colour colour = colour_of(token, now);
    auto& row = rows.emplace_back();
    if (columns.name_space) row.push_back({token.meta.ns});
    row.push_back({token.meta.name});
    row.push_back({token.spec.user});
    row.push_back({std::string(core::to_string(core::token_type(token.spec)))});
    row.push_back({std::string(ready != nullptr ? ready->status : "<none>"), colour});
    row.push_back({std::string(ready != nullptr ? ready->reason : "<none>"), colour});
    row.push_back({token.status.expires_at ? format_rfc3339(*token.status.expires_at) : "<none>"});
    row.push_back({left_text(token, now), colour});
    row.push_back({token.meta.created ? short_span(now - *token.meta.created) : "<none>"});
    if (!columns.wide) continue;
    row.push_back({or_none(token.status.token_id)});
    row.push_back({or_none(token.status.secret_name)});
    row.push_back({std::to_string(token.status.revision)});
  }
  return rows;
}

}  // namespace apitoken::cli
