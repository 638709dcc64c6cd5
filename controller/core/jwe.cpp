// Compact JWE by OpenSSL.
#include "core/jwe.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include <array>
#include <nlohmann/json.hpp>

#include "base/base64.hpp"
#include "core/concat_kdf.hpp"
#include "core/openssl_errors.hpp"

namespace apitoken::core {
namespace {

using Context = std::unique_ptr<EVP_PKEY_CTX, FreedBy<EVP_PKEY_CTX_free>>;
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreedBy<EVP_CIPHER_CTX_free>>;

constexpr std::string_view kContentAlgorithm = "A256GCM";
constexpr std::size_t kKeySize = 32;
constexpr std::size_t kIvSize = 12;
constexpr std::size_t kTagSize = 16;
// The largest input of decrypt_jwe(). A JWT of the largest spec needs 100 KiB.
constexpr std::size_t kMaxJwe = 256 * 1024;

unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::unexpected<Error> refuse_jwe(std::string reason) {
  return fail(ErrorKind::Decode, std::move(reason));
}

// The content key, and how the recipient gets it.
struct ContentKey {
  SecretString key;
  std::string encrypted;  // empty with ECDH-ES, where both sides derive the key
  nlohmann::json header;
};

Result<nlohmann::json> public_members(const EVP_PKEY* key) {
  auto point = TRY(public_point(key));
  return nlohmann::json{
      {"kty", "EC"}, {"crv", "P-256"}, {"x", std::move(point.x)}, {"y", std::move(point.y)}};
}

// Derives the content key from the ECDH secret of our private and their public key.
Result<SecretString> derive_key(EVP_PKEY* own, EVP_PKEY* theirs) {
  const Context context(EVP_PKEY_CTX_new(own, nullptr));
  std::size_t size = 0;
  if (!context || EVP_PKEY_derive_init(context.get()) != 1 ||
      EVP_PKEY_derive_set_peer(context.get(), theirs) != 1 ||
      EVP_PKEY_derive(context.get(), nullptr, &size) != 1) {
    return openssl_failed("agreeing on a key");
  }
  std::string shared(size, '\0');
  const bool done = EVP_PKEY_derive(context.get(), bytes_of(shared), &size) == 1;
  const SecretString secret(std::move(shared));
  if (!done || size != secret.size()) return openssl_failed("agreeing on a key");
  return concat_kdf(secret, kContentAlgorithm, "", "", kKeySize);
}

Result<ContentKey> agree_on_key(EVP_PKEY* recipient) {
  const auto ephemeral = TRY(generate_p256_key());
  auto epk = TRY(public_members(ephemeral.get()));
  auto key = TRY(derive_key(ephemeral.get(), recipient));
  return ContentKey{std::move(key), "", {{"alg", "ECDH-ES"}, {"epk", std::move(epk)}}};
}

Result<ContentKey> wrap_key(EVP_PKEY* recipient) {
  std::string bytes(kKeySize, '\0');
  const bool random = RAND_bytes(bytes_of(bytes), static_cast<int>(bytes.size())) == 1;
  SecretString key(std::move(bytes));
  const Context context(EVP_PKEY_CTX_new(recipient, nullptr));
  std::string encrypted(static_cast<std::size_t>(EVP_PKEY_get_size(recipient)), '\0');
  std::size_t size = encrypted.size();
  if (!random || !context || EVP_PKEY_encrypt_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) != 1 ||
      EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), EVP_sha256()) != 1 ||
      EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), EVP_sha256()) != 1 ||
      EVP_PKEY_encrypt(context.get(), bytes_of(encrypted), &size, bytes_of(key.reveal()),
                       key.size()) != 1) {
    return openssl_failed("encrypting to the key");
  }
  encrypted.resize(size);
  return ContentKey{std::move(key), std::move(encrypted), {{"alg", "RSA-OAEP-256"}}};
}

// Initialization vector, ciphertext and tag.
struct Sealed {
  std::string iv, text, tag;
};

// `header`: in base64url, the form that is authenticated.
Result<Sealed> encrypt_content(const SecretString& key, std::string_view header,
                               const SecretString& value) {
  Sealed sealed{std::string(kIvSize, '\0'), std::string(value.size(), '\0'),
                std::string(kTagSize, '\0')};
  const Cipher cipher(EVP_CIPHER_CTX_new());
  int size = 0;
  if (RAND_bytes(bytes_of(sealed.iv), kIvSize) != 1 || !cipher ||
      EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key.reveal()),
                         bytes_of(sealed.iv)) != 1 ||
      EVP_EncryptUpdate(cipher.get(), nullptr, &size, bytes_of(header),
                        static_cast<int>(header.size())) != 1 ||
      EVP_EncryptUpdate(cipher.get(), bytes_of(sealed.text), &size, bytes_of(value.reveal()),
                        static_cast<int>(value.size())) != 1 ||
      EVP_EncryptFinal_ex(cipher.get(), bytes_of(sealed.tag), &size) != 1 ||
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagSize, sealed.tag.data()) != 1) {
    return openssl_failed("encrypting");
  }
  return sealed;
}

