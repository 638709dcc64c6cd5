// Matches replies with commands, and measures each phase.
#include "notify/smtp_dialogue.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.hpp"
#include "core/plain_text.hpp"

namespace apitoken::notify {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMaxReply = 200;
constexpr int kGoodbye = 221;
constexpr int kGoAheadWithLogin = 334;
constexpr std::string_view kEndOfMessage = ".";

std::string_view without_line_end(std::string_view line) {
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// "AUTH PLAIN" of "AUTH PLAIN AHJvYm90AHM=", "RCPT" of "RCPT TO:<a@example.com>".
std::string name_of(std::string_view command) {
  const auto space = command.find(' ');
  const std::string_view verb = command.substr(0, space);
  if (verb != "AUTH") return std::string(verb);
  return std::string(command.substr(0, command.find(' ', space + 1)));
}

std::string seconds(milliseconds time) {
  return time < std::chrono::seconds(1) ? fmt::format("{} ms", time.count())
                                        : fmt::format("{} s", time.count() / 1000);
}

}  // namespace

SmtpDialogue::SmtpDialogue(const EmailTimeouts& limits, milliseconds total, Time now)
    : limits_(limits), total_(total), start_(now), since_(now) {}

void SmtpDialogue::enter(Phase phase, Time now) {
  phase_ = phase;
  since_ = now;
}

void SmtpDialogue::on_connected(Time now) { enter(Phase::Greeting, now); }

void SmtpDialogue::on_command(std::string_view bytes, Time now) {
  const SmtpReply* last = last_reply();
  enter(Phase::Command, now);
  if (last && last->code == kGoAheadWithLogin) return;  // a piece of the login
  command_ = name_of(without_line_end(bytes));
  if (command_ == "DATA") phase_ = Phase::Data;
  if (command_.starts_with("AUTH")) login_command_ = command_;
}

void SmtpDialogue::on_body(bool last, Time now) {
  enter(last ? Phase::FinalDot : Phase::Body, now);
  command_ = kEndOfMessage;
}

void SmtpDialogue::on_line(std::string_view line, Time now) {
  line = without_line_end(line);
  if (line.size() < 3 || !std::ranges::all_of(line.substr(0, 3), is_digit)) return;
  const std::string_view text = line.size() > 4 ? line.substr(4) : std::string_view();
  if (command_ == "EHLO" && (text.starts_with("AUTH ") || text.starts_with("AUTH=")))
    offered_logins_ = core::cut_text(core::plain_text(text.substr(5)), kMaxReply);
  if (line.size() > 3 && line[3] == '-') return;
  const int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
  if (code == kGoodbye) return;  // libcurl says QUIT after a refusal, which stays the last word
  replies_.push_back({command_, code, core::cut_text(core::plain_text(line), kMaxReply)});
  since_ = now;
}

milliseconds SmtpDialogue::limit() const {
  switch (phase_) {
    case Phase::Connect:
      return limits_.connect;
    case Phase::Greeting:
      return limits_.greeting;
    case Phase::Command:
      return limits_.command;
    case Phase::Data:
      return limits_.data;
    case Phase::Body:
      return limits_.block;
    case Phase::FinalDot:
      return limits_.final_dot;
  }
  return limits_.command;
}

std::string SmtpDialogue::waits_for() const {
  switch (phase_) {
    case Phase::Connect:
      return "no connection";
    case Phase::Greeting:
      return "connected, and no greeting";
    case Phase::Body:
      return "the message is not taken";
    case Phase::FinalDot:
      return "no answer to the message";
    default:
      return "no answer to " + command_;
  }
}

std::optional<std::string> SmtpDialogue::overdue(Time now) const {
  if (now - since_ >= limit()) return fmt::format("{} for {}", waits_for(), seconds(limit()));
  if (total_.count() > 0 && now - start_ >= total_)
    return fmt::format("{} within {}", waits_for(), seconds(total_));
  return {};
}

std::vector<SmtpReply> SmtpDialogue::recipient_replies() const {
  std::vector<SmtpReply> found;
  std::ranges::copy_if(replies_, std::back_inserter(found),
                       [](const SmtpReply& reply) { return reply.to == "RCPT"; });
  return found;
}

}  // namespace apitoken::notify
