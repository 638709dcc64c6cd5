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

constexpr std::string_view kRequestAnnotation = "apitoken.dev/rotate-requested-at";

// Now; a second after the last request where that was not earlier: each value must be a new one.
WallTime next_request(const api::ApiToken& token) {
  const auto now = SystemClock{}.wall();
  const auto before = token.meta.annotations.find(kRequestAnnotation);
  const auto last = before == token.meta.annotations.end() ? std::nullopt : parse_rfc3339(before->second);
  return last && *last >= now ? *last + Seconds(1) : now;
}

std::optional<WallTime> served_request(const ShownToken& token) {
  api::JsonParser parser;
  const auto object = parser.parse(token.json);
  const auto status = object ? api::member(*object, "status") : std::nullopt;
  return status ? api::read_time(*status, "lastRotationRequest") : std::nullopt;
}

Outcome<bool> is_rotated(const ShownToken& token, WallTime request) {
  const auto served = served_request(token);
  if (served && *served >= request) return is_minted(token.token);
  // An expired token is stalled too, and this is what revives it.
  const auto* const stalled = api::find_condition(token.token.status.conditions, api::condition::kStalled);
  const bool stuck =
      stalled != nullptr && stalled->status == api::condition::kTrue && stalled->reason != api::reason::kExpired;
  return stuck ? is_minted(token.token) : Outcome<bool>(false);
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
  const auto request = next_request(token->token);
  const nlohmann::json patch = {
      {"metadata", {{"uid", token->token.meta.uid}, {"annotations", {{kRequestAnnotation, format_rfc3339(request)}}}}}};
  const auto asked = (*cluster)->merge_patch(name, patch.dump());
  if (!asked) return std::unexpected(asked.error());
  if (!options.wait) {
    terminal.out(options.output == Output::Text ? fmt::format("{} rotation requested\n", full_name(name))
                                                : print_objects({asked->json}, options.output, false));
    return ExitCode::Ok;
  }
  return await_and_show(**cluster, terminal, options, name, "rotated",
                        [request](const ShownToken& now) { return is_rotated(now, request); });
}

}  // namespace apitoken::cli
