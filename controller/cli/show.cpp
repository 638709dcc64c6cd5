// show: prints the value that a Secret holds, or copies it.
#include <fmt/format.h>

#include "api/names.hpp"
#include "cli/clipboard.hpp"
#include "cli/cluster.hpp"
#include "cli/commands.hpp"
#include "cli/sealed.hpp"
#include "core/plan_secret.hpp"
#include "core/token_format.hpp"

namespace apitoken::cli {
namespace {

std::unexpected<Failure> not_shown(const api::ApiToken& token, std::string_view why) {
  return give_up(ExitCode::Failed,
                 fmt::format("apitoken \"{0}\": {1}; for a new value: kubectl apitoken rotate {0}",
                             token.meta.name, why));
}

Outcome<SecretString> value_of(Cluster& cluster, const api::ApiToken& token) {
  if (token.spec.revoked) return not_shown(token, "it was revoked, and its Secret deleted");
  if (is_sealed(token)) return not_shown(token, "its value was shown once and is kept nowhere");
  if (token.spec.secret->encrypt_to) {
    return give_up(ExitCode::Failed,
                   fmt::format("apitoken \"{}\": its value is encrypted for its recipient, who "
                               "finds it in Secret {}, key {}",
                               token.meta.name, token.secret_name(), core::key_to_mint(token)));
  }
  auto value = TRY(cluster.value_of(token));
  if (value.empty()) {
    return not_shown(
        token, fmt::format("Secret {} has no key {}", token.secret_name(), token.secret_key()));
  }
  if (core::token_hash(value.reveal()) != token.status.token_hash)
    return not_shown(token, fmt::format("Secret {} holds another value than the ApiToken's",
                                        token.secret_name()));
  return value;
}

}  // namespace

Outcome<ExitCode> run_show(const Invocation& invocation, const Terminal& terminal) {
  const auto cluster = TRY(Cluster::connect(invocation.options, terminal.stop()));
  const auto shown = TRY(cluster->get(invocation.arguments.front()));
  const auto value = TRY(value_of(*cluster, shown.token));
  if (!invocation.options.copy) {
    terminal.out_value(value);
    return ExitCode::Ok;
  }
  terminal.note(copied_note(TRY(copy_to_clipboard(value, terminal))));
  return ExitCode::Ok;
}

}  // namespace apitoken::cli
