// Chooses between certificate and JWK.
#include "core/recipient.hpp"

#include <fmt/format.h>

#include "api/names.hpp"
#include "core/cms.hpp"
#include "core/jwe.hpp"

namespace apitoken::core {
namespace {

constexpr std::size_t kMaxRecipient = 16384;  // as in the CRD

}  // namespace

bool is_jwk(std::string_view recipient) {
  const auto first = recipient.find_first_not_of(" \t\r\n");
  return first != recipient.npos && recipient[first] == '{';
}

Status check_recipient(std::string_view recipient) {
  if (recipient.size() > kMaxRecipient)
    return fail(ErrorKind::Invalid,
                fmt::format("is longer than {} characters; give one certificate or one JWK alone",
                            kMaxRecipient));
  if (is_jwk(recipient)) {
    TRY(read_public_jwk(recipient));
  } else {
    TRY(check_certificate(recipient));
  }
  // Some well-formed keys cannot encrypt, such as RSA with an even modulus: a trial shows that.
  if (!encrypt_to(recipient, SecretString(std::string("trial"))))
    return fail(ErrorKind::Invalid, "holds a key that cannot encrypt; give another one");
  return {};
}

Status check_recipient_dates(std::string_view recipient, WallTime now) {
  return is_jwk(recipient) ? Status() : check_certificate_dates(recipient, now);
}

Result<std::string> encrypt_to(std::string_view recipient, const SecretString& value) {
  return is_jwk(recipient) ? encrypt_jwe(recipient, value) : encrypt_cms(recipient, value);
}

std::string_view encrypted_key(std::string_view recipient) {
  return is_jwk(recipient) ? api::kJweKey : api::kCmsKey;
}

std::string_view previous_key(std::string_view key) {
  if (key == api::kCmsKey) return api::kPreviousCmsKey;
  if (key == api::kJweKey) return api::kPreviousJweKey;
  return api::kPreviousKey;
}

}  // namespace apitoken::core
