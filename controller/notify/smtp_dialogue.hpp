// SmtpDialogue: what client and server said in one attempt, and how long each may be silent. The
// email channel feeds it on the thread that sends; values in, values out. It never keeps what
// follows AUTH: those lines bear the login. Source: RFC 5321 section 4.5.3.2 (time limits),
// section 4.2 (replies)
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace apitoken::notify {

// How long a phase may take. RFC 5321 4.5.3.2 gives all but `connect`.
struct EmailTimeouts {
  std::chrono::milliseconds connect{30'000};  // name and TCP
  std::chrono::milliseconds greeting{
      300'000};  // the server's 220, TLS from the first byte included
  std::chrono::milliseconds command{
      300'000};                              // EHLO, STARTTLS with its handshake, AUTH, MAIL, RCPT
  std::chrono::milliseconds data{120'000};   // the 354 after DATA
  std::chrono::milliseconds block{180'000};  // a piece of the message
  std::chrono::milliseconds final_dot{600'000};  // the answer to the whole message
};

struct SmtpReply {
  std::string to;  // the command that it answers: "EHLO", "AUTH LOGIN", "RCPT", "." for the
                   // message; empty: none
  int code = 0;
  std::string text;  // "550 5.1.1 no such user", printable and cut
};

class SmtpDialogue {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `total`: for the whole attempt; zero: no limit but those of the phases.
  SmtpDialogue(const EmailTimeouts& limits, std::chrono::milliseconds total, Time now);

  void on_connected(Time now);
  // Bytes that the client sent outside a message.
  void on_command(std::string_view bytes, Time now);
  // A piece of the message was handed over; `last`: there is no more.
  void on_body(bool last, Time now);
  // A line of the server; of several lines of a reply the last stands for all.
  void on_line(std::string_view line, Time now);

  bool is_connected() const { return phase_ != Phase::Connect; }
  // Why the attempt must end now: "no answer to DATA for 120 s"; nothing while the server has time
  // left.
  std::optional<std::string> overdue(Time now) const;
  // What the attempt waits for, as overdue() would say.
  std::string waits_for() const;

  const SmtpReply* last_reply() const { return replies_.empty() ? nullptr : &replies_.back(); }
  // The replies to RCPT, in order.
  std::vector<SmtpReply> recipient_replies() const;
  // "AUTH PLAIN" once it was said.
  const std::string& login_command() const { return login_command_; }
  // What EHLO's answer offers after AUTH: "PLAIN LOGIN"; empty: no AUTH.
  const std::string& offered_logins() const { return offered_logins_; }

 private:
  enum class Phase { Connect, Greeting, Command, Data, Body, FinalDot };
  std::chrono::milliseconds limit() const;
  void enter(Phase phase, Time now);

  const EmailTimeouts limits_;
  const std::chrono::milliseconds total_;
  const Time start_;
  Time since_;  // the phase's last sign of life
  Phase phase_ = Phase::Connect;
  std::string command_;  // the last one
  std::string login_command_;
  std::string offered_logins_;
  std::vector<SmtpReply> replies_;
};

}  // namespace apitoken::notify
