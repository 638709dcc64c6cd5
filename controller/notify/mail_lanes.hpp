// MailLanes: a thread for each thing that lasts as long as a mail server likes, so that a server
// that hangs holds up nobody else. The dispatcher's mail thread owns it and is the only one to call
// it; jobs run on threads of their own.
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
  // So many jobs run at once; more wait for one to end.
  static constexpr std::size_t kMaxJobs = 32;

  // `on_finished` is called on a job's thread when the job is done.
  explicit MailLanes(std::function<void()> on_finished) : on_finished_(std::move(on_finished)) {}
  // Waits for all jobs: they were told to stop before.
  ~MailLanes() = default;
  MailLanes(const MailLanes&) = delete;
  MailLanes& operator=(const MailLanes&) = delete;

  // Drops the threads of jobs that are done.
  void reap();
  bool is_full() const { return lanes_.size() >= kMaxJobs; }
  bool is_empty() const { return lanes_.empty(); }
  // Starts `job`; no other of that name is running.
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
