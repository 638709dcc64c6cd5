// spec.secret.encryptTo: PEM or a JWK that a tenant wrote, and encryption to what is accepted.
#include "core/recipient.hpp"

#include "fuzz/fuzz.hpp"

namespace apitoken::fuzz {

void fuzz(std::string_view input) {
  const auto accepted = core::check_recipient(input);
  if (!accepted) {
    require(!accepted.error().message.empty(), "a refusal says why");
    return;
  }
  const auto sealed = core::encrypt_to(input, SecretString(std::string("apt_value")));
  require(sealed.has_value(), "what is accepted can be encrypted to");
  require(sealed->find("apt_value") == std::string::npos, "the value is not in what is sealed");
}

}  // namespace apitoken::fuzz
