// create and login: an ApiToken out of flags, sent, and shown once minted.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "api/names.hpp"
#include "cli/commands.hpp"
#include "cli/examine.hpp"
#include "cli/manifest.hpp"
#include "cli/minted.hpp"
#include "cli/print.hpp"

namespace apitoken::cli {
namespace {

Outcome<ExitCode> show_unsent(const nlohmann::ordered_json& manifest, const Options& options,
                              const Terminal& terminal) {
  const bool yaml = options.output == Output::Text || options.output == Output::Yaml;
  terminal.out(yaml ? to_yaml(manifest) : print_objects({manifest.dump()}, options.output, false));
  return ExitCode::Ok;
}

Outcome<ExitCode> show_without_waiting(const ShownToken& made, const Options& options, const Terminal& terminal) {
  if (options.output != Output::Text) {
    terminal.out(print_objects({made.json}, options.output, false));
    return ExitCode::Ok;
  }
  const char* const how = options.dry_run == DryRun::Server ? " (server dry run)" : "";
  terminal.out(fmt::format("{} created{}\n", full_name(made.token.meta.name), how));
  return ExitCode::Ok;
}

Outcome<ExitCode> create(Cluster& cluster, const std::string& name, const Options& options, const Terminal& terminal) {
  const auto manifest = make_manifest(name, cluster.name_space(), options);
  if (const auto finding = examine(manifest.dump()); !finding.problems.empty()) {
    return give_up(ExitCode::Failed,
                   fmt::format("apitoken \"{}\" was not sent: {}", name, fmt::join(finding.problems, "; ")));
  }
  if (options.dry_run == DryRun::Client) return show_unsent(manifest, options, terminal);
  const auto made = cluster.create(name, manifest.dump());
  if (!made) return std::unexpected(made.error());
  if (options.dry_run == DryRun::Server || !options.wait) return show_without_waiting(*made, options, terminal);
  return await_and_show(cluster, terminal, options,
                        {.name = name,
                         .verb = "created",
                         .minted = is_minted,
                         .on_timeout = fmt::format(
                             "the ApiToken stays as it was asked for; look at it: kubectl apitoken describe {} -n {}",
                             name, cluster.name_space())});
}

}  // namespace

Outcome<ExitCode> run_create(const Invocation& invocation, const Terminal& terminal) {
  const auto cluster = Cluster::connect(invocation.options, terminal.stop());
  if (!cluster) return std::unexpected(cluster.error());
  return create(**cluster, invocation.arguments.front(), invocation.options, terminal);
}

Outcome<ExitCode> run_login(const Invocation& invocation, const Terminal& terminal) {
  const auto cluster = Cluster::connect(invocation.options, terminal.stop());
  if (!cluster) return std::unexpected(cluster.error());
  const auto user = (*cluster)->who_am_i();
  if (!user) return std::unexpected(user.error());
  if (user->starts_with("system:")) {
    return give_up(
        ExitCode::Failed,
        fmt::format("you are {}, and no token may speak for a name of Kubernetes itself; use another --context, "
                    "or kubectl apitoken create with --user and --type Temporary",
                    *user));
  }
  Options options = invocation.options;
  options.user = *user;
  options.type = api::kTemporary;
  return create(**cluster, login_name(*user), options, terminal);
}

}  // namespace apitoken::cli
