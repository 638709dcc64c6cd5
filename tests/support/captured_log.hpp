// CapturedLog: collects the lines that are logged while it lives. For tests; any thread.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "base/log.hpp"

namespace apitoken::kube {

class CapturedLog {
 public:
  CapturedLog()
      : previous_(log::exchange_sink([this](auto, auto message, auto fields) {
          const std::lock_guard lock(mutex_);
          text_ += log::plain_line(message, fields) + "\n";
        })) {}
  ~CapturedLog() { log::exchange_sink(std::move(previous_)); }
  CapturedLog(const CapturedLog&) = delete;
  CapturedLog& operator=(const CapturedLog&) = delete;

  int count(std::string_view part) const {
    int found = 0;
    const std::string all = text();
    for (auto at = all.find(part); at != std::string::npos; at = all.find(part, at + 1)) ++found;
    return found;
  }
  std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;  // guarded by mutex_
  log::Sink previous_;
};

}  // namespace apitoken::kube
