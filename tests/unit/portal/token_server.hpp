// TokenServer: an API server of ApiTokens behind the Transport interface, with one version for each
// change: lists of one page, watches that replay what came after their version. Thread-safe. Its
// handle is what a viewer owns; the server outlives it.
#pragma once

#include <fmt/format.h>

#include <map>
#include <set>

#include "base/mutex.hpp"
#include "kube/transport.hpp"

namespace apitoken::portal {

class TokenServer {
 public:
  void put(const std::string& name) { change(name, true); }
  void remove(const std::string& name) { change(name, false); }
  // From now on every list and watch is answered with 403, and open watches end.
  void refuse() { end_watches(End::Refused); }
  // Open watches end, as if the connection broke.
  void break_watches() { end_watches(End::Broken); }
  // Open watches end as complete answers, as when a client does not keep up with the changes.
  void close_watches() { end_watches(End::Complete); }
  // Lists wait until release_lists(); waiting_lists() of them do.
  void hold_lists() { hold(true); }
  void release_lists() { hold(false); }

  int lists() const { return read(lists_); }
  int watches() const { return read(watches_); }  // so far
  int open_watches() const { return read(open_); }
  int waiting_lists() const { return read(waiting_); }

  class Handle final : public kube::Transport {
   public:
    explicit Handle(TokenServer& server) : server_(server) {}
    Result<kube::HttpResponse> send(const kube::HttpRequest&, std::stop_token stop) override {
      return server_.list(stop);
    }
    Result<kube::HttpResponse> stream(
        const kube::HttpRequest& request, std::stop_token stop,
        const std::function<bool(std::string_view)>& receive) override {
      return server_.watch(request.target, stop, receive);
    }

   private:
    TokenServer& server_;
  };

 private:
  struct Event {
    int version;
    std::string line;
  };
  enum class End { Refused, Broken, Complete };

  static kube::HttpResponse forbidden() {
    return {403, R"({"kind":"Status","reason":"Forbidden","message":"no","code":403})"};
  }
  static std::string object(const std::string& name, int version) {
    return fmt::format(
        R"({{"metadata":{{"namespace":"a","name":"{0}","uid":"u-{0}","resourceVersion":"{1}"}},)"
        R"("spec":{{"user":"alice@example.com"}}}})",
        name, version);
  }
  int read(const int& value) const {
    const MutexLock lock(mutex_);
    return value;
  }
  void hold(bool held) {
    const MutexLock lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }
  void end_watches(End end) {
    const MutexLock lock(mutex_);
    refused_ = refused_ || end == End::Refused;
    end_ = end;
    ++generation_;
    changed_.notify_all();
  }
  void change(const std::string& name, bool put) {
    const MutexLock lock(mutex_);
    ++version_;
    const char* type = !put ? "DELETED" : tokens_.contains(name) ? "MODIFIED" : "ADDED";
    events_.push_back(
        {version_,
         fmt::format(R"({{"type":"{}","object":{}}})", type, object(name, version_)) + "\n"});
    if (put) {
      tokens_[name] = version_;
    } else {
      tokens_.erase(name);
    }
    changed_.notify_all();
  }
  Result<kube::HttpResponse> list(const std::stop_token& stop) {
    MutexLock lock(mutex_);
    ++lists_;
    if (refused_) return forbidden();
    std::string items;
    for (const auto& [name, version] : tokens_)
      items += (items.empty() ? "" : ",") + object(name, version);
    auto body = fmt::format(
        R"({{"kind":"ApiTokenList","metadata":{{"resourceVersion":"{}"}},"items":[{}]}})", version_,
        items);
    ++waiting_;
    changed_.wait(lock, stop, [this]() REQUIRES(mutex_) { return !held_; });
    --waiting_;
    return kube::HttpResponse{200, std::move(body)};
  }
  Result<kube::HttpResponse> watch(const std::string& target, const std::stop_token& stop,
                                   const std::function<bool(std::string_view)>& receive) {
    int seen = std::stoi(target.substr(target.find("resourceVersion=") + 16));
    MutexLock lock(mutex_);
    ++watches_;
    if (refused_) return forbidden();
    ++open_;
    const auto generation = generation_;
    bool wanted = true;
    while (wanted && !stop.stop_requested() && generation == generation_) {
      std::string lines;
      for (const auto& event : events_) {
        if (event.version > seen) lines += event.line;
      }
      seen = version_;
      if (lines.empty()) {
        changed_.wait(lock, stop, [&]() REQUIRES(mutex_) {
          return seen != version_ || generation != generation_;
        });
        continue;
      }
      lock.unlock();
      wanted = receive(lines);
      lock.lock();
    }
    --open_;
    if (stop.stop_requested() || !wanted) return kube::HttpResponse{200, {}};
    if (refused_) return forbidden();
    if (end_ == End::Complete) return kube::HttpResponse{200, {}};
    return fail(ErrorKind::Unavailable, "the connection broke");
  }

  mutable Mutex mutex_;
  std::condition_variable_any changed_;
  int version_ GUARDED_BY(mutex_) = 1;
  std::map<std::string, int> tokens_ GUARDED_BY(mutex_);  // name: version
  std::vector<Event> events_ GUARDED_BY(mutex_);
  bool refused_ GUARDED_BY(mutex_) = false;
  bool held_ GUARDED_BY(mutex_) = false;
  int generation_ GUARDED_BY(mutex_) = 0;     // of watches: another one ends them
  End end_ GUARDED_BY(mutex_) = End::Broken;  // of the latest generation
  int lists_ = 0, watches_ = 0, open_ = 0, waiting_ = 0;
};

}  // namespace apitoken::portal
