// Reads JWKs by simdjson and OpenSSL.
#include "core/jwk.hpp"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/base64.hpp"
#include "core/openssl_errors.hpp"
#include "core/plain_text.hpp"
#include "core/recipient.hpp"

namespace apitoken::core {
namespace {

using Number = std::unique_ptr<BIGNUM, FreedBy<BN_clear_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, FreedBy<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, FreedBy<OSSL_PARAM_free>>;
using Context = std::unique_ptr<EVP_PKEY_CTX, FreedBy<EVP_PKEY_CTX_free>>;

constexpr std::size_t kCoordinateSize = 32;  // bytes, of P-256
constexpr int kMaxExponentBits = 64;         // OpenSSL's own limit for large keys
constexpr std::size_t kMaxKid = 256;
constexpr std::string_view kJwkKeys = "give an EC key on P-256, or an RSA key of 2048 to 8192 bits";
constexpr std::string_view kNotAnObject =
    "is not a JSON object; give one public key as JWK (RFC 7517), or a PEM certificate";
constexpr std::string_view kNotAnRsaKey =
    "has numbers (n, e) that are not an RSA key; give the key as it was exported";
// RFC 7518, sections 6.2.2, 6.3.2 and 6.4.1.
constexpr std::array<std::string_view, 8> kPrivateMembers{"d",  "p",  "q",   "dp",
                                                          "dq", "qi", "oth", "k"};
constexpr std::array<std::string_view, 4> kEncryptingOperations{"encrypt", "wrapKey", "deriveKey",
                                                                "deriveBits"};

std::unexpected<Error> refuse_jwk(std::string_view reason) {
  return fail(ErrorKind::Invalid, std::string(reason));
}

bool is_one_of(const auto& names, std::string_view name) {
  return std::ranges::find(names, name) != std::ranges::end(names);
}

Status check_members(simdjson::dom::object fields) {
  std::vector<std::string_view> names;
  for (const auto field : fields) names.push_back(field.key);
  std::ranges::sort(names);
  if (const auto twice = std::ranges::adjacent_find(names); twice != names.end())
    return refuse_jwk(fmt::format("holds the member \"{}\" twice; give each once", shown(*twice)));
  for (const auto name : names) {
    if (!is_one_of(kPrivateMembers, name)) continue;
    return refuse_jwk(
        fmt::format("holds a private key (member \"{}\"); give the public key alone, and replace "
                    "that key: it is no longer secret",
                    name));
  }
  return {};
}

// A string member; empty if it is absent.
Result<std::string> text_member(api::Json document, std::string_view name) {
  const auto found = api::member(document, name);
  if (!found) return std::string();
  std::string_view text;
  if (found->get(text) != simdjson::SUCCESS)
    return refuse_jwk(fmt::format(
        "has a \"{}\" that is not a string; give it as a string, or leave it out", name));
  return std::string(text);
}

// A member in base64url. Accepts one spelling of each value: no padding, blanks or stray bits.
Result<std::string> bytes_member(api::Json document, std::string_view name) {
  const auto text = TRY(text_member(document, name));
  if (text.empty())
    return refuse_jwk(fmt::format("has no \"{}\"; give the whole public key", name));
  auto bytes = base64url_decode(text);
  if (!bytes || base64url_encode(*bytes) != text)
    return refuse_jwk(fmt::format(
        "has a \"{}\" that is not base64url without padding; give the key as it was exported",
        name));
  return std::move(*bytes);
}

// Checks use, alg and key_ops against encryption with `algorithm`.
Status check_purpose(api::Json document, std::string_view algorithm) {
  const auto use = TRY(text_member(document, "use"));
  if (!use.empty() && use != "enc")
    return refuse_jwk(
        fmt::format("has the use \"{}\"; give a key for encryption (use \"enc\")", shown(use)));
  const auto alg = TRY(text_member(document, "alg"));
  if (!alg.empty() && alg != algorithm)
    return refuse_jwk(fmt::format("has the alg \"{}\"; give a key for {}, or leave alg out",
                                  shown(alg), algorithm));
  api::Problems problems;
  const auto operations = api::read_string_list(document, "key_ops", "key_ops", &problems);
  if (!problems.empty())
    return refuse_jwk(
        "has key_ops that are not a list of strings; correct them, or leave them out");
  const auto encrypts = [](const std::string& operation) {
    return is_one_of(kEncryptingOperations, operation);
  };
  if (!operations.empty() && std::ranges::none_of(operations, encrypts))
    return refuse_jwk(
        "has key_ops without an operation that encrypts; give a key for encryption, or leave "
        "key_ops "
        "out");
  return {};
}

// Null if OpenSSL refuses the numbers.
KeyPtr make_key(const char* kind, OSSL_PARAM_BLD* builder) {
  const Params params(OSSL_PARAM_BLD_to_param(builder));
  const Context context(EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr));
  EVP_PKEY* key = nullptr;
  if (params && context && EVP_PKEY_fromdata_init(context.get()) == 1)
    EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get());
  return KeyPtr(key);
}

