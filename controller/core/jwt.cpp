// Encodes claims, reads and writes keys, signs.
#include "core/jwt.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/ec.h>
#include <openssl/pem.h>

#include <array>
#include <nlohmann/json.hpp>

#include "base/base64.hpp"
#include "core/hash.hpp"
#include "core/openssl_errors.hpp"

namespace apitoken::core {
namespace {

using Bio = std::unique_ptr<BIO, FreedBy<BIO_free_all>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, FreedBy<EVP_MD_CTX_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, FreedBy<ECDSA_SIG_free>>;

constexpr std::size_t kNumberSize = 32;  // bytes of r and of s on P-256

std::string dump(const nlohmann::json& document) {
  return document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<std::string> fixed_size(const BIGNUM* number) {
  std::string bytes(kNumberSize, '\0');
  const int size = BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()),
                                static_cast<int>(kNumberSize));
  if (size != static_cast<int>(kNumberSize)) return openssl_failed("writing a number of P-256");
  return bytes;
}

Result<SigningKey> describe(KeyPtr pair) {
  auto point = TRY(public_point(pair.get()));
  auto kid = ec_thumbprint(point.x, point.y);
  return SigningKey{std::move(kid), std::move(point.x), std::move(point.y), std::move(pair)};
}

bool is_on_p256(const EVP_PKEY* pair) {
  std::array<char, 64> curve{};
  return EVP_PKEY_get_base_id(pair) == EVP_PKEY_EC &&
         EVP_PKEY_get_group_name(pair, curve.data(), curve.size(), nullptr) == 1 &&
         std::string_view(curve.data()) == SN_X9_62_prime256v1;
}

// Converts OpenSSL's DER to the r || s of ES256 (RFC 7518, section 3.4).
Result<std::string> raw_signature(const std::string& der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const Signature signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  if (!signature) return openssl_failed("reading a signature");
  const auto r = TRY(fixed_size(ECDSA_SIG_get0_r(signature.get())));
  const auto s = TRY(fixed_size(ECDSA_SIG_get0_s(signature.get())));
  return r + s;
}

Result<std::string> es256(EVP_PKEY* pair, std::string_view text) {
  const DigestContext context(EVP_MD_CTX_new());
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t size = 0;
  if (!context || EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, pair) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size()) != 1) {
    return openssl_failed("signing");
  }
  std::string der(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(der.data()), &size, bytes,
                     text.size()) != 1) {
    return openssl_failed("signing");
  }
  der.resize(size);
  return raw_signature(der);
}

std::string encode_claims(std::string_view issuer, const std::string& id, const JwtClaims& claims) {
  nlohmann::json document{{"iss", issuer},
                          {"sub", claims.subject},
                          {"aud", claims.audiences},
                          {"iat", claims.issued_at.time_since_epoch().count()},
                          {"exp", claims.expires_at.time_since_epoch().count()},
                          {"jti", id},
                          {"client_id", claims.client_id}};
  if (claims.audiences.empty()) document["aud"] = {issuer};
  if (!claims.groups.empty()) document["groups"] = claims.groups;
  if (!claims.scopes.empty()) document["scope"] = fmt::format("{}", fmt::join(claims.scopes, " "));
  return dump(document);
}

nlohmann::json jwk(const SigningKey& key) {
  return {{"kty", "EC"},  {"crv", "P-256"}, {"x", key.x},    {"y", key.y},
          {"use", "sig"}, {"alg", "ES256"}, {"kid", key.kid}};
}

}  // namespace

Result<SigningKey> generate_signing_key() { return describe(TRY(generate_p256_key())); }

Result<SigningKey> read_signing_key(const SecretString& pem) {
  const auto text = pem.reveal();
  const Bio source(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  // Without a callback OpenSSL asks for a password on the terminal.
  const auto no_password = [](char*, int, int, void*) { return 0; };
  KeyPtr pair(PEM_read_bio_PrivateKey(source.get(), nullptr, no_password, nullptr));
  ERR_clear_error();
  if (!pair) return fail(ErrorKind::Decode, "not a private key in PEM");
  if (!is_on_p256(pair.get()))
    return fail(ErrorKind::Decode, "a private key that is not on the curve P-256");
  return describe(std::move(pair));
}

Result<SecretString> write_signing_key(const SigningKey& key) {
  const Bio out(BIO_new(BIO_s_secmem()));
  if (!out || PEM_write_bio_PKCS8PrivateKey(out.get(), key.pair.get(), nullptr, nullptr, 0, nullptr,
                                            nullptr) != 1) {
    return openssl_failed("writing a key");
  }
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(out.get(), &bytes);
  std::string text(bytes, static_cast<std::size_t>(size));
  OPENSSL_cleanse(bytes, static_cast<std::size_t>(size));
  return SecretString(std::move(text));
}

std::string jwks_document(std::span<const SigningKey* const> keys) {
  auto list = nlohmann::json::array();
  for (const SigningKey* key : keys) list.push_back(jwk(*key));
  return dump({{"keys", std::move(list)}});
}

std::string ec_thumbprint(std::string_view x, std::string_view y) {
  return base64url_encode(
      sha256_bytes(fmt::format(R"({{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}})", x, y)));
}

Result<MintedToken> sign_jwt(const SigningKey& key, std::string_view issuer,
                             const JwtClaims& claims) {
  auto id = TRY(mint_token_id());
  const auto header = dump({{"alg", "ES256"}, {"typ", "at+jwt"}, {"kid", key.kid}});
  const auto unsigned_part =
      base64url_encode(header) + "." + base64url_encode(encode_claims(issuer, id, claims));
  auto signature = TRY(es256(key.pair.get(), unsigned_part));
  std::string encoded = base64url_encode(signature);
  std::string value;
  value.reserve(unsigned_part.size() + 1 + encoded.size());  // growth would leave unwiped copies
  value.append(unsigned_part).append(".").append(encoded);
  wipe(signature);
  wipe(encoded);
  MintedToken token;
  token.id = std::move(id);
  token.hash = token_hash(value);
  token.hint = token_hint(value);
  token.value = SecretString(std::move(value));
  return token;
}

std::optional<std::string> kid_of_jwt(std::string_view value) {
  const auto dot = value.find('.');
  if (dot == value.npos) return {};
  const auto header = base64url_decode(value.substr(0, dot));
  if (!header) return {};
  const auto fields = nlohmann::json::parse(*header, nullptr, false);
  if (!fields.is_object()) return {};
  const auto kid = fields.find("kid");
  if (kid == fields.end() || !kid->is_string()) return {};
  return kid->get<std::string>();
}

}  // namespace apitoken::core
