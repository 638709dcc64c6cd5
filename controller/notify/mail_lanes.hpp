// MailLanes: runs each exchange with a mail server on a thread of its own, so that a server that
// hangs delays no other. The dispatcher's mail thread owns it and is its only caller.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>

namespace apitoken::notify {

class MailLanes {
 public:
  // Jobs that run at once. The caller starts more when one ends.
  static constexpr std::size_t kMaxJobs = 32;

  // `on_finished` is called on a job's thread when the job is done.
  explicit MailLanes(std::function<void()> on_finished) : on_finished_(std::move(on_finished)) {}
  // Joins all jobs. Their stop tokens were triggered before.
  ~MailLanes() = default;
  MailLanes(const MailLanes&) = delete;
  MailLanes& operator=(const MailLanes&) = delete;

  // Joins the threads of finished jobs.
  void reap();
  bool is_full() const { return lanes_.size() >= kMaxJobs; }
  bool is_empty() const { return lanes_.empty(); }
  // Starts `job`. Precondition: no job of that name is running.
  void start(const std::string& name, std::function<void()> job);
  // The names of running jobs that begin with `prefix`, without it.
  std::set<std::string> running(std::string_view prefix) const;

 private:
  struct Lane {
    std::unique_ptr<std::atomic<bool>> done;
    std::jthread thread;
  };
  const std::function<void()> on_finished_;
  std::map<std::string, Lane> lanes_;
};

}  // namespace apitoken::notify
