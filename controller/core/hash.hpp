// SHA-256, the one hash of the operator: token hashes, Event names, Message-IDs, key thumbprints. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace apitoken::core {

// 32 bytes.
std::string sha256(std::string_view bytes);
// 64 lower-case hexadecimal digits.
std::string sha256_hex(std::string_view bytes);

}  // namespace apitoken::core
