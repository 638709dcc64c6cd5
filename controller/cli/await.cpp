// Polls an ApiToken.
#include "cli/await.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "api/names.hpp"
#include "base/duration.hpp"
#include "base/rfc3339.hpp"
#include "core/plain_text.hpp"

namespace apitoken::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kFirstPause{100};
constexpr milliseconds kMaxPause{1000};
// After this time without an answer, progress shows state_of(), which names the operator.
constexpr milliseconds kNoAnswerAfter{3000};

const api::Condition* condition_of(const api::ApiToken& token, std::string_view type) {
  return api::find_condition(token.status.conditions, type);
}

std::string text_of(const api::Condition& condition) {
  return core::plain_text(condition.message.empty()
                              ? condition.reason
                              : fmt::format("{}: {}", condition.reason, condition.message));
}

// The status answers the present spec and the present rotation request.
bool is_answered(const api::ApiToken& token) {
  const auto request = token.meta.annotations.find(api::kRotateRequestAnnotation);
  const bool rotated = request == token.meta.annotations.end() ||
                       request->second == token.status.last_rotation_request;
  return rotated && token.status.observed_generation >= token.meta.generation &&
         condition_of(token, api::condition::kReady) != nullptr;
}

}  // namespace

std::string state_of(const api::ApiToken& token) {
  if (!is_answered(token)) {
    return fmt::format(
        "no answer from apitoken-operator yet; is it running? Do its --namespaces "
        "include {}?",
        token.meta.ns);
  }
  return text_of(*condition_of(token, api::condition::kReady));
}

Outcome<bool> is_minted(const api::ApiToken& token) {
  if (token.meta.deleted)
    return give_up(ExitCode::NotFound,
                   fmt::format("apitoken \"{}\" is being deleted", token.meta.name));
  if (token.status.observed_generation < token.meta.generation) return false;
  const auto* const stalled = condition_of(token, api::condition::kStalled);
  if (stalled != nullptr && stalled->status == api::condition::kTrue) {
    return give_up(ExitCode::Failed, fmt::format("apitoken \"{}\" gets no token: {}",
                                                 token.meta.name, text_of(*stalled)));
  }
  const auto* const ready = condition_of(token, api::condition::kReady);
  return ready != nullptr && ready->status == api::condition::kTrue &&
         !token.status.token_hash.empty();
}

WallTime next_request(const api::ObjectMeta& meta, std::string_view annotation, WallTime now) {
  const auto before = meta.annotations.find(annotation);
  const auto last = before == meta.annotations.end() ? std::nullopt : parse_rfc3339(before->second);
  return last && *last >= now ? *last + Seconds(1) : now;
}

bool is_revocation_done(const api::ApiToken& token) {
  const auto* const ready = condition_of(token, api::condition::kReady);
  return ready != nullptr && ready->reason == api::reason::kRevoked &&
         token.status.token_hash.empty();
}

Outcome<ShownToken> await(Cluster& cluster, const Terminal& terminal, const Wait& wait) {
  const auto begin = steady_clock::now();
  const auto interrupted =
      give_up(ExitCode::Interrupted, fmt::format("interrupted; {}", wait.on_timeout));
  Progress progress(terminal);
  std::string state = "no answer yet";
  for (milliseconds pause = kFirstPause;; pause = std::min(pause * 2, kMaxPause)) {
    bool unanswered = false;
    auto token = cluster.get(wait.name);
    if (token) {
      if (TRY(wait.done(*token))) return token;
      state = state_of(token->token);
      unanswered = !is_answered(token->token);
    } else if (token.error().code == ExitCode::Interrupted) {
      return interrupted;
    } else if (token.error().code == ExitCode::NotAllowed) {
      return give_up(ExitCode::NotAllowed,
                     fmt::format("{}; {}", token.error().message, wait.on_timeout));
    } else if (token.error().code != ExitCode::Unreachable) {
      return token;
    } else {
      state = token.error().message;
    }
    const auto spent = steady_clock::now() - begin;
    if (spent >= wait.timeout) {
      return give_up(ExitCode::TimedOut,
                     fmt::format("apitoken \"{}\" was not served within {}: {}; {}", wait.name,
                                 format_duration_short(wait.timeout), state, wait.on_timeout));
    }
    progress.show(unanswered && spent < kNoAnswerAfter ? "asked apitoken-operator" : state);
    if (!terminal.pause(pause)) return interrupted;
  }
}

}  // namespace apitoken::cli
