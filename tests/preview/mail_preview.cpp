// Prints a sample digest as the operator renders it: mail_preview SAMPLE PART, with SAMPLE one of
// list, user, large and PART one of subject, text, html. For docs/images and the layout test.
#include <cstdio>
#include <string>
#include <string_view>

#include "base/rfc3339.hpp"
#include "notify/digest.hpp"

namespace {

using namespace apitoken;
using namespace std::chrono_literals;

const WallTime kNow = *parse_rfc3339("2026-11-24T08:00:00Z");

core::Notice notice(std::string ns, std::string name, Seconds ahead, Seconds before,
                    std::string description) {
  return {{"uid-" + ns + name, kNow + ahead, "default", before},
          std::move(ns),
          std::move(name),
          "alice@example.com",
          "7Gk2hQ9d",
          "Permanent",
          std::move(description)};
}

notify::Digest sample(std::string_view name) {
  notify::Digest digest{.notices = {},
                        .from = {"API tokens", "tokens@example.com"},
                        .recipients = {"platform@example.com"},
                        .message_id = "<0123456789abcdef0123456789abcdef@example.com>",
                        .now = kNow,
                        .to_user = name == "user",
                        .installation = {"prod-eu", "https://tokens.example.com"}};
  digest.notices = {notice("shop", "legacy-export", 42min, 1h, "nightly export to the warehouse"),
                    notice("team-a", "ci-deploy", 7 * 24h, 168h, "deploys from CI")};
  if (name == "user") return digest;
  digest.notices.push_back(notice("billing", "invoice-sync", -2h, 0s, "posts invoices"));
  if (name != "large") return digest;
  for (int i = 0; i < 3000; ++i) {
    digest.notices.push_back(notice(
        "team-" + std::to_string(i % 30), "a-service-with-a-long-name-" + std::to_string(i),
        10 * 24h + Seconds(i), 720h, "a description of ordinary length, as people write them"));
  }
  return digest;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: mail_preview list|user|large subject|text|html\n", stderr);
    return 2;
  }
  const notify::Digest digest = sample(argv[1]);
  const std::string_view part = argv[2];
  const std::string text = part == "html"   ? notify::digest_html(digest)
                           : part == "text" ? notify::digest_text(digest)
                                            : notify::digest_subject(digest) + "\n";
  return std::fputs(text.c_str(), stdout) < 0 ? 1 : 0;
}
