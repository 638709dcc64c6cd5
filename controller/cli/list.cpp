// list: the tokens of users, sorted by expiry.
#include <fmt/format.h>

#include "base/duration.hpp"
#include "cli/commands.hpp"
#include "cli/print.hpp"
#include "cli/token_table.hpp"

namespace apitoken::cli {
namespace {

std::string nothing_found(const Options& options, const std::string& user,
                          const std::string& name_space) {
  const auto whose = user.empty() ? std::string() : " of " + user;
  const auto where =
      options.all_namespaces ? std::string("any namespace") : "namespace " + name_space;
  const auto when =
      options.expiring_within
          ? fmt::format(" expire within {}", format_duration_short(*options.expiring_within))
          : std::string(" found");
  return fmt::format("No ApiTokens{} in {}{}.{}{}", whose, where, when,
                     user.empty() ? "" : " --all lists those of all users.",
                     options.all_namespaces ? "" : " -A lists those of all namespaces.");
}

}  // namespace

Outcome<ExitCode> run_list(const Invocation& invocation, const Terminal& terminal) {
  const Options& options = invocation.options;
  const auto cluster = TRY(Cluster::connect(options, terminal.stop()));
  std::string user = options.user;
  if (options.mine) user = TRY(cluster->who_am_i());
  auto tokens = TRY(
      cluster->list(options.all_namespaces ? "" : cluster->name_space(), user, options.selector));
  const auto now = SystemClock{}.wall();
  if (options.expiring_within) keep_expiring(tokens, now, *options.expiring_within);
  sort_by_expiry(tokens);
  if (options.output != Output::Text && options.output != Output::Wide) {
    std::vector<std::string> objects;
    for (ShownToken& token : tokens) objects.push_back(std::move(token.json));
    terminal.out(print_objects(objects, options.output, true));
  } else if (tokens.empty()) {
    terminal.note(nothing_found(options, user, cluster->name_space()));
  } else {
    const Columns columns{options.all_namespaces, options.output == Output::Wide};
    terminal.out(format_table(
        token_rows(tokens, now, columns),
        [&](Colour colour, std::string_view text) { return terminal.painted(colour, text); }));
  }
  return ExitCode::Ok;
}

}  // namespace apitoken::cli
