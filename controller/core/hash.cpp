// SHA-256 through OpenSSL.
#include "core/hash.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <cstdlib>
#include <iterator>

namespace apitoken::core {

std::string sha256(std::string_view bytes) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  // Fails only where the library has no SHA-256 at all: nothing can be minted then.
  auto* at = reinterpret_cast<unsigned char*>(digest.data());
  if (EVP_Digest(bytes.data(), bytes.size(), at, nullptr, EVP_sha256(), nullptr) != 1) std::abort();
  return digest;
}

std::string sha256_hex(std::string_view bytes) {
  std::string text;
  for (const char byte : sha256(bytes)) {
    fmt::format_to(std::back_inserter(text), "{:02x}", static_cast<unsigned char>(byte));
  }
  return text;
}

}  // namespace apitoken::core
