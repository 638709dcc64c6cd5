// ReviewBudget: how many reviews the API server may be asked for, shared so that whoever presents
// bad tokens uses up only their own part. CallerReviews owns one, and guards it with its mutex.
// Time is an input.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/token_bucket.hpp"

namespace apitoken::serve {

// Whose share it is: an IPv4 address, or the first 64 bits of an IPv6 address
// ("2001:db8:0:1::/64"), since one host has all the others. An IPv4 address that came as IPv6
// (::ffff:192.0.2.7) counts as IPv4; any other text for itself.
std::string source_of(std::string_view address);

class ReviewBudget {
 public:
  // What is presented, from the easiest to make up to the hardest. Each has a budget of its own.
  enum class Kind {
    Opaque,
    Jwt,
    ProvenJwt,  // names a key that signed a token which the API server knew
  };
  static constexpr std::size_t kKinds = 3;

  static constexpr double kPerSecond = 10;  // of a kind, from all sources
  static constexpr double kBurst = 20;
  static constexpr double kSourcePerSecond = 5;  // of a kind, from one source
  static constexpr double kSourceBurst = 10;
  static constexpr double kReservePerSecond = 20;  // of tokens that were allowed before
  static constexpr double kReserveBurst = 40;
  static constexpr std::size_t kMaxWaiting = 32;  // reviews of one source that wait at a time
  static constexpr std::size_t kMaxSources = 1024;

  // Takes a review of a token that was not allowed before. False: the source, or all sources
  // together, have had enough.
  bool take(Kind kind, std::string_view source, SteadyTime now);
  // Takes a review of a token that was allowed before: from a reserve that strangers cannot reach.
  bool take_reserve(SteadyTime now) { return reserve_.take(now); }
  // A review of this source waits; each true is answered by one leave().
  bool enter(std::string_view source, SteadyTime now);
  void leave(std::string_view source);

 private:
  struct Source {
    std::array<TokenBucket, kKinds> buckets{TokenBucket{kSourcePerSecond, kSourceBurst},
                                            TokenBucket{kSourcePerSecond, kSourceBurst},
                                            TokenBucket{kSourcePerSecond, kSourceBurst}};
    std::size_t waiting = 0;
    SteadyTime used{};
  };

  Source& source_of(std::string_view name, SteadyTime now);
  void forget_oldest();

  std::array<TokenBucket, kKinds> all_{TokenBucket{kPerSecond, kBurst},
                                       TokenBucket{kPerSecond, kBurst},
                                       TokenBucket{kPerSecond, kBurst}};
  TokenBucket reserve_{kReservePerSecond, kReserveBurst};
  std::unordered_map<std::string, Source> sources_;
};

}  // namespace apitoken::serve
