// One-time keys for sealed values.
#include "cli/sealed.hpp"

#include <fmt/format.h>

#include "core/recipient.hpp"

namespace apitoken::cli {
namespace {

// The kid of the plugin's keys: tells them from keys of other recipients.
constexpr std::string_view kKid = "kubectl-apitoken";
constexpr std::string_view kRemedy =
    "upgrade apitoken-operator, or leave the value in the Secret with --keep";

}  // namespace

bool is_sealed(const api::ApiToken& token) {
  const auto& recipient = token.spec.secret->encrypt_to;
  if (!recipient || !core::is_jwk(*recipient)) return false;
  const auto key = core::read_public_jwk(*recipient);
  return key && key->kid == kKid;
}

Outcome<core::OneTimeKey> make_one_time_key() {
  auto key = core::generate_one_time_key(kKid);
  if (!key) return give_up(ExitCode::Failed, key.error().message);
  return std::move(*key);
}

Outcome<SecretString> open_value(const core::OneTimeKey& key, const ShownToken& shown) {
  api::JsonParser parser;
  const auto object = parser.parse(shown.json);
  const auto encrypted = object ? api::read_encrypted_value(*object) : "";
  if (encrypted.empty()) {
    return give_up(
        ExitCode::Failed,
        fmt::format("the operator shows no encrypted value (status.encryptedValue); {}", kRemedy));
  }
  auto value = core::decrypt_jwe(key, encrypted);
  if (!value) {
    return give_up(
        ExitCode::Failed,
        fmt::format(
            "status.encryptedValue {}; did somebody else rotate the token at the same time? Rotate "
            "it again: kubectl apitoken rotate {} -n {}",
            value.error().message, shown.token.meta.name, shown.token.meta.ns));
  }
  return std::move(*value);
}

Failure with_hint_of_age(Failure failure) {
  if (failure.message.find("spec.secret.encryptTo") == failure.message.npos) return failure;
  failure.message +=
      fmt::format("; if the cluster does not support one-time keys yet, {}", kRemedy);
  return failure;
}

}  // namespace apitoken::cli
