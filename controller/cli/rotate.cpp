// rotate: asks the operator for a new value by the annotation, and waits until it says that this request was served.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "api/names.hpp"
#include "base/rfc3339.hpp"
#include "cli/commands.hpp"
#include "cli/minted.hpp"
#include "cli/print.hpp"

namespace apitoken::cli {
namespace {

// Now; a second after the last request where that was not earlier: each value must be a new one.
WallTime next_request(const api::ApiToken& token) {
  const auto now = SystemClock{}.wall();
  const auto before = token.meta.annotations.find(api::kRotateRequestAnnotation);
  const auto last = before == token.meta.annotations.end() ? std::nullopt : parse_rfc3339(before->second);
  return last && *last >= now ? *last + Seconds(1) : now;
}

Outcome<bool> is_rotated(const api::ApiToken& token, const std::string& request) {
  if (token.status.last_rotation_request == request) return is_minted(token);
  // An expired token is stalled too, and this is what revives it.
  const auto* const stalled = api::find_condition(token.status.conditions, api::condition::kStalled);
  const bool stuck =
      stalled != nullptr && stalled->status == api::condition::kTrue && stalled->reason != api::reason::kExpired;
  return stuck ? is_minted(token) : Outcome<bool>(false);
}

Outcome<void> check_value(Cluster& cluster, const Terminal& terminal, const Options& options,
                          const api::ApiToken& token) {
  const std::string secret(token.secret_name());
  if (!token.spec.secret->encrypt_to) return check_value_can_be_shown(cluster, terminal, options, secret);
  if (options.output != Output::Token) return {};
  return give_up(ExitCode::Failed, fmt::format("apitoken \"{}\" was not rotated: -o token cannot show its value, which "
                                               "is encrypted for its recipient: Secret {}, key {}",
                                               token.meta.name, secret, api::kCmsKey));
}

}  // namespace

Outcome<ExitCode> run_rotate(const Invocation& invocation, const Terminal& terminal) {
  const Options& options = invocation.options;
  const std::string& name = invocation.arguments.front();
  const auto cluster = Cluster::connect(options, terminal.stop());
  if (!cluster) return std::unexpected(cluster.error());
  const auto token = (*cluster)->get(name);
  if (!token) return std::unexpected(token.error());
  if (token->token.spec.revoked)
    return give_up(ExitCode::Failed, fmt::format("apitoken \"{}\" was revoked for good; create another", name));
  if (const auto shown = check_value(**cluster, terminal, options, token->token); !shown)
    return std::unexpected(shown.error());
  const auto request = format_rfc3339(next_request(token->token));
  const nlohmann::json patch = {
      {"metadata", {{"uid", token->token.meta.uid}, {"annotations", {{api::kRotateRequestAnnotation, request}}}}}};
  const auto asked = (*cluster)->merge_patch(name, patch.dump());
  if (!asked) return std::unexpected(asked.error());
  if (!options.wait) {
    terminal.out(options.output == Output::Text ? fmt::format("{} rotation requested\n", full_name(name))
                                                : print_objects({asked->json}, options.output, false));
    return ExitCode::Ok;
  }
  return await_and_show(
      **cluster, terminal, options,
      {.name = name,
       .verb = "rotated",
       .minted = [request](const api::ApiToken& now) { return is_rotated(now, request); },
       .on_timeout = "the request stays, and an operator that runs and knows rotation will serve it"});
}

}  // namespace apitoken::cli
