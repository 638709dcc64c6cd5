// Collects what spdlog's default logger says while it lives. Tests alone.
#pragma once

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <mutex>
#include <string>

namespace apitoken::kube {

class CapturedLog {
 public:
  CapturedLog() : sink_(std::make_shared<Lines>()), former_(spdlog::default_logger()) {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("test", sink_));
  }
  ~CapturedLog() { spdlog::set_default_logger(former_); }
  CapturedLog(const CapturedLog&) = delete;
  CapturedLog& operator=(const CapturedLog&) = delete;

  int count(std::string_view part) const { return sink_->count(part); }
  std::string text() const { return sink_->text(); }

 private:
  class Lines final : public spdlog::sinks::base_sink<std::mutex> {
   public:
    int count(std::string_view part) {
      int found = 0;
      const std::string all = text();
      for (auto at = all.find(part); at != std::string::npos; at = all.find(part, at + 1)) ++found;
      return found;
    }
    std::string text() {
      std::lock_guard lock(mutex_);
      return text_;
    }

   protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
      text_.append(message.payload.data(), message.payload.size()).append("\n");
    }
    void flush_() override {}

   private:
    std::string text_;  // guarded by base_sink's mutex_
  };

  std::shared_ptr<Lines> sink_;
  std::shared_ptr<spdlog::logger> former_;
};

}  // namespace apitoken::kube
