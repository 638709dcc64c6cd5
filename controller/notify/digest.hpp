// The mail itself: what a digest of notices says, in text and HTML, and its headers. Pure; the
// dispatcher calls it. Whatever a user wrote is escaped and freed of control characters. Source:
// RFC 5322 (headers), RFC 2045 and 2046 (MIME), RFC 3834 (Auto-Submitted)
#pragma once

#include <string>
#include <vector>

#include "core/addresses.hpp"
#include "core/notices.hpp"

namespace apitoken::notify {

struct Digest {
  std::vector<core::Notice> notices;  // in any order; shown by expiry
  core::Mailbox from;
  std::vector<std::string> recipients;  // all of them stand in To
  std::string message_id;               // with its angle brackets
  WallTime now{};
  bool to_user = false;  // to a token's user: what others wrote, the description, stays out
};

// Tokens that a mail lists; the rest are counted.
inline constexpr std::size_t kMaxListed = 200;

// "3 API tokens expire within 7 days, the first on 2026-12-01 (team-a/ci-deploy)"
std::string digest_subject(const Digest& digest);
std::string digest_text(const Digest& digest);
std::string digest_html(const Digest& digest);
// The whole message, lines ended by CRLF and at most 78 characters long where that can be.
// Deterministic.
std::string render_mail(const Digest& digest);

}  // namespace apitoken::notify
