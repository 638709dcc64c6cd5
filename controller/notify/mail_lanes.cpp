// Runs each exchange with a mail server on a thread of its own.
#include "notify/mail_lanes.hpp"

#include "base/thread_name.hpp"

namespace apitoken::notify {

void MailLanes::reap() {
  std::erase_if(lanes_, [](const auto& lane) { return lane.second.done->load(); });
}

void MailLanes::start(const std::string& name, std::function<void()> job) {
  Lane& lane = lanes_[name];
  lane.done = std::make_unique<std::atomic<bool>>(false);
  lane.thread = std::jthread([this, job = std::move(job), done = lane.done.get()] {
    name_thread("mail");
    job();
    done->store(true);
    on_finished_();
  });
}

std::set<std::string> MailLanes::running(std::string_view prefix) const {
  std::set<std::string> names;
  for (const auto& [name, lane] : lanes_) {
    if (name.starts_with(prefix)) names.insert(name.substr(prefix.size()));
  }
  return names;
}

}  // namespace apitoken::notify
