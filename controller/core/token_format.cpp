// Mints, hashes and checks Opaque tokens.
#include "core/token_format.hpp"

#include <fmt/format.h>
#include <openssl/rand.h>
#include <zlib.h>

#include <algorithm>
#include <array>

#include "core/hash.hpp"

namespace apitoken::core {
namespace {

constexpr std::string_view kAlphabet =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kTokenPrefix = "apt_";
constexpr std::size_t kRandomLength = 40;
constexpr std::size_t kChecksumLength = 6;
constexpr std::size_t kIdLength = 8;

// Appends `count` random characters. Skips bytes above 247 (248 = 4 * 62), so that all 62
// characters are equally likely.
Status append_random(std::string& text, std::size_t count) {
  std::array<unsigned char, 64> bytes;
  const std::size_t wanted = text.size() + count;
  while (text.size() < wanted) {
    if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
      wipe(bytes.data(), bytes.size());
      return fail(ErrorKind::Unavailable, "the operating system's random source failed");
    }
    for (const unsigned char byte : bytes) {
      if (byte < 248 && text.size() < wanted) text += kAlphabet[byte % 62];
    }
  }
  wipe(bytes.data(), bytes.size());
  return {};
}

std::string checksum(std::string_view random_part) {
  auto rest =
      static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(random_part.data()),
                                       static_cast<uInt>(random_part.size())));
  std::string digits(kChecksumLength, '0');
  for (std::size_t i = kChecksumLength; i-- > 0; rest /= 62) digits[i] = kAlphabet[rest % 62];
  return digits;
}

}  // namespace

Result<MintedToken> mint_opaque_token() {
  std::string value;
  // Growth would leave unwiped copies.
  value.reserve(kTokenPrefix.size() + kRandomLength + kChecksumLength);
  value += kTokenPrefix;
  TRY(append_random(value, kRandomLength));
  value += checksum(std::string_view(value).substr(kTokenPrefix.size()));
  MintedToken token;
  token.id = TRY(mint_token_id());
  token.hash = token_hash(value);
  token.hint = token_hint(value);
  token.value = SecretString(std::move(value));
  return token;
}

Result<std::string> mint_token_id() {
  std::string id;
  TRY(append_random(id, kIdLength));
  return id;
}

std::string token_hint(std::string_view value) {
  return fmt::format("…{}", value.substr(value.size() - 4));
}

std::string token_hash(std::string_view value) { return "sha256:" + sha256_hex(value); }

bool is_well_formed(std::string_view value) {
  if (value.size() != kTokenPrefix.size() + kRandomLength + kChecksumLength ||
      !value.starts_with(kTokenPrefix))
    return false;
  const auto random_part = value.substr(kTokenPrefix.size(), kRandomLength);
  const bool in_alphabet = std::ranges::all_of(
      random_part, [](char c) { return kAlphabet.find(c) != std::string_view::npos; });
  return in_alphabet && checksum(random_part) == value.substr(kTokenPrefix.size() + kRandomLength);
}

}  // namespace apitoken::core
