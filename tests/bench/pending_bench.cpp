// What one more key, timer, Event or notice costs while very many wait: the work must grow with the
// logarithm of what waits. Prints a table in Markdown for hack/bench.sh; exits with 1 if a bound is
// missed. One process, no API server, CPU time.
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <functional>

#include "kube/fair_queue.hpp"
#include "kube/timers.hpp"
#include "notify/event_channel.hpp"
#include "notify/outbox.hpp"

namespace {

using namespace apitoken;
using namespace std::chrono_literals;

constexpr std::size_t kFew = 10'000;
constexpr std::size_t kMany = 100'000;
constexpr std::size_t kCalls = 20'000;
// Ten times as many that wait: log(100,000) is 1.25 x log(10,000), and caches hold less of them.
// Work that walks over all of them would grow ten times.
constexpr double kMaxGrowth = 5;

double cpu_nanoseconds() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) * 1e9 + static_cast<double>(used.tv_nsec);
}

// The mean of one call of `work`, which gets the numbers from `first` on.
double nanoseconds(std::size_t first, const std::function<void(std::size_t)>& work) {
  const double begin = cpu_nanoseconds();
  for (std::size_t number = first; number < first + kCalls; ++number) work(number);
  return (cpu_nanoseconds() - begin) / static_cast<double>(kCalls);
}

api::ObjectKey key_of(std::size_t number) {
  return {fmt::format("team-{}", number % 100), fmt::format("token-{}", number)};
}

double queue_work(std::size_t waiting) {
  kube::FairQueue queue;
  for (std::size_t number = 0; number < waiting; ++number)
    queue.push(key_of(number), Urgency::Value, {});
  return nanoseconds(waiting, [&](std::size_t number) {
    queue.push(key_of(number), Urgency::Value, {});
    queue.pop();
  });
}

double timer_work(std::size_t waiting) {
  kube::Timers<api::ObjectKey, SteadyTime, Urgency> timers;
  const auto time_of = [](std::size_t number) {
    return SteadyTime(Seconds(number * 7919 % 86'400));
  };
  for (std::size_t number = 0; number < waiting; ++number)
    timers.set(key_of(number), time_of(number), Urgency::Value);
  return nanoseconds(waiting, [&](std::size_t number) {
    timers.set(key_of(number), time_of(number), Urgency::Value);
    timers.take_due(SteadyTime::max());
  });
}

class AcceptingSink final : public notify::EventSink {
  Status create(const api::Event&, std::stop_token) override { return {}; }
  Status repeat(const api::Event&, int, std::stop_token) override { return {}; }
};

// One Event is posted, one cancelled and one written, by fifties.
double event_work(std::size_t waiting) {
  AcceptingSink sink;
  const SystemClock clock;
  notify::EventChannel events(sink, clock);
  const auto post = [&](std::size_t number) {
    const auto [ns, name] = key_of(number);
    events.post({ns, name, {}, true, "ExpiringSoon", "Remind", std::string(300, 'x')}, false,
                number + 1);
  };
  for (std::size_t number = 0; number < waiting; ++number) post(number);
  std::size_t last = waiting;
  return nanoseconds(0, [&](std::size_t number) {
    post(last++);
    post(last++);
    events.cancel({last - waiting / 2});
    if (number % 50 == 49) events.write_due({});
  });
}

// Notices wait for their mail while others come, are mailed and enter the ledger.
double notice_work(std::size_t waiting) {
  notify::Outbox outbox;
  const notify::Now now{WallTime(1'800'000'000s), SteadyTime(1h)};
  const auto notice_of = [&](std::size_t number, const char* config) {
    const auto [ns, name] = key_of(number);
    return core::Notice{{fmt::format("uid-{}", number), now.wall + 24h, config, 168h},
                        ns,
                        name,
                        fmt::format("user-{}@example.com", number),
                        "id",
                        "Permanent",
                        ""};
  };
  const auto submit = [&](const core::Notice& notice, Seconds digest) {
    outbox.submit(notice,
                  {notice.key.config, true, true, {"ops@example.com"}, true, digest, {}, ""}, now);
    outbox.event_finished(*outbox.event_tag(notice.key), now.wall);
  };
  for (std::size_t number = 0; number < waiting; ++number) submit(notice_of(number, "slow"), 1h);
  return nanoseconds(waiting, [&](std::size_t number) {
    const auto notice = notice_of(number, "prompt");
    submit(notice, 0s);
    while (const auto turn = outbox.next_batch(now.steady)) {
      const auto attempt = outbox.begin_attempt(*turn);
      outbox.attempt_finished(attempt->turn, {attempt->envelope, {}}, now);
    }
    outbox.take_delivered();
    outbox.take_changed_configs();
    outbox.remove_delivered(notice.key.token_uid, {notice.key});
    outbox.oldest_pending();
    outbox.next_due();
  });
}

// The fastest of three: other work on the machine takes the caches.
double fastest(double (*work)(std::size_t), std::size_t waiting) {
  return std::min({work(waiting), work(waiting), work(waiting)});
}

}  // namespace

int main() {
  const std::pair<const char*, double (*)(std::size_t)> rows[] = {
      {"a key through the queue", queue_work},
      {"a timer set and run", timer_work},
      {"an Event posted and written, another cancelled", event_work},
      {"a notice submitted, mailed to two, delivered", notice_work},
  };
  bool good = true;
  fmt::print("| CPU of | {} wait | {} wait | growth | must reach | reached |\n", kFew, kMany);
  fmt::print("| --- | --- | --- | --- | --- | --- |\n");
  for (const auto& [name, work] : rows) {
    const double few = fastest(work, kFew);
    const double many = fastest(work, kMany);
    const bool ok = many <= kMaxGrowth * few;
    good = good && ok;
    fmt::print("| {} | {:.1f} us | {:.1f} us | {:.1f} x | <= {:.1f} x | {} |\n", name, few / 1000,
               many / 1000, many / few, kMaxGrowth, ok ? "ok" : "MISSED");
  }
  return good ? 0 : 1;
}
