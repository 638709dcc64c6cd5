// MintPolicy: is the ValidatingAdmissionPolicy that decides who may mint in force? Without it
// everybody who may create ApiTokens is given tokens for any user. run() is a thread of its own on
// every replica; it reads two objects and never writes. What it finds goes into the log, once when
// it begins and once when it is over, and into a metric.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "kube/client.hpp"

namespace apitoken::reconcile {

class MintPolicy {
 public:
  // Unknown: the API server does not let the operator look.
  enum class State { Present, Absent, Unknown };
  // Called on each change of the state, on run()'s thread.
  using OnChange = std::function<void(State)>;

  static constexpr std::string_view kName = "apitoken-mint";  // of the policy and of its binding
  static constexpr std::chrono::minutes kInterval{10};
  static constexpr std::chrono::seconds kRetryAfter{30};  // an API server that did not answer

  MintPolicy(kube::Client& client, const Clock& clock, OnChange on_change)
      : client_(client), clock_(clock), on_change_(std::move(on_change)) {}

  // Looks at once, then every ten minutes until `stop`.
  void run(std::stop_token stop);

 private:
  struct Finding {
    State state = State::Unknown;
    std::string why;  // what is missing, or may not be read
  };
  // Nothing: the API server could not be asked.
  std::optional<Finding> look(std::stop_token stop);
  std::optional<Finding> describe_failure(const Error& error) const;
  void note(const Finding& finding);

  kube::Client& client_;
  const Clock& clock_;
  const OnChange on_change_;
  std::optional<State> state_;  // run()'s thread alone; nothing before the first look
};

}  // namespace apitoken::reconcile
