// The Secret of signing keys, which people restore from backups and may edit.
#include "api/jwt_key_secret.hpp"
#include "core/jwt.hpp"
#include "fuzz/fuzz.hpp"

namespace apitoken::fuzz {

void fuzz(std::string_view input) {
  (void)core::read_signing_key(SecretString(std::string(input)));
  api::JsonParser parser;
  const auto document = parser.parse(input);
  if (!document) return;
  const auto secret = api::decode_jwt_key_secret(*document);
  if (!secret) return;
  for (const auto& entry : secret->keys) {
    const auto key = core::read_signing_key(entry.pem);
    if (!key) continue;
    const core::SigningKey* const keys[] = {&*key};
    (void)core::jwks_document(keys);
  }
}

}  // namespace apitoken::fuzz
