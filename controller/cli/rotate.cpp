// rotate: requests a new value by the annotation, and waits until the operator has served it.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "api/names.hpp"
#include "base/rfc3339.hpp"
#include "cli/await.hpp"
#include "cli/bulk.hpp"
#include "cli/commands.hpp"
#include "cli/minted.hpp"
#include "cli/print.hpp"
#include "cli/sealed.hpp"
#include "core/plan_secret.hpp"

namespace apitoken::cli {
namespace {

WallTime next_rotation(const api::ApiToken& token) {
  return next_request(token.meta, api::kRotateRequestAnnotation, SystemClock{}.wall());
}

Outcome<bool> is_rotated(const api::ApiToken& token, const std::string& request) {
  const bool finished = !token.status.previous || token.status.previous->replaced_at;
  if (token.status.last_rotation_request == request)
    return finished ? is_minted(token) : Outcome<bool>(false);
  // An expired token is Stalled too, and the rotation revives it.
  const auto* const stalled =
      api::find_condition(token.status.conditions, api::condition::kStalled);
  const bool stuck = stalled != nullptr && stalled->status == api::condition::kTrue &&
                     stalled->reason != api::reason::kExpired;
  return stuck ? is_minted(token) : Outcome<bool>(false);
}

// How the user gets the new value.
struct Way {
  nlohmann::json secret = nlohmann::json::object();  // changes of spec.secret
  std::optional<core::OneTimeKey> key;               // of a sealed value
};

// A sealed token stays sealed, with a new key, unless --keep is given. Other tokens do not change.
Outcome<Way> choose_way(Cluster& cluster, const Terminal& terminal, const Options& options,
                        const api::ApiToken& token) {
  Way way;
  const bool sealed = is_sealed(token);
  if (sealed && !options.keep) {
    if (!shows_value(options, terminal)) {
      return give_up(
          ExitCode::Failed,
          fmt::format(
              "apitoken \"{}\" was not rotated: its value is shown once and kept nowhere, and "
              "would not be shown here; use -o token or --show-value, or keep it in the Secret "
              "from "
              "now on: --keep",
              token.meta.name));
    }
    auto key = TRY(make_one_time_key());
    way.secret = {{"encryptTo", key.jwk}};
    way.key = std::move(key);
    return way;
  }
  if (sealed) way.secret = {{"encryptTo", nullptr}, {"deleteAfter", nullptr}};
  if (sealed || !token.spec.secret->encrypt_to) {
    TRY(check_value_can_be_shown(cluster, terminal, options, std::string(token.secret_name())));
    return way;
  }
  if (options.output != Output::Token) return way;
  return give_up(
      ExitCode::Failed,
      fmt::format("apitoken \"{}\" was not rotated: -o token cannot show its value, which "
                  "is encrypted for its recipient: Secret {}, key {}",
                  token.meta.name, token.secret_name(), core::key_to_mint(token)));
}

nlohmann::json make_patch(const api::ApiToken& token, const std::string& request, const Way& way) {
  nlohmann::json patch = {
      {"metadata",
       {{"uid", token.meta.uid}, {"annotations", {{api::kRotateRequestAnnotation, request}}}}}};
  if (!way.secret.empty()) patch["spec"]["secret"] = way.secret;
  return patch;
}

// Of several tokens no value is shown, so one whose value is shown once must be rotated by itself.
Outcome<BulkAction::Served> request_one_of_many(Cluster& cluster, const Options& options,
                                                const ShownToken& shown) {
  const api::ApiToken& token = shown.token;
  if (token.spec.revoked)
    return give_up(ExitCode::Failed, "it was revoked for good; create another one");
  if (is_sealed(token) && !options.keep)
    return give_up(ExitCode::Failed,
                   "its value is shown once and kept nowhere; rotate it by itself, or keep it in "
                   "the Secret from now on: --keep");
  Way way;
  if (is_sealed(token)) way.secret = {{"encryptTo", nullptr}, {"deleteAfter", nullptr}};
  const auto request = format_rfc3339(next_rotation(token));
  TRY(cluster.merge_patch(token.meta.name, make_patch(token, request, way).dump()));
  return [request](const ShownToken& now) { return is_rotated(now.token, request); };
}

}  // namespace

Outcome<ExitCode> run_rotate(const Invocation& invocation, const Terminal& terminal) {
  const Options& options = invocation.options;
  const auto cluster = TRY(Cluster::connect(options, terminal.stop()));
  if (is_bulk(invocation)) {
    return act_on_all(
        *cluster, terminal, invocation,
        {.verb = "rotated",
         .question = "Rotate {}? Each gets a new value; the present ones work for the overlap.",
         .request = [&](const ShownToken& token) {
           return request_one_of_many(*cluster, options, token);
         }});
  }
  const std::string& name = invocation.arguments.front();
  const auto shown = TRY(cluster->get(name));
  if (shown.token.spec.revoked)
    return give_up(ExitCode::Failed,
                   fmt::format("apitoken \"{}\" was revoked for good; create another one", name));
  const auto way = TRY(choose_way(*cluster, terminal, options, shown.token));
  const auto request = format_rfc3339(next_rotation(shown.token));
  const auto asked = cluster->merge_patch(name, make_patch(shown.token, request, way).dump());
  if (!asked) return std::unexpected(way.key ? with_hint_of_age(asked.error()) : asked.error());
  if (!options.wait) {
    terminal.out(options.output == Output::Text
                     ? fmt::format("{} rotation requested\n", full_name(name))
                     : print_objects({asked->json}, options.output, false));
    return ExitCode::Ok;
  }
  return await_and_show(
      *cluster, terminal, options,
      {.name = name,
       .verb = "rotated",
       .minted = [request](const api::ApiToken& now) { return is_rotated(now, request); },
       .on_timeout = way.key
                         ? "the request stays, but nobody can decrypt the new value: rotate again"
                         : "the request stays, and the operator will serve it",
       .key = way.key ? &*way.key : nullptr});
}

}  // namespace apitoken::cli
