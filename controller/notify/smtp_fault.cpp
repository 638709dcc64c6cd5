// The message of each fault of an SMTP session, with its remedy.
#include "notify/smtp_fault.hpp"

#include <fmt/format.h>

#include "base/base64.hpp"
#include "core/plain_text.hpp"

namespace apitoken::notify {
namespace {

bool is_permanent(const SmtpReply* reply) { return reply && reply->code >= 500; }

bool contains(std::string_view text, std::string_view part) {
  return !part.empty() && text.find(part) != std::string_view::npos;
}

Error explain_login(const MailSettings& settings, const SmtpDialogue& dialogue) {
  const std::string server = settings.server.text();
  if (dialogue.login_command().empty()) {
    return {ErrorKind::Invalid, fmt::format("{}: no login is possible: the server offers AUTH {}, "
                                            "and {} is wanted; set spec.smtp.auth to a "
                                            "mechanism that it offers (PLAIN, LOGIN or CRAM-MD5)",
                                            server, dialogue.offered_logins(),
                                            settings.auth ? "spec.smtp.auth" : "PLAIN or LOGIN")};
  }
  const SmtpReply* reply = dialogue.last_reply();
  const std::string said =
      fmt::format("{}: authentication refused ({}): {}", server, dialogue.login_command(),
                  reply ? words_of(*reply, settings) : "no reply");
  if (!is_permanent(reply)) return {ErrorKind::Unavailable, said};
  return {
      ErrorKind::Unauthorized,
      said +
          "; put the right username and password into the Secret of spec.smtp.credentialsSecret"};
}

std::string_view remedy_for(const SmtpReply& reply, const MailSettings& settings) {
  if (reply.code == 530 && (contains(reply.text, "STARTTLS") || contains(reply.text, "TLS")))
    return settings.tls == core::TlsMode::None ? "; set spec.smtp.tls: StartTLS" : "";
  if (reply.code == 530 || reply.code == 550 || reply.code == 554) {
    const bool wants_login =
        contains(reply.text, "uthentication") || contains(reply.text, "uthenticate");
    if (wants_login && settings.username.empty())
      return "; the server wants a login: set spec.smtp.credentialsSecret";
  }
  return "";
}

Error explain_refusal(const MailSettings& settings, const SmtpDialogue& dialogue) {
  const SmtpReply* reply = dialogue.last_reply();
  if (!reply) return {ErrorKind::Unavailable, fmt::format("{}: no reply", settings.server.text())};
  const std::string what =
      reply->to == "MAIL" || reply->to == "." || reply->to == "DATA" ? "the mail" : reply->to;
  return {is_permanent(reply) ? ErrorKind::Invalid : ErrorKind::Unavailable,
          fmt::format("{}: {} was refused: {}{}", settings.server.text(),
                      what.empty() ? "the connection" : what, words_of(*reply, settings),
                      remedy_for(*reply, settings))};
}

Error explain_tls(std::string_view detail, const MailSettings& settings,
                  const SmtpDialogue& dialogue) {
  const SmtpReply* reply = dialogue.last_reply();
  if (reply && reply->to == "STARTTLS" && reply->code >= 400)
    return explain_refusal(settings, dialogue);
  return {ErrorKind::Invalid, fmt::format("{}: no TLS by STARTTLS ({}); set spec.smtp.tls: "
                                          "Implicit if the port speaks TLS from the first "
                                          "byte, as 465 does",
                                          settings.server.text(), detail)};
}

Error explain_connection(std::string_view detail, const MailSettings& settings) {
  const bool speaks_plain =
      settings.tls == core::TlsMode::Implicit &&
      (contains(detail, "wrong version number") || contains(detail, "packet length too long"));
  if (!speaks_plain)
    return {ErrorKind::Unavailable, fmt::format("{}: {}", settings.server.text(), detail)};
  return {ErrorKind::Invalid, fmt::format("{}: the port does not begin with TLS ({}): the port "
                                          "speaks STARTTLS: set spec.smtp.tls: StartTLS",
                                          settings.server.text(), detail)};
}

Error explain_overdue(std::string_view detail, const MailSettings& settings,
                      const SmtpDialogue& dialogue) {
  const bool no_greeting = dialogue.is_connected() && !dialogue.last_reply();
  const bool may_be_implicit = no_greeting && settings.tls == core::TlsMode::StartTls;
  return {ErrorKind::Unavailable,
          fmt::format(
              "{}: {}{}", settings.server.text(), detail,
              may_be_implicit
                  ? "; if the port speaks TLS from the first byte, as 465 does, set spec.smtp.tls: "
                    "Implicit"
                  : "")};
}

}  // namespace

std::string words_of(const SmtpReply& reply, const MailSettings& settings) {
  const std::string_view password = settings.password.reveal();
  if (password.empty()) return reply.text;
  const SecretString encoded(base64_encode(password));
  if (contains(reply.text, password) || contains(reply.text, encoded.reveal()))
    return fmt::format("{}", reply.code);
  return reply.text;
}

namespace {

Error explain(SmtpFault fault, std::string_view detail, const MailSettings& settings,
              const SmtpDialogue& dialogue) {
  const std::string server = settings.server.text();
  switch (fault) {
    case SmtpFault::Canceled:
      return {ErrorKind::Canceled, "stopped"};
    case SmtpFault::Overdue:
      return explain_overdue(detail, settings, dialogue);
    case SmtpFault::AddressRefused:
      return {ErrorKind::Invalid, settings.username.empty()
                                      ? fmt::format("{} leads to {}: without TLS mail goes to "
                                                    "loopback and private addresses only; set "
                                                    "spec.smtp.tls to StartTLS or Implicit",
                                                    server, detail)
                                      : fmt::format("{} leads to {}: without TLS a login goes to "
                                                    "loopback addresses only; set spec.smtp.tls "
                                                    "to StartTLS or Implicit",
                                                    server, detail)};
    case SmtpFault::LoginRefused:
      return explain_login(settings, dialogue);
    case SmtpFault::NoTls:
      return explain_tls(detail, settings, dialogue);
    case SmtpFault::Untrusted:
      return {
          ErrorKind::Invalid,
          fmt::format("{}: its certificate is not trusted ({}); name its CA in spec.smtp.caSecret",
                      server, detail)};
    case SmtpFault::Refused:
      return explain_refusal(settings, dialogue);
    case SmtpFault::Connection:
      break;
  }
  return explain_connection(detail, settings);
}

}  // namespace

Error explain_fault(SmtpFault fault, std::string_view detail, const MailSettings& settings,
                    const SmtpDialogue& dialogue) {
  Error error = explain(fault, detail, settings, dialogue);
  error.message = core::plain_text(error.message);  // one line, also if the reply had more
  return error;
}

}  // namespace apitoken::notify
