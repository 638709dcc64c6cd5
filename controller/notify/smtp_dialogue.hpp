// SmtpDialogue: the commands and replies of one attempt, and the time limits of each phase. The
// email channel feeds it on the thread that sends; plain values, no I/O. It never keeps the lines
// after AUTH, which hold the login. Source: RFC 5321 section 4.5.3.2 (time limits), section 4.2
// (replies)
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace apitoken::notify {

// Limits of the phases of an attempt. RFC 5321 4.5.3.2 gives all but `connect`.
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
  // A line from the server. The last line of a reply with several lines is kept.
  void on_line(std::string_view line, Time now);

  bool is_connected() const { return phase_ != Phase::Connect; }
  // Why the attempt must end now: "no answer to DATA for 120 s". Empty: the server has time left.
  std::optional<std::string> overdue(Time now) const;
  // What the attempt waits for, in the words of overdue().
  std::string waits_for() const;

  const SmtpReply* last_reply() const { return replies_.empty() ? nullptr : &replies_.back(); }
  // The replies to RCPT, in order.
  std::vector<SmtpReply> recipient_replies() const;
  // "AUTH PLAIN"; empty before AUTH was sent.
  const std::string& login_command() const { return login_command_; }
  // The mechanisms in the answer to EHLO: "PLAIN LOGIN"; empty: no AUTH offered.
  const std::string& offered_logins() const { return offered_logins_; }

 private:
  enum class Phase { Connect, Greeting, Command, Data, Body, FinalDot };
  std::chrono::milliseconds limit() const;
  void enter(Phase phase, Time now);

  const EmailTimeouts limits_;
  const std::chrono::milliseconds total_;
  const Time start_;
  Time since_;  // when the phase began or last made progress
  Phase phase_ = Phase::Connect;
  std::string command_;  // the last one
  std::string login_command_;
  std::string offered_logins_;
  std::vector<SmtpReply> replies_;
};

}  // namespace apitoken::notify
