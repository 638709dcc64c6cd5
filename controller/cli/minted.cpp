// Waits for a minted value and shows it.
#include "cli/minted.hpp"

#include <fmt/format.h>

#include "api/names.hpp"
#include "base/rfc3339.hpp"
#include "cli/clipboard.hpp"
#include "cli/print.hpp"
#include "cli/sealed.hpp"
#include "cli/time_text.hpp"
#include "core/plain_text.hpp"
#include "core/plan_secret.hpp"
#include "core/token_format.hpp"

namespace apitoken::cli {
namespace {

// The value to show, or why it cannot be shown.
struct Delivery {
  SecretString value;
  std::optional<Failure> refusal;
};

bool wants_value(const Options& options, const Terminal& terminal) {
  if (options.output == Output::Token || options.copy) return true;
  return options.output == Output::Text &&
         options.show_value.value_or(terminal.streams().out_terminal);
}

// Fetches the value. Returns true if the wait ends.
Outcome<bool> fetch(Cluster& cluster, const ShownToken& shown, const core::OneTimeKey* key,
                    Delivery& delivery) {
  const api::ApiToken& token = shown.token;
  auto value = key != nullptr ? open_value(*key, shown) : cluster.value_of(token);
  if (!value && value.error().code == ExitCode::Interrupted) return false;  // await() ends the wait
  if (!value) {
    delivery.refusal = value.error();
    return value.error().code != ExitCode::Unreachable;
  }
  delivery.refusal.reset();
  if (core::token_hash(value->reveal()) != token.status.token_hash) return false;
  delivery.value = std::move(*value);
  return true;
}

std::string where(const api::ApiToken& token) {
  return fmt::format("Secret {}, key {}", token.secret_name(), core::key_to_mint(token));
}

std::string why_hidden(const api::ApiToken& token) {
  if (is_sealed(token)) return "its value was shown once, by the command that created it";
  if (token.spec.secret->encrypt_to) return "its value is encrypted for its recipient";
  return "its value is not shown, because standard output is not a terminal; --show-value or "
         "-o token print it";
}

Outcome<ExitCode> show_text(const Terminal& terminal, const Options& options,
                            const api::ApiToken& token, const Minting& minting,
                            const Delivery& delivery) {
  const auto done_line = fmt::format("{} {}", full_name(minting.name), minting.verb);
  // A sealed value that cannot be shown is a failure of the whole command.
  if (delivery.refusal && minting.key != nullptr) {
    return give_up(delivery.refusal->code, delivery.refusal->message);
  }
  if (options.output == Output::Token) {
    terminal.note(done_line);
  } else {
    terminal.out(done_line + "\n");
    terminal.note(core::plain_text(
        fmt::format("{}, {}, {}; {}", token.spec.user, token.status.type,
                    expiry_text(token.status, SystemClock{}.wall()),
                    minting.key != nullptr ? "shown this once, and kept in no Secret (see --keep)"
                                           : where(token))));
  }
  if (delivery.refusal) {
    return give_up(delivery.refusal->code, fmt::format("{}, but its value cannot be shown: {}",
                                                       done_line, delivery.refusal->message));
  }
  if (!delivery.value.empty() && options.copy) {
    terminal.note(copied_note(TRY(copy_to_clipboard(delivery.value, terminal))));
  } else if (!delivery.value.empty()) {
    terminal.out_value(delivery.value);
  } else if (options.output == Output::Token) {
    return give_up(ExitCode::Failed,
                   fmt::format("{}, but {}: {}", done_line, why_hidden(token), where(token)));
  } else if (token.spec.secret->encrypt_to || !options.show_value) {
    terminal.note(fmt::format("Note: {}", why_hidden(token)));
  }
  return ExitCode::Ok;
}

}  // namespace

std::string expiry_text(const api::ApiTokenStatus& status, WallTime now) {
  if (!status.expires_at) return "no expiry yet";
  const auto when = format_rfc3339(*status.expires_at);
  if (*status.expires_at <= now)
    return fmt::format("expired {} ({} ago)", when, short_span(now - *status.expires_at));
  return fmt::format("expires {} (in {})", when, short_span(*status.expires_at - now));
}

bool shows_value(const Options& options, const Terminal& terminal) {
  return options.wait && wants_value(options, terminal);
}

Outcome<void> check_value_can_be_shown(Cluster& cluster, const Terminal& terminal,
                                       const Options& options, const std::string& secret_name) {
  if (!shows_value(options, terminal)) return {};
  if (TRY(cluster.may_read_secret(secret_name))) return {};
  return give_up(ExitCode::NotAllowed,
                 fmt::format("you may not read Secret {} in namespace {}, which would hold the "
                             "value, so no request was sent; leave out --keep, ask for get on "
                             "secrets (the ClusterRole edit has it), or leave the value there: "
                             "--show-value=false{}",
                             secret_name, cluster.name_space(),
                             options.output == Output::Token ? " instead of -o token" : ""));
}

Outcome<ExitCode> await_and_show(Cluster& cluster, const Terminal& terminal, const Options& options,
                                 const Minting& minting) {
  const bool with_value = wants_value(options, terminal);
  Delivery delivery;
  const auto done = [&](const ShownToken& shown) {
    const api::ApiToken& token = shown.token;
    auto ready = minting.minted(token);
    const bool can_open = minting.key != nullptr || !token.spec.secret->encrypt_to;
    return !ready || !*ready || !with_value || !can_open
               ? ready
               : fetch(cluster, shown, minting.key, delivery);
  };
  const auto served = TRY(await(cluster, terminal,
                                {.name = minting.name,
                                 .timeout = options.timeout,
                                 .done = done,
                                 .on_timeout = minting.on_timeout}));
  if (options.output != Output::Text && options.output != Output::Token) {
    terminal.out(print_objects({served.json}, options.output, false));
    return ExitCode::Ok;
  }
  return show_text(terminal, options, served.token, minting, delivery);
}

}  // namespace apitoken::cli
