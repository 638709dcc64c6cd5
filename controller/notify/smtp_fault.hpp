// Error messages for a failed mail or login: the server, its reply and the remedy. Pure; the email
// channel calls it. No message has the password, even if a server echoes it.
#pragma once

#include <string>
#include <string_view>

#include "notify/mail_channel.hpp"
#include "notify/smtp_dialogue.hpp"

namespace apitoken::notify {

enum class SmtpFault {
  Canceled,
  Overdue,         // detail: what the attempt waited for
  AddressRefused,  // by us: without TLS the settings may not lead there; detail: the address
  LoginRefused,    // by the server, or by us: no mechanism that both know
  NoTls,           // no STARTTLS, or its handshake failed
  Untrusted,       // the certificate
  Refused,         // a reply of 4xx or 5xx
  Connection,      // anything else; detail: what broke
};

Error explain_fault(SmtpFault fault, std::string_view detail, const MailSettings& settings,
                    const SmtpDialogue& dialogue);

// The text of a reply; its code alone if the text has the password.
std::string words_of(const SmtpReply& reply, const MailSettings& settings);

}  // namespace apitoken::notify
