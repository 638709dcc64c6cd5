// The plugin's exit codes, which scripts rely on (docs/kubectl-plugin.md), and Failure, a code with
// a message of one line. Each command returns an Outcome; main() prints the Failure. TRY works with
// Outcome as with Result. Values.
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
  NotFound = 3,    // no such ApiToken or namespace, or the cluster has no ApiToken kind
  NotAllowed = 4,  // permissions are missing, or the credentials are not accepted
  Unreachable = 5,  // no cluster: no usable kubeconfig, no connection
  TimedOut = 6,     // the operator did not answer in time; the request stays
  NotValid = 7,     // verify: the token does not work; lint: problems, or no manifest
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

// Runs `run`, and turns an exception, which only a bug throws, into a Failure.
template <typename Run>
Outcome<ExitCode> caught(Run&& run) {
  try {
    return run();
  } catch (const std::exception& thrown) {
    return give_up(ExitCode::Failed, std::string("kubectl-apitoken failed: ") + thrown.what());
  } catch (...) {
    return give_up(ExitCode::Failed, "kubectl-apitoken failed: an unknown exception");
  }
}

}  // namespace apitoken::cli
