// SHA-256, for token hashes, Event names, Message-IDs and key thumbprints. Pure; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace apitoken::core {

using Sha256 = std::array<std::uint8_t, 32>;

// SHA-256 of `bytes`: as an array, as a string of 32 bytes, as 64 lower-case hexadecimal digits.
Sha256 sha256(std::string_view bytes);
std::string sha256_bytes(std::string_view bytes);
std::string sha256_hex(std::string_view bytes);
// Parses a token hash ("sha256:<64 lower-case hexadecimal digits>"). Empty for any other text.
std::optional<Sha256> parse_hash(std::string_view text);

}  // namespace apitoken::core
