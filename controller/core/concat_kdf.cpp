// One round of SHA-256 over counter, shared secret and OtherInfo.
#include "core/concat_kdf.hpp"

#include <cstdint>

#include "core/hash.hpp"

namespace apitoken::core {
namespace {

void append_number(std::string& bytes, std::uint32_t number) {
  for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(number >> shift & 0xFF);
}

void append_sized(std::string& bytes, std::string_view text) {
  append_number(bytes, static_cast<std::uint32_t>(text.size()));
  bytes += text;
}

}  // namespace

SecretString concat_kdf(const SecretString& shared, std::string_view algorithm,
                        std::string_view apu, std::string_view apv, std::size_t bytes) {
  std::string input;
  // Growth would leave unwiped copies.
  input.reserve(shared.size() + algorithm.size() + apu.size() + apv.size() + 20);
  append_number(input, 1);
  input += shared.reveal();
  append_sized(input, algorithm);
  append_sized(input, apu);
  append_sized(input, apv);
  append_number(input, static_cast<std::uint32_t>(bytes * 8));
  Sha256 round = sha256(input);
  wipe(input);
  SecretString key(std::string(reinterpret_cast<const char*>(round.data()), bytes));
  wipe(round.data(), round.size());
  return key;
}

}  // namespace apitoken::core
