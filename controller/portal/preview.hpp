// Preview: the effect of a change of settings on the tokens that the viewer may list: who is warned
// when, before and after, and which lifetimes exceed a new ceiling. Pure: tokens go in one by one,
// a summary and rows come out. The route POST /api/settings/preview uses it.
#pragma once

#include <map>
#include <set>

#include "core/warnings.hpp"
#include "portal/problem.hpp"

namespace apitoken::portal {

class Preview {
 public:
  static constexpr std::size_t kMaxTokens = 20'000;
  static constexpr std::size_t kMaxRows = 20'000;
  static constexpr std::size_t kRowsOfLine = 200;
  static constexpr Seconds kSoon{std::chrono::hours(24 * 7)};

  // `changed` names the config that is being changed.
  Preview(std::vector<core::ExpiryConfig> present, std::vector<core::ExpiryConfig> changed,
          std::map<std::string, api::StringMap> namespace_labels, std::string config, WallTime now)
      : present_(std::move(present)),
        changed_(std::move(changed)),
        namespace_labels_(std::move(namespace_labels)),
        config_(std::move(config)),
        now_(now) {}

  // False: the limit of tokens is reached.
  bool add(const api::ApiToken& token);
  // {"summary":…}
  std::string summary_line() const;
  // {"changes":[…]} of at most kRowsOfLine rows each, sorted by time.
  std::vector<std::string> change_lines();

 private:
  struct Row {
    std::string ns;
    std::string name;
    std::string user;
    core::Warning warning;
    const char* change;  // New, Gone or Same
  };

  std::vector<core::Warning> warnings(const api::ApiToken& token,
                                      const std::vector<core::ExpiryConfig>& configs) const;
  void count(const api::ApiToken& token, const std::vector<core::Warning>& before,
             const std::vector<core::Warning>& after);
  const api::StringMap& labels_of(const std::string& name_space) const;
  // The config that is being changed, as it would be; null if it would not apply to the token.
  const core::ExpiryConfig* changed_config_of(const api::ApiToken& token) const;

  const std::vector<core::ExpiryConfig> present_;
  const std::vector<core::ExpiryConfig> changed_;
  const std::map<std::string, api::StringMap> namespace_labels_;
  const std::string config_;
  const WallTime now_;
  std::vector<Row> rows_;
  std::size_t tokens_ = 0;
  std::size_t soon_before_ = 0;
  std::size_t soon_after_ = 0;
  std::size_t at_once_ = 0;
  std::size_t ceiling_ = 0;
  std::size_t matched_ = 0;
  std::set<std::string> own_mail_;
  bool truncated_ = false;
};

}  // namespace apitoken::portal
