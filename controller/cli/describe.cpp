// describe: everything about ApiTokens, for people.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "api/names.hpp"
#include "base/duration.hpp"
#include "base/rfc3339.hpp"
#include "cli/commands.hpp"
#include "cli/minted.hpp"
#include "cli/print.hpp"
#include "cli/time_text.hpp"
#include "cli/token_table.hpp"
#include "core/lifetimes.hpp"
#include "core/plain_text.hpp"
#include "core/plan_secret.hpp"

namespace apitoken::cli {
namespace {

void line(const Terminal& terminal, std::string_view name, std::string_view value,
          Colour colour = Colour::None) {
  if (value.empty()) return;
  terminal.out(fmt::format("{:<16}{}\n", fmt::format("{}:", name),
                           terminal.painted(colour, core::plain_text(value))));
}

std::string when(const std::optional<WallTime>& time) { return time ? format_rfc3339(*time) : ""; }

std::string left_of(const api::ApiToken& token, WallTime now) {
  if (is_revocation_done(token)) return "revoked";
  const auto expiry = *token.status.expires_at;
  return expiry <= now ? short_span(now - expiry) + " ago" : "in " + short_span(expiry - now);
}

void show_spec(const api::ApiToken& token, const Terminal& terminal) {
  line(terminal, "Name", token.meta.name);
  line(terminal, "Namespace", token.meta.ns);
  line(terminal, "Created", when(token.meta.created));
  line(terminal, "User", token.spec.user);
  line(terminal, "Description", token.spec.description);
  line(terminal, "Type", core::to_string(core::token_type(token.spec)));
  line(terminal, "TTL", token.status.ttl.empty() ? token.spec.ttl.value_or("") : token.status.ttl);
  line(terminal, "Format", token.spec.format.value_or(""));
  for (const auto& [name, list] : {std::pair{"Groups", &token.spec.groups},
                                   {"Scopes", &token.spec.scopes},
                                   {"Audiences", &token.spec.audiences}})
    line(terminal, name, fmt::format("{}", fmt::join(*list, ", ")));
  if (token.spec.revoked)
    line(terminal, "Revoked",
         is_revocation_done(token) ? "true"
                                   : "requested; the value may work until apitoken-operator acts");
}

void show_status(const api::ApiToken& token, const Terminal& terminal, WallTime now) {
  const auto& status = token.status;
  line(terminal, "Issued", when(status.issued_at));
  if (status.expires_at)
    line(terminal, "Expires", fmt::format("{} ({})", when(status.expires_at), left_of(token, now)),
         colour_of(token, now));
  line(terminal, "Warned From", when(status.warn_at));
  line(terminal, "Rotates", when(status.rotate_at));
  line(terminal, "Token ID", status.token_id);
  line(terminal, "Hint", status.hint);
  const auto key = core::key_to_mint(token);
  if (!is_revocation_done(token))
    line(terminal, "Secret", fmt::format("{}, key {}", token.secret_name(), key));
  line(terminal, "Revision", status.revision > 0 ? std::to_string(status.revision) : "");
  if (status.previous)
    line(terminal, "Previous Value",
         fmt::format("{}, works until {}", status.previous->token_id,
                     format_rfc3339(status.previous->valid_until)));
  line(terminal, "Last Used", when(status.last_used_at));
}

void show_conditions(const api::ApiToken& token, const Terminal& terminal, WallTime now) {
  if (token.status.conditions.empty()) {
    terminal.out("Conditions:     none yet; is apitoken-operator running?\n");
    return;
  }
  std::vector<std::vector<Cell>> rows{{{"  TYPE"}, {"STATUS"}, {"REASON"}, {"SINCE"}, {"MESSAGE"}}};
  for (const auto& condition : token.status.conditions) {
    const bool ready = condition.type == api::condition::kReady;
    rows.push_back({{fmt::format("  {}", condition.type)},
                    {std::string(condition.status), ready ? colour_of(token, now) : Colour::None},
                    {std::string(condition.reason)},
                    {short_span(now - condition.last_transition)},
                    {condition.message}});
  }
  terminal.out("Conditions:\n" + format_table(rows, [&](Colour colour, std::string_view text) {
                 return terminal.painted(colour, text);
               }));
}

void show_notices(const api::ApiToken& token, const Terminal& terminal) {
  if (token.status.notices.empty()) return;
  std::vector<std::vector<Cell>> rows{{{"  BEFORE EXPIRY"}, {"CONFIG"}, {"EVENT"}, {"MAIL"}}};
  for (const auto& notice : token.status.notices) {
    rows.push_back({{"  " + format_duration_short(notice.before)},
                    {notice.config.empty() ? "<built in>" : notice.config},
                    {notice.event_at ? when(notice.event_at) : "<none>"},
                    {notice.sent_at ? when(notice.sent_at) : "<none>"}});
  }
  terminal.out("Notices:\n" +
               format_table(rows, [](Colour, std::string_view text) { return std::string(text); }));
}

void show_events(const Outcome<std::vector<TokenEvent>>& events, const Terminal& terminal,
                 WallTime now) {
  if (!events) {
    terminal.out(fmt::format("Events:         cannot be read: {}\n", events.error().message));
    return;
  }
  if (events->empty()) {
    terminal.out("Events:         none\n");
    return;
  }
  std::vector<std::vector<Cell>> rows{{{"  TYPE"}, {"REASON"}, {"AGE"}, {"MESSAGE"}}};
  for (const auto& event : *events) {
    rows.push_back({{"  " + event.type, event.type == "Warning" ? Colour::Yellow : Colour::None},
                    {event.reason},
                    {event.at ? short_span(now - *event.at) : "<unknown>"},
                    {event.note}});
  }
  terminal.out("Events:\n" + format_table(rows, [&](Colour colour, std::string_view text) {
                 return terminal.painted(colour, text);
               }));
}

}  // namespace

Outcome<ExitCode> run_describe(const Invocation& invocation, const Terminal& terminal) {
  const Options& options = invocation.options;
  const auto cluster = TRY(Cluster::connect(options, terminal.stop()));
  std::vector<std::string> objects;
  std::optional<Failure> missing;
  bool first = true;
  for (const auto& name : invocation.arguments) {
    auto token = cluster->get(name);
    if (!token && token.error().code != ExitCode::NotFound) return std::unexpected(token.error());
    if (!token) {
      if (missing) terminal.note("error: " + missing->message);
      missing = token.error();
      continue;
    }
    if (options.output != Output::Text) {
      objects.push_back(std::move(token->json));
      continue;
    }
    const auto now = SystemClock{}.wall();
    if (!std::exchange(first, false)) terminal.out("\n");
    show_spec(token->token, terminal);
    show_status(token->token, terminal, now);
    show_conditions(token->token, terminal, now);
    show_notices(token->token, terminal);
    show_events(cluster->events_of(name), terminal, now);
  }
  if (!objects.empty())
    terminal.out(print_objects(objects, options.output, invocation.arguments.size() > 1));
  if (missing) return std::unexpected(*missing);
  return ExitCode::Ok;
}

}  // namespace apitoken::cli
