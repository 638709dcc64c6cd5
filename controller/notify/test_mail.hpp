// Test mails: requested by an annotation on a TokenExpiryConfig, sent to its emails at once,
// answered in its status. TestMails is the dispatcher's queue of them: plain values, no I/O, no
// lock of its own (the dispatcher holds one).
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/token_expiry_config.hpp"
#include "core/notices.hpp"
#include "notify/mail_channel.hpp"

namespace apitoken::notify {

struct TestMailRequest {
  std::string config;
  std::string requested_at;  // the annotation's value; identifies the request
  std::vector<std::string> recipients;
};

class TestMails {
 public:
  // Replaces a waiting request of the config. A request that is being sent or was answered is not
  // served again.
  void request(TestMailRequest request, SteadyTime due);
  // Takes a request that is due; it counts as being sent from now on. Empty: none is due.
  std::optional<TestMailRequest> begin(SteadyTime now);
  SteadyTime next_due() const;
  void finished(const TestMailRequest& request, api::TestMail result);
  void remove_config(const std::string& config) { configs_.erase(config); }
  // The latest answer.
  std::optional<api::TestMail> result(const std::string& config) const;

 private:
  struct State {
    std::optional<TestMailRequest> waiting;
    SteadyTime due{};
    std::string under_way;  // requested_at of the request being sent; empty: none
    std::optional<api::TestMail> result;
  };
  std::map<std::string, State> configs_;
};

// The whole message. Deterministic.
std::string render_test_mail(const TestMailRequest& request, const MailSettings& settings,
                             const core::Installation& installation, WallTime now);
// The channel's result in the form of status.testMail.
api::TestMail test_mail_answer(const TestMailRequest& request, const Result<SendResult>& sent,
                               WallTime now);

}  // namespace apitoken::notify
