// Test mails: the queue, the text and the answer.
#include "notify/test_mail.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/hash.hpp"
#include "notify/mail_text.hpp"

namespace apitoken::notify {
namespace {

constexpr std::size_t kMaxRefused = 100;  // the status shows no more

}  // namespace

void TestMails::request(TestMailRequest request, SteadyTime due) {
  State& state = configs_[request.config];
  if (state.under_way == request.requested_at) return;
  if (state.result && state.result->requested_at == request.requested_at) return;
  if (state.waiting && state.waiting->requested_at == request.requested_at) return;
  state.due = due;
  state.waiting = std::move(request);
}

std::optional<TestMailRequest> TestMails::begin(SteadyTime now) {
  for (auto& [config, state] : configs_) {
    if (!state.waiting || !state.under_way.empty() || state.due > now) continue;
    state.under_way = state.waiting->requested_at;
    return std::exchange(state.waiting, {});
  }
  return {};
}

SteadyTime TestMails::next_due() const {
  SteadyTime next = SteadyTime::max();
  for (const auto& [config, state] : configs_) {
    if (state.waiting && state.under_way.empty()) next = std::min(next, state.due);
  }
  return next;
}

void TestMails::finished(const TestMailRequest& request, api::TestMail result) {
  const auto found = configs_.find(request.config);
  if (found == configs_.end()) return;
  found->second.under_way.clear();
  found->second.result = std::move(result);
}

std::optional<api::TestMail> TestMails::result(const std::string& config) const {
  const auto found = configs_.find(config);
  return found == configs_.end() ? std::nullopt : found->second.result;
}

std::string render_test_mail(const TestMailRequest& request, const MailSettings& settings,
                             const core::Installation& installation, WallTime now) {
  const std::string& cluster = installation.cluster_name;
  const std::string id = core::sha256_hex(fmt::format(
      "{}|{}|{}", request.config, request.requested_at, fmt::join(request.recipients, "|")));
  std::string mail = header_line("Date", mail_date(now));
  mail += fmt::format("From: {}\r\n", render_mailbox(settings.from));
  mail += address_line("To", request.recipients);
  mail += header_line(
      "Subject", fmt::format("{}Test mail of TokenExpiryConfig {}",
                             cluster.empty() ? "" : fmt::format("[{}] ", cluster), request.config));
  mail += fmt::format("Message-ID: <{}@{}>\r\n", id.substr(0, 32),
                      core::domain_of(settings.from.address));
  mail +=
      "MIME-Version: 1.0\r\nAuto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\n";
  mail +=
      "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "
      "quoted-printable\r\n\r\n";
  mail += quoted_printable(fmt::format(
      "This is a test. Nothing has to be done.\n\n"
      "TokenExpiryConfig {}{} sends its warnings about expiring API tokens through {}, to "
      "the recipients of this mail.\n\n"
      "It was asked for by the annotation apitoken.dev/test-mail-requested-at={}.\n"
      "This mail was sent by apitoken-operator.\n",
      request.config, cluster.empty() ? "" : fmt::format(" of cluster {}", cluster),
      settings.server.text(), request.requested_at));
  return mail;
}

api::TestMail test_mail_answer(const TestMailRequest& request, const Result<SendResult>& sent,
                               WallTime now) {
  api::TestMail answer;
  answer.requested_at = request.requested_at;
  answer.at = now;
  if (!sent) {
    answer.error = sent.error().message;
    return answer;
  }
  answer.accepted = std::int64_t(sent->accepted.size());
  for (const Refusal& refusal : sent->refused) {
    if (answer.refused.size() == kMaxRefused) break;
    answer.refused.push_back({refusal.address, refusal.text});
  }
  if (sent->mail_refused) {
    answer.error = fmt::format("the mail was refused: {}", sent->mail_refused->text);
  } else if (sent->accepted.empty()) {
    answer.error = "every recipient was refused";
  }
  return answer;
}

}  // namespace apitoken::notify
