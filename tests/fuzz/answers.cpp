// Answers of the API server, or of a proxy in its place: refusals of any form, and Leases. The
// first bytes until a zero are the body of a refusal, the rest a Lease.
#include "api/lease.hpp"
#include "fuzz/fuzz.hpp"
#include "kube/client.hpp"

namespace apitoken::fuzz {

void fuzz(std::string_view input) {
  const std::string_view body = take_part(input);
  for (const int status : {401, 403, 409, 422, 429, 500, 503, 504}) {
    const auto error = kube::error_of({status, std::string(body), {}}, "get secret ci");
    require(error.message.starts_with("get secret ci: "), "a message begins with what was asked");
    require(!error.retry_after || *error.retry_after > Seconds(0), "a pause is not negative");
  }
  const auto lease = api::decode_lease(input);
  if (!lease) return;
  const auto again = api::decode_lease(api::encode_lease(*lease));
  require(again && again->holder == lease->holder && again->renew_time == lease->renew_time,
          "a Lease means the same once written again");
}

}  // namespace apitoken::fuzz
