// MintPolicy: checks whether the ValidatingAdmissionPolicy that decides who may mint is in force.
// Without it everybody who may create ApiTokens is given tokens for any user. run() is the body of
// one thread on every replica; it reads two objects and writes none. Each change of the state is
// logged and reported to a callback, for the metric.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "kube/client.hpp"

namespace apitoken::reconcile {

class MintPolicy {
 public:
  // Unknown: the operator may not read the policy or its binding.
  enum class State { Present, Absent, Unknown };
  // Called on each change of the state, on run()'s thread.
  using OnChange = std::function<void(State)>;

  static constexpr std::string_view kName = "apitoken-mint";  // of the policy and of its binding
  static constexpr std::chrono::minutes kInterval{10};
  static constexpr std::chrono::seconds kRetryAfter{30};  // an API server that did not answer

  MintPolicy(kube::Client& client, const Clock& clock, OnChange on_change)
      : client_(client), clock_(clock), on_change_(std::move(on_change)) {}

  // Checks at once, then every ten minutes until `stop`.
  void run(std::stop_token stop);

 private:
  struct Finding {
    State state = State::Unknown;
    std::string why;  // the object that is missing or may not be read
  };
  // Empty if the API server could not be reached.
  std::optional<Finding> look(std::stop_token stop);
  std::optional<Finding> describe_failure(const Error& error) const;
  void note(const Finding& finding);

  kube::Client& client_;
  const Clock& clock_;
  const OnChange on_change_;
  std::optional<State> state_;  // run()'s thread only; empty before the first check
};

}  // namespace apitoken::reconcile
