// FailureLog: logs a failure once when it begins and once when it ends, for any number of attempts.
// Any thread; takes no lock.
//
//   FailureLog log_{"cannot read the signing keys, trying again", "can read the signing keys"};
//   ...
//   if (!read) return log_.failed(read.error());
//   log_.succeeded();
#pragma once

#include <atomic>
#include <vector>

#include "base/log.hpp"
#include "base/result.hpp"

namespace apitoken {

class FailureLog {
 public:
  // Both texts are string literals.
  FailureLog(std::string_view begins, std::string_view ends) : begins_(begins), ends_(ends) {}

  // Warns with `fields`, the error's kind and its message, if the last attempt did not fail.
  void failed(const Error& error, log::Fields fields = {}) {
    if (failing_.exchange(true)) return;
    std::vector<log::Field> all(fields);
    all.push_back({"kind", to_string(error.kind)});
    all.push_back({"error", error.message});
    log::write(log::Level::Warn, begins_, all);
  }
  // Logs the end of the failure, if the last attempt failed.
  void succeeded(log::Fields fields = {}) {
    if (failing_.exchange(false)) log::write(log::Level::Info, ends_, fields);
  }

 private:
  const std::string_view begins_;
  const std::string_view ends_;
  std::atomic<bool> failing_ = false;
};

}  // namespace apitoken
