// Encrypts and decrypts the cookie, and remembers which were used.
#include "portal/sign_in_cookie.hpp"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/base64.hpp"
#include "core/hash.hpp"
#include "core/openssl_errors.hpp"
#include "portal/random_text.hpp"

namespace apitoken::portal {
namespace {

constexpr std::size_t kKeySize = 32;
constexpr std::size_t kIvSize = 12;
constexpr std::size_t kTagSize = 16;
constexpr std::size_t kMaxPath = 2048;
// Bound to the ciphertext: the key is for this one purpose.
constexpr std::string_view kPurpose = "apitoken-portal sign-in 1";

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// IV, ciphertext and tag, one after the other.
Result<std::string> encrypt(const SecretString& key, std::string_view plain) {
  std::string sealed(kIvSize + plain.size() + kTagSize, '\0');
  unsigned char* const iv = bytes_of(sealed);
  unsigned char* const text = iv + kIvSize;
  const Cipher cipher(EVP_CIPHER_CTX_new());
  int size = 0;
  if (RAND_bytes(iv, kIvSize) != 1 || !cipher ||
      EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key.reveal()), iv) !=
          1 ||
      EVP_EncryptUpdate(cipher.get(), nullptr, &size, bytes_of(kPurpose), int(kPurpose.size())) !=
          1 ||
      EVP_EncryptUpdate(cipher.get(), text, &size, bytes_of(plain), int(plain.size())) != 1 ||
      EVP_EncryptFinal_ex(cipher.get(), text + plain.size(), &size) != 1 ||
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagSize, text + plain.size()) != 1) {
    return core::openssl_failed("encrypting the sign-in cookie");
  }
  return sealed;
}

std::optional<SecretString> decrypt(const SecretString& key, std::string sealed) {
  const core::ErrorsCleared cleared;
  if (sealed.size() < kIvSize + kTagSize) return {};
  const std::size_t length = sealed.size() - kIvSize - kTagSize;
  unsigned char* const iv = bytes_of(sealed);
  unsigned char* const tag = iv + kIvSize + length;
  std::string plain(length, '\0');
  std::array<unsigned char, kTagSize> rest{};  // GCM leaves nothing for the end
  const Cipher cipher(EVP_CIPHER_CTX_new());
  int size = 0;
  const bool genuine =
      cipher &&
      EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key.reveal()), iv) ==
          1 &&
      EVP_DecryptUpdate(cipher.get(), nullptr, &size, bytes_of(kPurpose), int(kPurpose.size())) ==
          1 &&
      EVP_DecryptUpdate(cipher.get(), bytes_of(plain), &size, iv + kIvSize, int(length)) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagSize, tag) == 1 &&
      EVP_DecryptFinal_ex(cipher.get(), rest.data(), &size) == 1;
  SecretString opened(std::move(plain));  // wiped if it is not genuine
  if (!genuine) return {};
  return opened;
}

}  // namespace

Result<SecretString> random_text() {
  std::string bytes_text(kKeySize, '\0');
  const bool random = RAND_bytes(bytes_of(bytes_text), kKeySize) == 1;
  const SecretString bytes(std::move(bytes_text));
  if (!random) return core::openssl_failed("generating random bytes");
  return SecretString(base64url_encode(bytes.reveal()));
}

Result<SignInCookies> SignInCookies::make() {
  std::string key(kKeySize, '\0');
  if (RAND_bytes(bytes_of(key), kKeySize) != 1)
    return core::openssl_failed("generating the key of sign-in cookies");
  return SignInCookies(SecretString(std::move(key)));
}

Result<std::string> SignInCookies::seal(const SignInAttempt& attempt) const {
  const nlohmann::json members = {{"state", attempt.state},
                                  {"nonce", attempt.nonce},
                                  {"verifier", attempt.verifier.reveal()},
                                  {"to", attempt.to},
                                  {"old", attempt.old_session},
                                  {"until", attempt.until.time_since_epoch().count()}};
  const SecretString plain(members.dump());
  const auto sealed = TRY(encrypt(key_, plain.reveal()));
  return base64url_encode(sealed);
}

std::optional<SignInAttempt> SignInCookies::open(std::string_view cookie) const {
  auto sealed = base64url_decode(cookie);
  // Several texts decode to the same bytes, because the last character has unused bits. Only one of
  // them is the cookie.
  if (!sealed || base64url_encode(*sealed) != cookie) return {};
  const auto plain = decrypt(key_, std::move(*sealed));
  if (!plain) return {};
  const auto members = nlohmann::json::parse(plain->reveal(), nullptr, false);
  if (!members.is_object()) return {};
  return SignInAttempt{members.value("state", ""),
                       members.value("nonce", ""),
                       SecretString(members.value("verifier", "")),
                       members.value("to", ""),
                       members.value("old", ""),
                       WallTime(Seconds(members.value("until", std::int64_t(0))))};
}

std::optional<SignInAttempt> SignInCookies::take(std::string_view cookie, std::string_view state,
                                                 WallTime now) {
  auto attempt = open(cookie);
  if (!attempt || attempt->until <= now || !equal_constant_time(attempt->state, state)) return {};
  if (!use(*attempt, now)) return {};
  return attempt;
}

bool SignInCookies::use(const SignInAttempt& attempt, WallTime now) {
  const MutexLock lock(mutex_);
  std::erase_if(used_, [now](const auto& used) { return used.second <= now; });
  // If the memory is full, sign-ins are refused: a removed state could be used a second time.
  if (used_.size() >= kMaxUsed) return false;
  return used_.emplace(attempt.state, attempt.until).second;
}

std::string local_path(std::string_view to) {
  const bool local =
      to.starts_with('/') && !to.starts_with("//") && to.size() <= kMaxPath &&
      !to.starts_with("/signin") &&
      std::ranges::all_of(to, [](char c) { return c > ' ' && c < 127 && c != '\\'; });
  return local ? std::string(to) : "/";
}

std::string_view cookie_value(std::string_view header, std::string_view name) {
  while (!header.empty()) {
    const auto end = std::min(header.find(';'), header.size());
    auto pair = header.substr(0, end);
    header.remove_prefix(std::min(end + 1, header.size()));
    while (pair.starts_with(' ')) pair.remove_prefix(1);
    const auto equals = pair.find('=');
    if (equals != pair.npos && pair.substr(0, equals) == name) return pair.substr(equals + 1);
  }
  return {};
}

}  // namespace apitoken::portal
