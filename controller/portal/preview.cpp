// Two sets of warnings, compared.
#include "portal/preview.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/duration.hpp"
#include "base/rfc3339.hpp"
#include "core/token_status.hpp"

namespace apitoken::portal {
namespace {

using State = core::Warning::State;

// The same warning to the same people at the same time, delivered or not.
bool is_same(const core::Warning& a, const core::Warning& b) {
  return a.at == b.at && a.config == b.config && a.before == b.before &&
         a.recipients == b.recipients && a.own_mail == b.own_mail;
}

bool contains(const std::vector<core::Warning>& warnings, const core::Warning& wanted) {
  return std::ranges::any_of(warnings, [&](const auto& one) { return is_same(one, wanted); });
}

bool is_above_ceiling(const api::ApiToken& token, const core::ExpiryConfig& config) {
  const auto& max = config.lifetime(core::token_type(token.spec)).max;
  return max && !token.status.ttl.empty() && core::ttl_in_force(token.spec, token.status) > *max;
}

bool is_open(const core::Warning& warning) { return warning.state != State::Done; }

std::string recipients_of(const core::Warning& warning) {
  auto all = warning.recipients;
  if (!warning.own_mail.empty() && std::ranges::find(all, warning.own_mail) == all.end())
    all.push_back(warning.own_mail);
  return fmt::format("{}", fmt::join(all, ";"));
}

}  // namespace

std::vector<core::Warning> Preview::warnings(const api::ApiToken& token,
                                             const std::vector<core::ExpiryConfig>& configs) const {
  return core::warnings_of(now_, token,
                           core::configs_for(configs, token.meta.labels, labels_of(token.meta.ns)));
}

const api::StringMap& Preview::labels_of(const std::string& name_space) const {
  static const api::StringMap none;
  const auto labels = namespace_labels_.find(name_space);
  return labels == namespace_labels_.end() ? none : labels->second;
}

const core::ExpiryConfig* Preview::changed_config_of(const api::ApiToken& token) const {
  const auto changed = std::ranges::find(changed_, config_, &core::ExpiryConfig::name);
  const bool applies = changed != changed_.end() &&
                       core::applies(*changed, token.meta.labels, labels_of(token.meta.ns));
  return applies ? &*changed : nullptr;
}

void Preview::count(const api::ApiToken& token, const std::vector<core::Warning>& before,
                    const std::vector<core::Warning>& after) {
  const auto soon = [&](const core::Warning& one) {
    return is_open(one) && one.at <= now_ + kSoon;
  };
  soon_before_ += std::ranges::any_of(before, soon) ? 1 : 0;
  soon_after_ += std::ranges::any_of(after, soon) ? 1 : 0;
  at_once_ += std::ranges::any_of(after,
                                  [&](const core::Warning& one) {
                                    return one.state == State::Due && !contains(before, one);
                                  })
                  ? 1
                  : 0;
  if (const auto* config = changed_config_of(token)) {
    ++matched_;
    ceiling_ += is_above_ceiling(token, *config) ? 1 : 0;
  }
  for (const auto& one : after) {
    if (is_open(one) && !one.own_mail.empty()) own_mail_.insert(one.own_mail);
  }
}

bool Preview::add(const api::ApiToken& token) {
  if (tokens_ == kMaxTokens) {
    truncated_ = true;
    return false;
  }
  ++tokens_;
  const auto before = warnings(token, present_);
  const auto after = warnings(token, changed_);
  count(token, before, after);
  const auto add_row = [&](const core::Warning& warning, const char* change) {
    if (!is_open(warning)) return;
    if (rows_.size() == kMaxRows) {
      truncated_ = true;
      return;
    }
    rows_.push_back({token.meta.ns, token.meta.name, token.spec.user, warning, change});
  };
  for (const auto& one : after) add_row(one, contains(before, one) ? "Same" : "New");
  for (const auto& one : before) {
    if (!contains(after, one)) add_row(one, "Gone");
  }
  return true;
}

std::string Preview::summary_line() const {
  return dump(nlohmann::json{{"summary",
                              {{"tokens", tokens_},
                               {"truncated", truncated_},
                               {"now", {{"within7days", soon_before_}}},
                               {"then",
                                {{"matched", matched_},
                                 {"within7days", soon_after_},
                                 {"atOnce", at_once_},
                                 {"ownMail", own_mail_.size()},
                                 {"ceiling", ceiling_}}}}}});
}

std::vector<std::string> Preview::change_lines() {
  std::ranges::stable_sort(rows_, {}, [](const Row& row) { return row.warning.at; });
  std::vector<std::string> lines;
  auto changes = nlohmann::json::array();
  const auto flush = [&] {
    if (!changes.empty()) lines.push_back(dump(nlohmann::json{{"changes", std::move(changes)}}));
    changes = nlohmann::json::array();
  };
  for (const auto& [ns, name, user, warning, change] : rows_) {
    changes.push_back({ns, name, user, format_rfc3339(warning.at),
                       warning.before == Seconds(0) ? "" : format_duration_short(warning.before),
                       recipients_of(warning), change});
    if (changes.size() == kRowsOfLine) flush();
  }
  flush();
  return lines;
}

}  // namespace apitoken::portal
