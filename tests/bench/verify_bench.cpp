// The verification server over a store filled here, without an API server: for
// hack/bench-verify.sh. Prints one line "bytes-a-token lookup-ns hash-ns token", with the value of
// one token, then serves until it is killed.
//
// Usage: verify-bench TOKENS ADDRESS CERTIFICATE KEY
#include <fmt/format.h>
#include <malloc.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <random>

#include "core/reserved_names.hpp"
#include "core/token_format.hpp"
#include "support/no_api_server.hpp"
#include "verify/verification.hpp"

namespace {

using namespace apitoken;

std::string value_of(std::size_t number) { return fmt::format("apt_{:046}", number); }

api::ApiToken token_of(std::size_t number, const char* version, WallTime now) {
  api::ApiToken token;
  token.meta.ns = fmt::format("team-{}", number % 100);
  token.meta.name = fmt::format("token-{}", number);
  token.meta.uid = fmt::format("00000000-0000-0000-0000-{:012}", number);
  token.meta.resource_version = version;
  token.spec.user = "alice@example.com";
  token.spec.groups = {"deployers", "readers"};
  token.status.token_id = fmt::format("{:08}", number);
  token.status.token_hash = core::token_hash(value_of(number));
  token.status.issued_at = now;
  token.status.expires_at = now + std::chrono::hours(24);
  token.status.last_used_at = now;  // as after the first use
  return token;
}

std::size_t resident_bytes() {
  std::size_t total = 0;
  std::size_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

// Of this thread: what else runs on the machine does not count.
double cpu_nanoseconds() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) * 1e9 + static_cast<double>(used.tv_nsec);
}

// The mean over a million calls.
template <typename Call>
double nanoseconds(Call&& call) {
  constexpr std::size_t kCalls = 1'000'000;
  const double begin = cpu_nanoseconds();
  for (std::size_t i = 0; i < kCalls; ++i) call(i);
  return (cpu_nanoseconds() - begin) / kCalls;
}

struct Figures {
  double bytes_per_token;
  double lookup;
  double hash;
};

Figures measure(const kube::Store<api::ApiToken>& store, std::size_t count, const Clock& clock) {
  malloc_trim(0);
  const auto all = store.all();
  const auto before = resident_bytes();
  verify::TokenIndex index(store, clock);
  for (const auto& token : all) index.follow({nullptr, token});
  const double grown = static_cast<double>(resident_bytes() - before);

  std::vector<core::Sha256> asked;  // every other one foreign
  for (std::size_t i = 0; i < 2 * count; ++i) asked.push_back(core::sha256(value_of(i)));
  std::ranges::shuffle(asked, std::mt19937_64(1));
  std::size_t found = 0;
  const auto lookup =
      nanoseconds([&](std::size_t i) { found += index.find(asked[i % asked.size()]).has_value(); });
  if (found < 400'000) fmt::print(stderr, "found only {}\n", found);
  unsigned sum = 0;
  const auto value = value_of(7);
  const auto hash = nanoseconds([&](std::size_t) { sum += core::sha256(value)[0]; });
  if (sum == 1) fmt::print(stderr, "\n");  // keeps the loop
  return {std::max(grown, static_cast<double>(index.bytes())) / static_cast<double>(count), lookup,
          hash};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    fmt::print(stderr, "usage: verify-bench TOKENS ADDRESS CERTIFICATE KEY\n");
    return 2;
  }
  const std::size_t count = std::stoul(argv[1]);
  const SystemClock clock;
  NoTransport transport;
  NoObserver observer;
  kube::Client client(transport, observer);
  kube::Store<api::ApiToken> store;
  for (std::size_t i = 0; i < count; ++i) store.observe("", token_of(i, "1", clock.wall()));
  const auto figures = measure(store, count, clock);

  verify::Verification verification(
      client, store, {}, {argv[3], argv[4], ""}, {}, [] { return true; }, clock,
      core::default_reserved_names());
  for (std::size_t i = 0; i < count; ++i) store.observe("", token_of(i, "2", clock.wall()));
  if (const auto started = verification.start(std::string(argv[2])); !started) {
    fmt::print(stderr, "{}\n", started.error().message);
    return 1;
  }
  fmt::print("{:.0f} {:.0f} {:.0f} {}\n", figures.bytes_per_token, figures.lookup, figures.hash,
             value_of(count / 2));
  std::fflush(stdout);
  pause();
  return 0;
}
