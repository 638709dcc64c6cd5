// What a mail server says: an input's lines are replies, those that begin with ">" commands of
// ours.
#include "fuzz/fuzz.hpp"
#include "notify/smtp_fault.hpp"

namespace apitoken::fuzz {
namespace {

bool is_one_line(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0\x1b", 4)) == text.npos;
}

}  // namespace

void fuzz(std::string_view input) {
  const notify::SmtpDialogue::Time now{};
  notify::SmtpDialogue dialogue({}, {}, now);
  dialogue.on_connected(now);
  while (!input.empty()) {
    const std::size_t end = input.find('\n');
    const std::string_view line = input.substr(0, end);
    line.starts_with('>') ? dialogue.on_command(line.substr(1), now) : dialogue.on_line(line, now);
    input.remove_prefix(end == input.npos ? input.size() : end + 1);
  }
  (void)dialogue.waits_for();
  for (const auto& reply : dialogue.recipient_replies())
    require(is_one_line(reply.text), "a reply is one line");
  if (dialogue.last_reply() != nullptr)
    require(is_one_line(dialogue.last_reply()->text), "a reply is one line");
  for (const auto fault :
       {notify::SmtpFault::LoginRefused, notify::SmtpFault::Refused, notify::SmtpFault::NoTls})
    require(is_one_line(notify::explain_fault(fault, "", {}, dialogue).message),
            "an explanation is one line");
}

}  // namespace apitoken::fuzz
