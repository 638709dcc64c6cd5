// Several ApiTokens at once.
#include "cli/bulk.hpp"

#include <fmt/format.h>

#include "cli/await.hpp"
#include "cli/print.hpp"
#include "cli/token_table.hpp"

namespace apitoken::cli {
namespace {

Outcome<std::vector<ShownToken>> selected(Cluster& cluster, const Invocation& invocation) {
  const Options& options = invocation.options;
  std::vector<ShownToken> tokens;
  for (const std::string& name : invocation.arguments) tokens.push_back(TRY(cluster.get(name)));
  if (!invocation.arguments.empty()) return tokens;
  tokens = TRY(cluster.list(cluster.name_space(), "", options.selector));
  std::erase_if(tokens, [](const ShownToken& shown) { return shown.token.spec.revoked; });
  if (options.expiring_within)
    keep_expiring(tokens, SystemClock{}.wall(), *options.expiring_within);
  sort_by_expiry(tokens);
  return tokens;
}

Outcome<bool> agreed(std::size_t count, const Cluster& cluster, const Options& options,
                     const Terminal& terminal, const BulkAction& action) {
  if (options.yes) return true;
  if (!terminal.streams().in_terminal)
    return give_up(ExitCode::Usage, "several ApiTokens: without a terminal, confirm with --yes");
  const auto what = fmt::format("{} ApiToken{} of namespace {}", count, count == 1 ? "" : "s",
                                cluster.name_space());
  return terminal.confirm(fmt::format(fmt::runtime(action.question), what));
}

// What became of the ApiTokens.
class Report {
 public:
  Report(const Terminal& terminal, const Options& options, const BulkAction& action)
      : terminal_(terminal), options_(options), action_(action) {}

  void served(const ShownToken& token, std::string_view what) {
    ++served_;
    objects_.push_back(token.json);
    if (options_.output == Output::Text)
      terminal_.out(fmt::format("{} {}\n", full_name(token.token.meta.name), what));
  }
  // False: the user interrupted the command, so it must not go on with the others.
  bool failed(const std::string& name, const Failure& failure) {
    ++failed_;
    terminal_.note(fmt::format("error: {}: {}", full_name(name), failure.message));
    return failure.code != ExitCode::Interrupted;
  }
  Outcome<ExitCode> end() const {
    if (options_.output != Output::Text)
      terminal_.out(print_objects(objects_, options_.output, true));
    if (failed_ == 0) return ExitCode::Ok;
    return give_up(ExitCode::Failed, fmt::format("{} of {} ApiTokens {}, {} not", served_,
                                                 served_ + failed_, action_.verb, failed_));
  }

 private:
  const Terminal& terminal_;
  const Options& options_;
  const BulkAction& action_;
  std::vector<std::string> objects_;
  std::size_t served_ = 0;
  std::size_t failed_ = 0;
};

}  // namespace

bool is_bulk(const Invocation& invocation) { return invocation.arguments.size() != 1; }

Outcome<ExitCode> act_on_all(Cluster& cluster, const Terminal& terminal,
                             const Invocation& invocation, const BulkAction& action) {
  const Options& options = invocation.options;
  const auto tokens = TRY(selected(cluster, invocation));
  if (tokens.empty()) {
    terminal.note(fmt::format("No ApiTokens in namespace {} match.", cluster.name_space()));
    return ExitCode::Ok;
  }
  if (!TRY(agreed(tokens.size(), cluster, options, terminal, action)))
    return give_up(ExitCode::Failed, "nothing was done: you did not agree");
  Report report(terminal, options, action);
  std::vector<std::pair<std::string, BulkAction::Served>> requested;
  for (const ShownToken& token : tokens) {
    auto served = action.request(token);
    if (served) {
      requested.emplace_back(token.token.meta.name, std::move(*served));
    } else if (!report.failed(token.token.meta.name, served.error())) {
      return report.end();
    }
  }
  for (const auto& [name, served] : requested) {
    auto done = options.wait ? await(cluster, terminal,
                                     {.name = name,
                                      .timeout = options.timeout,
                                      .done = served,
                                      .on_timeout = "the request stays"})
                             : cluster.get(name);
    if (done) {
      report.served(*done, options.wait ? action.verb : "requested");
    } else if (!report.failed(name, done.error())) {
      break;
    }
  }
  return report.end();
}

}  // namespace apitoken::cli
