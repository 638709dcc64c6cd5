// A digest: one mail about the notices of one TokenExpiryConfig. Pure; any thread; the dispatcher
// is the caller. All text from users is escaped and freed of control characters. Sources: RFC 5322
// (headers), RFC 2045 and 2046 (MIME), RFC 3834 (Auto-Submitted), RFC 2156 (Importance).
//
// What a mail holds, as text and as HTML alike:
//   headline        how many tokens, until when; cluster and TokenExpiryConfig
//   cards           one for each token, the most urgent first, with its commands; at most kMaxCards
//   namespaces      the other tokens, one line each, by namespace; the rest counted
//   how to renew    and who sent the mail
#pragma once

#include <string>
#include <vector>

#include "core/addresses.hpp"
#include "core/notices.hpp"

namespace apitoken::notify {

struct Digest {
  std::vector<core::Notice> notices;  // of one TokenExpiryConfig, in any order
  core::Mailbox from;
  std::vector<std::string> recipients;  // all appear in To
  std::string message_id;               // with its angle brackets
  WallTime now{};
  bool to_user = false;  // to a token's user: descriptions, which others wrote, are left out
  core::Installation installation{};
};

// "[prod-eu] 3 API tokens expire within 7 days, the first on 2026-12-01 (team-a/ci-deploy)"
std::string digest_subject(const Digest& digest);
std::string digest_text(const Digest& digest);
// Below 100 kB, since Gmail cuts longer ones. Tables and inline styles, for Outlook; no images.
std::string digest_html(const Digest& digest);
// The whole message: lines end with CRLF and have at most 78 characters where that is possible.
// Deterministic.
std::string render_mail(const Digest& digest);

}  // namespace apitoken::notify
