// revoke: ends a token at once and for good. Asks first, and waits until the operator has acted.
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
                   "revoke cannot be undone; without a terminal, confirm with --yes");
  return terminal.confirm(core::plain_text(fmt::format(
      "Revoke apitoken {}/{} of {}, which {}? Its value stops working at once and for good.",
      token.meta.ns, token.meta.name, token.spec.user,
      expiry_text(token.status, SystemClock{}.wall()))));
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
  const auto cluster = TRY(Cluster::connect(options, terminal.stop()));
  const auto shown = TRY(cluster->get(name));
  if (shown.token.spec.revoked && is_revocation_done(shown.token)) {
    say(shown, "was revoked before", options, terminal);
    return ExitCode::Ok;
  }
  if (!TRY(agreed(shown.token, options, terminal)))
    return give_up(ExitCode::Failed,
                   fmt::format("apitoken \"{}\" was not revoked: you did not agree", name));
  // The uid ensures that the patch revokes the token that the user has confirmed.
  const nlohmann::json patch = {{"metadata", {{"uid", shown.token.meta.uid}}},
                                {"spec", {{"revoked", true}}}};
  const auto asked = TRY(cluster->merge_patch(name, patch.dump()));
  if (!options.wait) {
    say(asked, "revocation requested", options, terminal);
    return ExitCode::Ok;
  }
  const auto is_done = [](const ShownToken& now) -> Outcome<bool> {
    return is_revocation_done(now.token);
  };
  const auto done = TRY(
      await(*cluster, terminal,
            {.name = name,
             .timeout = options.timeout,
             .done = is_done,
             .on_timeout = "spec.revoked is set, but the value may work until the operator acts"}));
  say(done, "revoked", options, terminal);
  return ExitCode::Ok;
}

}  // namespace apitoken::cli
