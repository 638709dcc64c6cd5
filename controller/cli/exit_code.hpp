// How the plugin ends: the exit codes that scripts rely on (docs/kubectl-plugin.md), and Failure, a
// code with its one line. Every command returns an Outcome; main() prints what failed. Values only.
#pragma once

#include <exception>
#include <expected>
#include <string>
#include <utility>

namespace apitoken::cli {

enum class ExitCode : int {
  Ok = 0,
  Failed = 1,      // the API server or the operator refused, or a file could not be read or written
  Usage = 2,       // the command line is wrong
  NotFound = 3,    // no such ApiToken, namespace, or no ApiToken kind at all
  NotAllowed = 4,  // rights are missing, or the credentials are not accepted
  Unreachable = 5,  // no cluster: no usable kubeconfig, no connection
  TimedOut = 6,     // asked for, but the operator did not answer in time
  NotValid = 7,  // verify: the token does not work; lint: a manifest has problems, or there is none
  Interrupted = 130,
};

struct Failure {
  ExitCode code;
  std::string message;  // one line, without "error: "
};

template <typename T>
using Outcome = std::expected<T, Failure>;

inline std::unexpected<Failure> give_up(ExitCode code, std::string message) {
  return std::unexpected<Failure>(Failure{code, std::move(message)});
}

// What `run` throws, which nothing should, is a Failure like any other and ends in one line.
template <typename Run>
Outcome<ExitCode> caught(Run&& run) {
  try {
    return run();
  } catch (const std::exception& thrown) {
    return give_up(ExitCode::Failed, std::string("kubectl-apitoken failed: ") + thrown.what());
  } catch (...) {
    return give_up(ExitCode::Failed, "kubectl-apitoken failed: something unknown was thrown");
  }
}

}  // namespace apitoken::cli
