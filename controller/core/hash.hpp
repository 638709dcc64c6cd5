// SHA-256, the one hash of the operator: token hashes, Event names, Message-IDs, key thumbprints.
// Pure; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace apitoken::core {

using Sha256 = std::array<std::uint8_t, 32>;

Sha256 sha256(std::string_view bytes);
// The same 32 bytes as a string.
std::string sha256_bytes(std::string_view bytes);
// 64 lower-case hexadecimal digits.
std::string sha256_hex(std::string_view bytes);
// Parses status.tokenHash ("sha256:<64 lower-case hexadecimal digits>"); empty for any other text.
std::optional<Sha256> parse_hash(std::string_view text);

}  // namespace apitoken::core
