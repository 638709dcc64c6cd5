// App's writing half: the election, and the threads that write while this replica leads.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include "app_parts.hpp"
#include "base/sleep.hpp"
#include "base/thread_name.hpp"

namespace apitoken {
namespace {

// The time for writes in flight once the operator must stop writing. With the lease's renew
// deadline it is less than the lease's duration.
constexpr std::chrono::seconds kGrace{3};

}  // namespace

void App::Parts::start_leading() {
  metrics.set_leader(true);
  leading = std::jthread([this](std::stop_token stop) { lead(std::move(stop)); });
}

void App::Parts::stop_leading() {
  leading.request_stop();
  if (leading.joinable()) leading.join();
  metrics.set_leader(false);
}

std::vector<std::jthread> App::Parts::start_services() {
  std::vector<std::jthread> services;
  if (config.dry_run) return services;
  services.emplace_back([this](std::stop_token stop) {
    name_thread("keep jwt keys");
    jwt_keys.keep(std::move(stop));
  });
  services.emplace_back([this](std::stop_token stop) {
    name_thread("events");
    dispatcher.run(std::move(stop));
  });
  services.emplace_back([this](const std::stop_token& stop) { last_use_writer.run(stop); });
  verification.set_leading(true);
  return services;
}

std::vector<std::jthread> App::Parts::start_workers(std::counting_semaphore<>& finished) {
  std::vector<std::jthread> workers;
  const auto start = [&](std::string name, auto body) {
    workers.emplace_back([&finished, name = std::move(name), body](std::stop_token stop) {
      name_thread(name.c_str());
      body(std::move(stop));
      finished.release();
    });
  };
  start("config worker", [this](std::stop_token stop) { config_worker.run(std::move(stop)); });
  for (int i = 0; i < config.workers; ++i) {
    start(fmt::format("worker {}", i),
          [this](std::stop_token stop) { token_worker.run(std::move(stop)); });
  }
  return workers;
}

void App::Parts::lead(std::stop_token stop) {
  name_thread("lead");
  while (!stop.stop_requested() && !unreadiness().empty())
    sleep_until(clock, stop, clock.steady() + std::chrono::milliseconds(50));
  if (stop.stop_requested()) return;
  log::info("reconciling", {{"tokens", stores.tokens.size()},
                            {"configs", stores.configs.size()},
                            {"workers", config.workers}});
  event_handlers.enqueue_all();
  auto services = start_services();
  std::counting_semaphore<> finished(0);
  auto workers = start_workers(finished);
  while (!stop.stop_requested()) sleep_until(clock, stop, clock.steady() + std::chrono::hours(1));
  // Workers may finish their present pass within kGrace, so that no Secret is left whose hash is in
  // no status; then they are interrupted.
  verification.set_leading(false);
  for (auto& service : services) service.request_stop();
  queues.tokens.shut_down();
  queues.configs.shut_down();
  const auto deadline = std::chrono::steady_clock::now() + kGrace;
  for (std::size_t i = 0; i < workers.size(); ++i) {
    if (!finished.try_acquire_until(deadline)) break;
  }
  for (auto& worker : workers) worker.request_stop();
}

void App::Parts::elect(std::stop_token stop) {
  name_thread("lease");
  elector.emplace(client, clock,
                  kube::Candidate{operator_namespace, "apitoken-operator", identity, {}});
  leadership.follow(&*elector);
  const auto end = elector->run(
      stop,
      [this] {
        log::info("leading", {{"identity", identity}});
        start_leading();
      },
      [this] { stop_leading(); });
  leadership.follow(nullptr);
  if (end != kube::LeaderElector::End::Lost) return;
  log::error("leadership lost: stopping, so that a new process begins again",
             {{"identity", identity}});
  lost = true;
  kill(getpid(), SIGTERM);
}

}  // namespace apitoken