Result<KeyPtr> read_ec_key(api::Json document) {
  const auto curve = TRY(text_member(document, "crv"));
  if (curve != "P-256")
    return refuse_jwk(fmt::format("has a key on the curve \"{}\"; {}", shown(curve), kJwkKeys));
  std::string point("\4");  // the tag of an uncompressed point
  for (const auto* name : {"x", "y"}) {
    const auto coordinate = TRY(bytes_member(document, name));
    if (coordinate.size() != kCoordinateSize)
      return refuse_jwk(
          fmt::format("has a \"{}\" of {} bytes, but P-256 has {}; give the key as it was exported",
                      name, coordinate.size(), kCoordinateSize));
    point += coordinate;
  }
  const Builder builder(OSSL_PARAM_BLD_new());
  if (!builder ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME,
                                      SN_X9_62_prime256v1, 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                       point.size()) != 1) {
    return openssl_failed("reading a public key");
  }
  KeyPtr key = make_key("EC", builder.get());
  if (!key)
    return refuse_jwk(
        "has a point (x, y) that is not on the curve P-256; give the key as it was exported");
  return key;
}

Number number_of(const std::string& bytes) {
  return Number(BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()),
                          static_cast<int>(bytes.size()), nullptr));
}

Result<KeyPtr> read_rsa_key(api::Json document) {
  const Number n = number_of(TRY(bytes_member(document, "n")));
  const Number e = number_of(TRY(bytes_member(document, "e")));
  if (!n || !e) return openssl_failed("reading a public key");
  const int bits = BN_num_bits(n.get());
  if (bits < kMinRsaBits || bits > kMaxRsaBits)
    return refuse_jwk(fmt::format("has a key that is RSA of {} bits; {}", bits, kJwkKeys));
  if (!BN_is_odd(n.get()) || !BN_is_odd(e.get()) || BN_is_one(e.get()) ||
      BN_num_bits(e.get()) > kMaxExponentBits)
    return refuse_jwk(kNotAnRsaKey);
  const Builder builder(OSSL_PARAM_BLD_new());
  if (!builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return openssl_failed("reading a public key");
  }
  KeyPtr key = make_key("RSA", builder.get());
  if (!key) return refuse_jwk(kNotAnRsaKey);
  return key;
}

Result<std::string> coordinate(const EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &number) != 1) return openssl_failed("reading a public key");
  const Number owned(number);
  std::string bytes(kCoordinateSize, '\0');
  const int size = BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()),
                                static_cast<int>(bytes.size()));
  if (size != static_cast<int>(bytes.size())) return openssl_failed("writing a number of P-256");
  return base64url_encode(bytes);
}

}  // namespace

Result<PublicJwk> read_public_jwk(std::string_view text) {
  // An escape could hide a member's name from the CRD's rules, which search the text.
  if (text.find("\\u") != text.npos)
    return refuse_jwk("holds a \\u escape; write the characters themselves");
  api::JsonParser parser;
  const auto document = parser.parse(text);
  if (!document) return refuse_jwk(kNotAnObject);
  return read_public_jwk(*document);
}

Result<PublicJwk> read_public_jwk(api::Json document) {
  const ErrorsCleared at_end;
  simdjson::dom::object fields;
  if (document.get(fields) != simdjson::SUCCESS) return refuse_jwk(kNotAnObject);
  TRY(check_members(fields));
  if (api::member(document, "keys")) return refuse_jwk("is a set of keys; give one of them alone");
  const auto kind = TRY(text_member(document, "kty"));
  if (kind != "EC" && kind != "RSA")
    return refuse_jwk(fmt::format("has the kty \"{}\"; {}", shown(kind), kJwkKeys));
  const bool is_rsa = kind == "RSA";
  TRY(check_purpose(document, is_rsa ? "RSA-OAEP-256" : "ECDH-ES"));
  auto kid = TRY(text_member(document, "kid"));
  if (kid.size() > kMaxKid)
    return refuse_jwk(fmt::format("has a kid of more than {} bytes; shorten it", kMaxKid));
  auto key = TRY(is_rsa ? read_rsa_key(document) : read_ec_key(document));
  return PublicJwk{std::move(key), is_rsa, std::move(kid)};
}

Result<EcPoint> public_point(const evp_pkey_st* key) {
  auto x = TRY(coordinate(key, OSSL_PKEY_PARAM_EC_PUB_X));
  auto y = TRY(coordinate(key, OSSL_PKEY_PARAM_EC_PUB_Y));
  return EcPoint{std::move(x), std::move(y)};
}

Result<KeyPtr> generate_p256_key() {
  KeyPtr key(EVP_EC_gen(SN_X9_62_prime256v1));
  if (!key) return openssl_failed("making a key");
  return key;
}

}  // namespace apitoken::core
