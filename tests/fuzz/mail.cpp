// Mails with any text of users: no text becomes a header, and no line is longer than mail allows.
#include "fuzz/fuzz.hpp"
#include "notify/digest.hpp"
#include "notify/mail_text.hpp"

namespace apitoken::fuzz {
namespace {

notify::Digest digest_of(std::string_view input) {
  core::Notice notice;
  notice.key = {.token_uid = "u",
                .expires_at = WallTime(Seconds(1774355400)),
                .config = "c",
                .before = Seconds(3600)};
  notice.ns = take_part(input);
  notice.name = take_part(input);
  notice.user = take_part(input);
  notice.type = take_part(input);
  notice.token_id = take_part(input);
  notice.description = input;
  return {.notices = {notice, notice},
          .from = {.display = notice.user, .address = "tokens@example.com"},
          .recipients = {"ops@example.com"},
          .message_id = "<id@example.com>",
          .now = WallTime(Seconds(1774350000))};
}

void check_message(std::string_view message) {
  std::size_t headers = 0;
  bool in_head = true;
  while (!message.empty()) {
    const std::size_t end = message.find("\r\n");
    require(end != message.npos, "each line ends with CRLF");
    const std::string_view line = message.substr(0, end);
    require(line.size() <= 998, "RFC 5322 section 2.1.1: at most 998 characters");
    require(line.find_first_of("\r\n") == line.npos, "no bare CR or LF");
    for (const char c : line)
      require(static_cast<unsigned char>(c) < 0x80 && c != '\0', "ASCII, as it is encoded");
    if (line.empty()) in_head = false;
    if (in_head && !line.starts_with(' ') && !line.starts_with('\t')) ++headers;
    message.remove_prefix(end + 2);
  }
  static const std::size_t usual = headers;  // of the first input
  require(headers == usual, "no input adds a header");
}

}  // namespace

void fuzz(std::string_view input) {
  (void)notify::header_line("Subject", input);
  (void)notify::quoted_printable(input);
  (void)notify::escape_html(input);
  const auto digest = digest_of(input);
  (void)notify::digest_html(digest);
  check_message(notify::render_mail(digest));
}

}  // namespace apitoken::fuzz
