// create and login: send an ApiToken made from flags, wait, and show its value.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "api/names.hpp"
#include "cli/commands.hpp"
#include "cli/examine.hpp"
#include "cli/manifest.hpp"
#include "cli/minted.hpp"
#include "cli/print.hpp"
#include "cli/sealed.hpp"
#include "core/yaml_text.hpp"
#include "kube/read_file.hpp"

namespace apitoken::cli {
namespace {

Outcome<ExitCode> show_unsent(const nlohmann::ordered_json& manifest, const Options& options,
                              const Terminal& terminal) {
  const bool yaml = options.output == Output::Text || options.output == Output::Yaml;
  terminal.out(yaml ? core::to_yaml(manifest)
                    : print_objects({manifest.dump()}, options.output, false));
  return ExitCode::Ok;
}

Outcome<ExitCode> show_without_waiting(const ShownToken& made, const Options& options,
                                       const Terminal& terminal) {
  if (options.output != Output::Text) {
    terminal.out(print_objects({made.json}, options.output, false));
    return ExitCode::Ok;
  }
  const char* const how = options.dry_run == DryRun::Server ? " (server dry run)" : "";
  terminal.out(fmt::format("{} created{}\n", full_name(made.token.meta.name), how));
  return ExitCode::Ok;
}

// The operator waits for a change of the spec, and has issued no value.
bool gets_no_value(const api::ApiToken& token) {
  const auto* const stalled =
      api::find_condition(token.status.conditions, api::condition::kStalled);
  return stalled != nullptr && stalled->status == api::condition::kTrue &&
         token.status.token_hash.empty() &&
         (stalled->reason == api::reason::kSecretConflict ||
          stalled->reason == api::reason::kInvalidSpec);
}

// Deletes an ApiToken that is of no use, and adds that to the message.
Failure delete_useless(Cluster& cluster, const api::ObjectMeta& made, Failure failure) {
  const auto gone = cluster.remove(made.name, made.uid);
  failure.message +=
      gone ? "; the ApiToken was deleted again"
           : fmt::format(
                 "; the ApiToken stays, because deleting it failed: {}; delete it: kubectl delete "
                 "apitoken {} -n {}",
                 gone.error().message, made.name, made.ns);
  return failure;
}

// `key` decrypts a sealed value; null: the value stays in its Secret.
Outcome<ExitCode> await_new(Cluster& cluster, const api::ObjectMeta& made,
                            const core::OneTimeKey* key, const Options& options,
                            const Terminal& terminal) {
  bool useless = false;
  const auto minted = [&](const api::ApiToken& token) {
    auto ready = is_minted(token);
    useless = !ready && gets_no_value(token);
    return ready;
  };
  const auto done = await_and_show(
      cluster, terminal, options,
      {.name = made.name,
       .verb = "created",
       .minted = minted,
       .on_timeout =
           key != nullptr
               ? "nobody could decrypt its value later"
               : fmt::format("the ApiToken stays; look at it: kubectl apitoken describe {} -n {}",
                             made.name, made.ns),
       .key = key});
  if (!done && key != nullptr)
    return std::unexpected(delete_useless(cluster, made, with_hint_of_age(done.error())));
  if (!done && useless) return std::unexpected(delete_useless(cluster, made, done.error()));
  return done;
}

// The certificate or JWK of --encrypt-to; empty without that flag.
Outcome<std::string> read_recipient(const Options& options, const Terminal& terminal) {
  constexpr std::size_t kMaxRecipient = 64 << 10;
  const std::string& file = options.encrypt_to_file;
  if (file.empty()) return std::string();
  if (file == "-") return std::string(TRY(terminal.read_all(kMaxRecipient)).reveal());
  auto text = kube::read_file(file);
  if (!text) return give_up(ExitCode::Failed, "--encrypt-to: " + text.error().message);
  return std::move(*text);
}

Options sealed(Options options) {
  if (options.delete_after.empty()) options.delete_after = kShowWindow;
  return options;
}

Outcome<ExitCode> create(Cluster& cluster, const std::string& name, const Options& options,
                         const Terminal& terminal) {
  // Only a value that this command shows is sealed, to a one-time key. A value that the operator
  // rotates automatically is not: by the time of a rotation the key no longer exists.
  std::optional<core::OneTimeKey> key;
  std::string recipient = TRY(read_recipient(options, terminal));
  const bool stays = options.keep || options.rotates || !recipient.empty();
  if (!stays && options.dry_run != DryRun::Client && shows_value(options, terminal)) {
    key = TRY(make_one_time_key());
    recipient = key->jwk;
  }
  const auto manifest =
      make_manifest(name, cluster.name_space(), key ? sealed(options) : options, recipient);
  if (const auto finding = examine(manifest.dump()); !finding.problems.empty()) {
    return give_up(ExitCode::Failed, fmt::format("apitoken \"{}\" was not sent: {}", name,
                                                 fmt::join(finding.problems, "; ")));
  }
  if (options.dry_run == DryRun::Client) return show_unsent(manifest, options, terminal);
  if (options.dry_run == DryRun::None && recipient.empty()) {
    const auto& secret = options.secret_name.empty() ? name : options.secret_name;
    TRY(check_value_can_be_shown(cluster, terminal, options, secret));
  }
  const auto made = cluster.create(name, manifest.dump());
  if (!made) return std::unexpected(key ? with_hint_of_age(made.error()) : made.error());
  if (options.dry_run == DryRun::Server || !options.wait)
    return show_without_waiting(*made, options, terminal);
  return await_new(cluster, made->token.meta, key ? &*key : nullptr, options, terminal);
}

}  // namespace

Outcome<ExitCode> run_create(const Invocation& invocation, const Terminal& terminal) {
  const auto cluster = TRY(Cluster::connect(invocation.options, terminal.stop()));
  return create(*cluster, invocation.arguments.front(), invocation.options, terminal);
}

Outcome<ExitCode> run_login(const Invocation& invocation, const Terminal& terminal) {
  const auto cluster = TRY(Cluster::connect(invocation.options, terminal.stop()));
  const auto user = TRY(cluster->who_am_i());
  if (user.starts_with("system:")) {
    return give_up(ExitCode::Failed,
                   fmt::format("you are {}, and no token may authenticate a user of Kubernetes "
                               "itself; use another --context, or kubectl apitoken create with "
                               "--user and --type Temporary",
                               user));
  }
  Options options = invocation.options;
  options.user = user;
  options.type = api::kTemporary;
  return create(*cluster, login_name(user), options, terminal);
}

}  // namespace apitoken::cli
