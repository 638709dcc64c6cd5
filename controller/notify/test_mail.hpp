// Test mails: asked for by an annotation on a TokenExpiryConfig, sent to its emails at once, and
// answered in its status. TestMails is the dispatcher's memory of them; values in, values out, no
// lock (the dispatcher holds one).
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/token_expiry_config.hpp"
#include "notify/mail_channel.hpp"

namespace apitoken::notify {

struct TestMailRequest {
  std::string config;
  std::string requested_at;  // the annotation's value: names the request
  std::vector<std::string> recipients;
};

class TestMails {
 public:
  // Replaces a request of the config that still waits; one that is under way or answered is not
  // served again.
  void request(TestMailRequest request, SteadyTime due);
  // What is to be sent now; it counts as under way then. Nothing where none is due.
  std::optional<TestMailRequest> begin(SteadyTime now);
  SteadyTime next_due() const;
  void finished(const TestMailRequest& request, api::TestMail result);
  void drop_config(const std::string& config) { configs_.erase(config); }
  // The latest answer.
  std::optional<api::TestMail> result(const std::string& config) const;

 private:
  struct State {
    std::optional<TestMailRequest> waiting;
    SteadyTime due{};
    std::string under_way;  // its requested_at
    std::optional<api::TestMail> result;
  };
  std::map<std::string, State> configs_;
};

// The whole message. Deterministic.
std::string render_test_mail(const TestMailRequest& request, const MailSettings& settings,
                             WallTime now);
// What the channel answered, as the status tells it.
api::TestMail test_mail_result(const TestMailRequest& request, const Result<SendOutcome>& outcome,
                               WallTime now);

}  // namespace apitoken::notify
