// SHA-256 by OpenSSL.
#include "core/hash.hpp"

#include <openssl/evp.h>

#include <cstdlib>
#include <memory>

namespace apitoken::core {
namespace {

constexpr std::string_view kHashPrefix = "sha256:";
constexpr std::string_view kDigits = "0123456789abcdef";

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// Fetched once: otherwise OpenSSL 3 searches its providers at each use.
const EVP_MD* algorithm() {
  static const EVP_MD* const found = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return found;
}

// The value of each character as a lower-case hexadecimal digit; -1 for other characters. A table,
// because a branch on a digit of a hash is predicted wrongly half of the time.
constexpr auto kValues = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kDigits.size(); ++i)
    values[static_cast<unsigned char>(kDigits[i])] = static_cast<std::int8_t>(i);
  return values;
}();

int value_of(char digit) { return kValues[static_cast<unsigned char>(digit)]; }

}  // namespace

Sha256 sha256(std::string_view bytes) {
  thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  Sha256 hash{};
  // Fails only if the library has no SHA-256 at all. The operator is useless then.
  if (context == nullptr || EVP_DigestInit_ex2(context.get(), algorithm(), nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), hash.data(), nullptr) != 1) {
    std::abort();
  }
  return hash;
}

std::string sha256_bytes(std::string_view bytes) {
  const auto hash = sha256(bytes);
  return {hash.begin(), hash.end()};
}

std::string sha256_hex(std::string_view bytes) {
  std::string text;
  for (const auto byte : sha256(bytes)) text.append({kDigits[byte >> 4], kDigits[byte & 15]});
  return text;
}

std::optional<Sha256> parse_hash(std::string_view text) {
  Sha256 hash{};
  if (!text.starts_with(kHashPrefix) || text.size() != kHashPrefix.size() + 2 * hash.size())
    return {};
  text.remove_prefix(kHashPrefix.size());
  int wrong = 0;  // negative if a digit is none
  for (std::size_t i = 0; i < hash.size(); ++i) {
    const int both = value_of(text[2 * i]) * 16 | value_of(text[2 * i + 1]);
    hash[i] = static_cast<std::uint8_t>(both);
    wrong |= both;
  }
  if (wrong < 0) return {};
  return hash;
}

}  // namespace apitoken::core
