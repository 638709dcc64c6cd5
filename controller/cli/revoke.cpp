// revoke: ends a token at once and for good, after asking; done only when the operator says that
// the value is void.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "api/names.hpp"
#include "cli/await.hpp"
#include "cli/commands.hpp"
#include "cli/minted.hpp"
#include "cli/print.hpp"
#include "core/plain_text.hpp"

namespace apitoken::cli {
namespace {

Outcome<bool> agreed(const api::ApiToken& token, const Options& options, const Terminal& terminal) {
  if (options.yes) return true;
  if (!terminal.streams().in_terminal)
    return give_up(ExitCode::Usage,
                   "revoke cannot be undone; without a terminal to ask on, say --yes");
  return terminal.confirm(core::plain_text(fmt::format(
      "Revoke apitoken {}/{} of {}, which {}? Its value stops at once and for good.", token.meta.ns,
      token.meta.name, token.spec.user, expiry_text(token.status, SystemClock{}.wall()))));
}

void say(const ShownToken& token, std::string_view what, const Options& options,
         const Terminal& terminal) {
  terminal.out(options.output == Output::Text
                   ? fmt::format("{} {}\n", full_name(token.token.meta.name), what)
                   : print_objects({token.json}, options.output, false));
}

}  // namespace

Outcome<ExitCode> run_revoke(const Invocation& invocation, const Terminal& terminal) {
  const Options& options = invocation.options;
  const std::string& name = invocation.arguments.front();
  const auto cluster = Cluster::connect(options, terminal.stop());
  if (!cluster) return std::unexpected(cluster.error());
  const auto token = (*cluster)->get(name);
  if (!token) return std::unexpected(token.error());
  if (token->token.spec.revoked && is_void(token->token)) {
    say(*token, "was revoked before", options, terminal);
    return ExitCode::Ok;
  }
  const auto yes = agreed(token->token, options, terminal);
  if (!yes) return std::unexpected(yes.error());
  if (!*yes)
    return give_up(ExitCode::Failed,
                   fmt::format("apitoken \"{}\" was not revoked: you did not agree", name));
  // With the uid: what was agreed to is what is revoked, and no other of the same name.
  const nlohmann::json patch = {{"metadata", {{"uid", token->token.meta.uid}}},
                                {"spec", {{"revoked", true}}}};
  const auto asked = (*cluster)->merge_patch(name, patch.dump());
  if (!asked) return std::unexpected(asked.error());
  if (!options.wait) {
    say(*asked, "revocation requested", options, terminal);
    return ExitCode::Ok;
  }
  const auto done = await(
      **cluster, terminal,
      {.name = name,
       .timeout = options.timeout,
       .done = [](const ShownToken& now) -> Outcome<bool> { return is_void(now.token); },
       .on_timeout = "spec.revoked is set, but until the operator acts the value may still work"});
  if (!done) return std::unexpected(done.error());
  say(*done, "revoked", options, terminal);
  return ExitCode::Ok;
}

}  // namespace apitoken::cli
