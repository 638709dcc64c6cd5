// SHA-256, the one hash of the operator: token hashes, Event names, Message-IDs. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace apitoken::core {

// 64 lower-case hexadecimal digits.
std::string sha256_hex(std::string_view bytes);

}  // namespace apitoken::core
