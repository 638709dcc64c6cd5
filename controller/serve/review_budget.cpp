// One bucket for each kind of token and each source, and the reserve.
#include "serve/review_budget.hpp"

#include <arpa/inet.h>

#include <algorithm>

namespace apitoken::serve {
namespace {

std::string text_of(int family, const void* bytes) {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(family, bytes, text, sizeof text);
  return text;
}

}  // namespace

std::string source_of(std::string_view address) {
  std::string text(address);
  in6_addr bytes;
  if (inet_pton(AF_INET6, text.c_str(), &bytes) != 1) return text;
  if (IN6_IS_ADDR_V4MAPPED(&bytes)) return text_of(AF_INET, &bytes.s6_addr[12]);
  std::fill(std::begin(bytes.s6_addr) + 8, std::end(bytes.s6_addr), 0);
  return text_of(AF_INET6, &bytes) + "/64";
}

bool ReviewBudget::take(Kind kind, std::string_view source, SteadyTime now) {
  const auto index = static_cast<std::size_t>(kind);
  auto& own = source_of(source, now).buckets[index];
  return own.has_one(now) && all_[index].take(now) && own.take(now);
}

bool ReviewBudget::enter(std::string_view source, SteadyTime now) {
  auto& found = source_of(source, now);
  if (found.waiting >= kMaxWaiting) return false;
  ++found.waiting;
  return true;
}

void ReviewBudget::leave(std::string_view source) {
  const auto found = sources_.find(std::string(source));
  if (found != sources_.end()) --found->second.waiting;
}

ReviewBudget::Source& ReviewBudget::source_of(std::string_view name, SteadyTime now) {
  auto found = sources_.find(std::string(name));
  if (found == sources_.end()) {
    if (sources_.size() >= kMaxSources) remove_oldest();
    found = sources_.emplace(name, Source{}).first;
  }
  found->second.used = now;
  return found->second;
}

// The removed source has its whole budget again; the budget of all sources still holds.
void ReviewBudget::remove_oldest() {
  auto oldest = sources_.end();
  for (auto at = sources_.begin(); at != sources_.end(); ++at) {
    if (at->second.waiting == 0 &&
        (oldest == sources_.end() || at->second.used < oldest->second.used))
      oldest = at;
  }
  if (oldest != sources_.end()) sources_.erase(oldest);
}

}  // namespace apitoken::serve
