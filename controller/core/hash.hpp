// SHA-256, the one hash of the operator: token hashes, Event names, Message-IDs, key thumbprints.
// Pure; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace apitoken::core {

using Digest = std::array<std::uint8_t, 32>;

Digest digest_of(std::string_view bytes);
// The same bytes as a string.
std::string sha256(std::string_view bytes);
// 64 lower-case hexadecimal digits.
std::string sha256_hex(std::string_view bytes);
// The digest in a hash as statuses carry it ("sha256:<64 lower-case hexadecimal digits>"); nothing
// for anything else.
std::optional<Digest> parse_hash(std::string_view hash);

}  // namespace apitoken::core
