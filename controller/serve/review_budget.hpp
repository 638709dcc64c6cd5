// ReviewBudget: limits the reviews that are sent to the API server, so that a caller with bad
// tokens uses up only the share of its own address. CallerReviews owns one and guards it with its
// mutex. Time is an input.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/token_bucket.hpp"

namespace apitoken::serve {

// The owner of a share: an IPv4 address, or the first 64 bits of an IPv6 address
// ("2001:db8:0:1::/64"), because one host usually has the whole network. An IPv4 address mapped to
// IPv6 (::ffff:192.0.2.7) counts as IPv4; any other text is returned as it is.
std::string source_of(std::string_view address);

class ReviewBudget {
 public:
  // Kinds of token, from the easiest to make up to the hardest. Each has its own budget.
  enum class Kind {
    Opaque,
    Jwt,
    ProvenJwt,  // names a key that signed a token which the API server accepted
  };
  static constexpr std::size_t kKinds = 3;

  static constexpr double kPerSecond = 10;  // reviews of one kind, from all sources
  static constexpr double kBurst = 20;
  static constexpr double kSourcePerSecond = 5;  // reviews of one kind, from one source
  static constexpr double kSourceBurst = 10;
  static constexpr double kReservePerSecond = 20;  // reviews of tokens that were allowed before
  static constexpr double kReserveBurst = 40;
  static constexpr std::size_t kMaxWaiting = 32;  // reviews of one source at a time
  static constexpr std::size_t kMaxSources = 1024;

  // Pays for a review of a token that was not allowed before. False if the budget of the source or
  // of all sources is used up.
  bool take(Kind kind, std::string_view source, SteadyTime now);
  // Pays for a review of a token that was allowed before, from a reserve that other tokens cannot
  // use up.
  bool take_reserve(SteadyTime now) { return reserve_.take(now); }
  // Counts a waiting review of this source. If it returns true, the caller calls leave() later.
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
  void remove_oldest();

  std::array<TokenBucket, kKinds> all_{TokenBucket{kPerSecond, kBurst},
                                       TokenBucket{kPerSecond, kBurst},
                                       TokenBucket{kPerSecond, kBurst}};
  TokenBucket reserve_{kReservePerSecond, kReserveBurst};
  std::unordered_map<std::string, Source> sources_;
};

}  // namespace apitoken::serve
