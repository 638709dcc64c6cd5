// Durations, times (RFC 3339 and HTTP's), base64, hashes and token values.
#include "base/base64.hpp"
#include "base/duration.hpp"
#include "base/rfc3339.hpp"
#include "core/hash.hpp"
#include "core/token_format.hpp"
#include "fuzz/fuzz.hpp"
#include "kube/http_date.hpp"

namespace apitoken::fuzz {

void fuzz(std::string_view input) {
  if (const auto duration = parse_duration(input))
    require(parse_duration(format_duration(*duration)) == *duration,
            "a duration means the same once written again");
  if (const auto time = parse_rfc3339(input))
    require(parse_rfc3339(format_rfc3339(*time)) == *time,
            "a time means the same once written again");
  if (const auto bytes = base64_decode(input))
    require(base64_decode(base64_encode(*bytes)) == *bytes,
            "base64 means the same once written again");
  (void)kube::parse_http_date(input);
  (void)core::parse_hash(input);
  if (input.size() >= 4) (void)core::token_hint(input);  // of values that were minted
  if (core::is_well_formed(input)) require(input.size() == 50, "a token has 50 characters");
}

}  // namespace apitoken::fuzz
