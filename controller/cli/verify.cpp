// verify: is this a token of this cluster, and does it work now? Checks format and checksum, and
// looks for the hash among the ApiTokens that the user may list. Never sends the token anywhere.
#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.hpp"
#include "base/rfc3339.hpp"
#include "cli/cluster.hpp"
#include "cli/commands.hpp"
#include "cli/minted.hpp"
#include "core/plain_text.hpp"
#include "core/token_format.hpp"

namespace apitoken::cli {
namespace {

constexpr std::size_t kMaxToken = 64 << 10;

std::string owner_of(const api::ApiToken& token) {
  return core::plain_text(
      fmt::format("apitoken {}/{}, user {}", token.meta.ns, token.meta.name, token.spec.user));
}

ExitCode not_valid(const Terminal& terminal, std::string_view why) {
  terminal.out(fmt::format("not valid: {}\n", why));
  return ExitCode::NotValid;
}

ExitCode report_present(const api::ApiToken& token, const Terminal& terminal) {
  const auto now = SystemClock{}.wall();
  const auto& status = token.status;
  const auto owner = owner_of(token);
  if (!status.expires_at || *status.expires_at <= now)
    return not_valid(terminal, fmt::format("{}: {}", owner, expiry_text(status, now)));
  terminal.out(fmt::format("valid: {}, {}\n", owner, expiry_text(status, now)));
  return ExitCode::Ok;
}

ExitCode report_previous(const api::ApiToken& token, const Terminal& terminal) {
  const auto owner = owner_of(token);
  const auto until = token.status.previous->valid_until;
  if (until <= SystemClock{}.wall()) {
    return not_valid(terminal, fmt::format("{}: rotated; this previous value ended {}", owner,
                                           format_rfc3339(until)));
  }
  terminal.out(fmt::format("valid: {}, the previous value, which works until {}\n", owner,
                           format_rfc3339(until)));
  return ExitCode::Ok;
}

// The ApiTokens of all namespaces; those of one namespace if the user names it, or may list no
// other.
Outcome<std::vector<ShownToken>> candidates(Cluster& cluster, const Options& options,
                                            const Terminal& terminal) {
  if (!options.name_space.empty() && !options.all_namespaces)
    return cluster.list(cluster.name_space(), "");
  auto all = cluster.list("", "");
  if (all || options.all_namespaces || all.error().code != ExitCode::NotAllowed) return all;
  auto some = cluster.list(cluster.name_space(), "");
  if (some)
    terminal.note(
        fmt::format("Searched only namespace {}: you may not list ApiTokens of all namespaces.",
                    cluster.name_space()));
  return some;
}

// Three parts in base64url with dots between them, the first beginning with {" as a JSON header
// does.
bool looks_like_jwt(std::string_view value) {
  const auto allowed = [](char c) {
    return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.';
  };
  return value.starts_with("eyJ") && std::ranges::count(value, '.') == 2 &&
         std::ranges::all_of(value, allowed);
}

Status check_format(std::string_view value) {
  if (value.empty())
    return fail(ErrorKind::Invalid, "the token is empty; pass it on standard input");
  if (looks_like_jwt(value) || core::is_well_formed(value)) return {};
  if (!value.starts_with("apt_"))
    return fail(ErrorKind::Invalid, "it does not begin with apt_, and is not a JWT");
  return fail(ErrorKind::Invalid,
              "its length, alphabet or checksum is wrong: mistyped, cut off, or not a token of "
              "this operator");
}

}  // namespace

Outcome<ExitCode> run_verify(const Invocation& invocation, SecretString token,
                             const Terminal& terminal) {
  const Options& options = invocation.options;
  if (!token.empty()) {
    terminal.note(
        "Warning: a token on the command line stays in the shell's history; pass it on standard "
        "input.");
  } else {
    if (terminal.streams().in_terminal) terminal.note("Paste the token, then Enter and Ctrl-D:");
    token = TRY(terminal.read_all(kMaxToken));
  }
  if (const Status format = check_format(token.reveal()); !format)
    return not_valid(terminal, format.error().message);
  if (options.offline) {
    terminal.out(looks_like_jwt(token.reveal())
                     ? "well-formed: it has the form of a JWT; only its issuer's keys and the "
                       "cluster show whether it works\n"
                     : "well-formed: prefix, length and checksum are right; only the cluster shows "
                       "whether it works\n");
    return ExitCode::Ok;
  }
  const auto cluster = TRY(Cluster::connect(options, terminal.stop()));
  const auto tokens = TRY(candidates(*cluster, options, terminal));
  const auto hash = core::token_hash(token.reveal());
  for (const ShownToken& shown : tokens) {
    const auto& status = shown.token.status;
    if (status.token_hash == hash) return report_present(shown.token, terminal);
    if (status.previous && status.previous->token_hash == hash)
      return report_previous(shown.token, terminal);
  }
  return not_valid(
      terminal,
      fmt::format(
          "well-formed, but none of {} ApiTokens has this value: revoked, replaced, deleted, or of "
          "another cluster or namespace",
          tokens.size()));
}

}  // namespace apitoken::cli