// False if the tag does not match: another key, or changed bytes.
bool decrypt_content(const SecretString& key, std::string_view header, Sealed& sealed,
                     std::string& value) {
  const Cipher cipher(EVP_CIPHER_CTX_new());
  int size = 0;
  std::array<unsigned char, kTagSize> rest{};  // GCM writes no bytes at the end
  return cipher &&
         EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key.reveal()),
                            bytes_of(sealed.iv)) == 1 &&
         EVP_DecryptUpdate(cipher.get(), nullptr, &size, bytes_of(header),
                           static_cast<int>(header.size())) == 1 &&
         EVP_DecryptUpdate(cipher.get(), bytes_of(value), &size, bytes_of(sealed.text),
                           static_cast<int>(sealed.text.size())) == 1 &&
         EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagSize, sealed.tag.data()) ==
             1 &&
         EVP_DecryptFinal_ex(cipher.get(), rest.data(), &size) == 1;
}

// The five parts between the dots.
struct Parts {
  std::string_view header, key, iv, text, tag;
};

Result<Parts> take_apart(std::string_view jwe) {
  if (jwe.size() > kMaxJwe) return refuse_jwe(fmt::format("is longer than {} bytes", kMaxJwe));
  std::array<std::string_view, 5> parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto dot = jwe.find('.');
    if ((dot == jwe.npos) != (i + 1 == parts.size()))
      return refuse_jwe("is not a JWE in compact form");
    parts[i] = jwe.substr(0, dot);
    jwe.remove_prefix(dot == jwe.npos ? jwe.size() : dot + 1);
  }
  return Parts{parts[0], parts[1], parts[2], parts[3], parts[4]};
}

// The ephemeral key in the header. Errors: the JWE is not of ECDH-ES and A256GCM.
Result<PublicJwk> read_ephemeral_key(std::string_view header) {
  const auto text = base64url_decode(header);
  api::JsonParser parser;
  const auto document = parser.parse(text.value_or(""));
  if (!document) return refuse_jwe("has a header that is not JSON");
  const auto alg = api::read_string(*document, "alg", "");
  const auto enc = api::read_string(*document, "enc", "");
  if (alg != "ECDH-ES" || enc != kContentAlgorithm)
    return refuse_jwe("is not encrypted by ECDH-ES and A256GCM");
  if (api::member(*document, "crit") || api::member(*document, "zip"))
    return refuse_jwe("has a header with crit or zip, which is not supported");
  const auto epk = api::member(*document, "epk");
  if (!epk) return refuse_jwe("has no epk in its header");
  auto key = read_public_jwk(*epk);
  if (!key) return refuse_jwe("has an epk in its header that " + key.error().message);
  if (key->is_rsa) return refuse_jwe("has an epk in its header that is not an EC key");
  return key;
}

}  // namespace

Result<std::string> encrypt_jwe(std::string_view jwk, const SecretString& value) {
  const ErrorsCleared at_end;
  const auto recipient = TRY(read_public_jwk(jwk));
  auto content =
      TRY(recipient.is_rsa ? wrap_key(recipient.key.get()) : agree_on_key(recipient.key.get()));
  content.header["enc"] = kContentAlgorithm;
  if (!recipient.kid.empty()) content.header["kid"] = recipient.kid;
  const auto header = base64url_encode(content.header.dump());
  const auto sealed = TRY(encrypt_content(content.key, header, value));
  return fmt::format("{}.{}.{}.{}.{}", header, base64url_encode(content.encrypted),
                     base64url_encode(sealed.iv), base64url_encode(sealed.text),
                     base64url_encode(sealed.tag));
}

Result<OneTimeKey> generate_one_time_key(std::string_view kid) {
  auto pair = TRY(generate_p256_key());
  auto jwk = TRY(public_members(pair.get()));
  jwk.update({{"use", "enc"}, {"alg", "ECDH-ES"}, {"kid", kid}});
  return OneTimeKey{std::move(pair), jwk.dump()};
}

Result<SecretString> decrypt_jwe(const OneTimeKey& key, std::string_view jwe) {
  const ErrorsCleared at_end;
  const auto parts = TRY(take_apart(jwe));
  const auto ephemeral = TRY(read_ephemeral_key(parts.header));
  auto iv = base64url_decode(parts.iv);
  auto text = base64url_decode(parts.text);
  auto tag = base64url_decode(parts.tag);
  if (!parts.key.empty() || !iv || iv->size() != kIvSize || !text || !tag ||
      tag->size() != kTagSize)
    return refuse_jwe("is not a JWE of ECDH-ES and A256GCM");
  const auto content_key = TRY(derive_key(key.pair.get(), ephemeral.key.get()));
  Sealed sealed{std::move(*iv), std::move(*text), std::move(*tag)};
  std::string value(sealed.text.size(), '\0');
  const bool opened = decrypt_content(content_key, parts.header, sealed, value);
  SecretString result(std::move(value));
  if (!opened) return refuse_jwe("is for another key, or was changed");
  return result;
}

}  // namespace apitoken::core
