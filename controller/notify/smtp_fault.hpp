// Why a mail or a login failed, in words that name the server, what it said and the remedy. Pure;
// the email channel calls it. No text carries the password, even where a server echoes it.
#pragma once

#include <string>
#include <string_view>

#include "notify/mail_channel.hpp"
#include "notify/smtp_dialogue.hpp"

namespace apitoken::notify {

enum class SmtpFault {
  Canceled,
  Overdue,         // detail: what was waited for
  AddressRefused,  // by us, since it lies too far for what goes there without TLS; detail: the
                   // address
  LoginRefused,    // by the server, or by us for want of a mechanism
  NoTls,           // no STARTTLS, or its handshake failed
  Untrusted,       // the certificate
  Refused,         // a reply of 4xx or 5xx
  Connection,      // anything else; detail: what broke
};

Error explain_fault(SmtpFault fault, std::string_view detail, const MailSettings& settings,
                    const SmtpDialogue& dialogue);

// The server's words, without the password.
std::string words_of(const SmtpReply& reply, const MailSettings& settings);

}  // namespace apitoken::notify
