// Encryption to JWKs, checked with the jose program and with Python's jwcrypto (Debian's jose does
// not support RSA): they decrypt our JWEs, and we decrypt theirs. Unsuitable keys are refused.
#include "core/jwe.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/base64.hpp"
#include "support/temporary_folder.hpp"

namespace apitoken::core {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kValue = "apt_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmn21iZpT";

const std::string kP256 = R"({"kty":"EC","crv":"P-256"})";

class Jwe : public testing::Test {
 protected:
  void run(const std::string& command) const {
    const auto line = fmt::format("cd {} && {{ {}; }} 2>>log", folder_.path(), command);
    ASSERT_EQ(std::system(line.c_str()), 0) << command << ": " << folder_.read("log");
  }
  // Makes a key with the jose program, in key.jwk. Returns the public key.
  json generate(const std::string& what) const {
    run("jose jwk gen -i '" + what + "' -o key.jwk && jose jwk pub -i key.jwk -o public.jwk");
    return json::parse(folder_.read("public.jwk"));
  }
  std::string open(const std::string& jwe) const {
    folder_.write("token.jwe", jwe);
    run("jose jwe dec -i token.jwe -k key.jwk -O plain");
    return folder_.read("plain");
  }
  static json header_of(const std::string& jwe) {
    return json::parse(base64url_decode(jwe.substr(0, jwe.find('.'))).value());
  }

  kube::test::TemporaryFolder folder_;
};

std::string refusal(const std::string& jwk) {
  const auto read = read_public_jwk(jwk);
  return read ? "accepted" : read.error().message;
}

SecretString value() { return SecretString(std::string(kValue)); }

// On P-256; RFC 7517, Appendix A.1.
const json kEc = {{"kty", "EC"},
                  {"crv", "P-256"},
                  {"x", "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"},
                  {"y", "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}};

// An odd number of `bits` bits. It need not be a product of two primes: no check looks at that.
json rsa(std::size_t bits, const std::string& exponent = "AQAB") {
  std::string modulus(bits / 8, '\xF1');
  return {{"kty", "RSA"}, {"n", base64url_encode(modulus)}, {"e", exponent}};
}

std::string with(json key, const std::string& member, const json& what) {
  key[member] = what;
  return key.dump();
}

TEST_F(Jwe, JoseDecryptsForAnEcKey) {
  const auto key = generate(kP256);
  const auto jwe = encrypt_jwe(key.dump(), value());
  ASSERT_TRUE(jwe) << jwe.error().message;
  EXPECT_EQ(jwe->find(kValue), jwe->npos);
  const auto header = header_of(*jwe);
  EXPECT_EQ(header["alg"], "ECDH-ES");
  EXPECT_EQ(header["enc"], "A256GCM");
  EXPECT_THAT(*jwe, HasSubstr(".."));  // no encrypted key: ECDH-ES derives it
  EXPECT_EQ(open(*jwe), kValue);
}

TEST_F(Jwe, JwcryptoDecryptsForEachKindOfKey) {
  for (const std::string& kind : {std::string(R"({"kty":"RSA","bits":2048})"),
                                  std::string(R"({"kty":"RSA","bits":3072})"), kP256}) {
    const auto jwe = encrypt_jwe(generate(kind).dump(), value());
    ASSERT_TRUE(jwe) << jwe.error().message;
    EXPECT_EQ(header_of(*jwe)["alg"], kind == kP256 ? "ECDH-ES" : "RSA-OAEP-256");
    folder_.write("token.jwe", *jwe);
    run("/usr/bin/python3 -c \"from jwcrypto import jwk, jwe; box = jwe.JWE(); "
        "box.deserialize(open('token.jwe').read(), "
        "jwk.JWK.from_json(open('key.jwk').read())); open('plain', 'wb').write(box.payload)\"");
    EXPECT_EQ(folder_.read("plain"), kValue) << kind;
  }
}

TEST_F(Jwe, KeysWithAPurposeAreAcceptedAndTheirKidIsInTheHeader) {
  auto key = generate(kP256);
  key["alg"] = "ECDH-ES";
  key["kid"] = "bob \"1\"";
  key["use"] = "enc";
  const auto jwe = encrypt_jwe(key.dump(2), value());
  ASSERT_TRUE(jwe) << jwe.error().message;
  EXPECT_EQ(header_of(*jwe)["kid"], "bob \"1\"");
  EXPECT_EQ(open(*jwe), kValue);
}

TEST_F(Jwe, TheOneTimeKeyDecryptsWhatWeAndJoseEncrypt) {
  const auto key = generate_one_time_key("kubectl-apitoken");
  ASSERT_TRUE(key);
  EXPECT_EQ(refusal(key->jwk), "accepted");
  const auto ours = encrypt_jwe(key->jwk, value());
  ASSERT_TRUE(ours);
  EXPECT_EQ(decrypt_jwe(*key, *ours)->reveal(), kValue);
  folder_.write("public.jwk", key->jwk);
  folder_.write("plain", kValue);
  run(R"(jose jwe enc -i '{"protected":{"alg":"ECDH-ES","enc":"A256GCM"}}')"
      " -I plain -k public.jwk -c -o theirs");
  const auto theirs = decrypt_jwe(*key, folder_.read("theirs"));
  ASSERT_TRUE(theirs) << theirs.error().message;
  EXPECT_EQ(theirs->reveal(), kValue);
}

TEST(JweOfOneTimeKeys, DifferEachTime) {
  const auto key = generate_one_time_key("kid");
  EXPECT_NE(*encrypt_jwe(key->jwk, value()), *encrypt_jwe(key->jwk, value()));
  EXPECT_NE(key->jwk, generate_one_time_key("kid")->jwk);
}

TEST(JweOfOneTimeKeys, AreForOneKeyAndDetectChanges) {
  const auto key = generate_one_time_key("kid");
  const auto jwe = *encrypt_jwe(key->jwk, value());
  const auto refused = [&](const std::string& text) {
    const auto opened = decrypt_jwe(*key, text);
    return opened ? "opened" : opened.error().message;
  };
  EXPECT_EQ(decrypt_jwe(*generate_one_time_key("kid"), jwe).error().message,
            "is for another key, or was changed");
  for (std::size_t at = jwe.find("..") + 2; at + 1 < jwe.size(); at += 7) {
    auto changed = jwe;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    EXPECT_NE(refused(changed), "opened") << at;
  }
  const auto rest = jwe.substr(jwe.find('.'));
  const auto headed = [&](json header) { return refused(base64url_encode(header.dump()) + rest); };
  const auto header = json::parse(base64url_decode(jwe.substr(0, jwe.find('.'))).value());
  const auto changed = [&](const std::string& member, const json& to) {
    auto other = header;
    other[member] = to;
    return headed(other);
  };
  EXPECT_EQ(headed(header), "opened");
  EXPECT_EQ(changed("kid", "other"), "is for another key, or was changed");
  EXPECT_EQ(changed("alg", "dir"), "is not encrypted by ECDH-ES and A256GCM");
  EXPECT_EQ(changed("enc", "A128GCM"), "is not encrypted by ECDH-ES and A256GCM");
  EXPECT_THAT(changed("crit", json::array({"exp"})), StartsWith("has a header with crit or zip"));
  EXPECT_THAT(changed("epk", kEc["x"]), HasSubstr("is not a JSON object"));
  EXPECT_THAT(changed("epk", rsa(2048)), HasSubstr("not an EC key"));
  for (const auto* text : {"", ".", "....", "a.b.c.d.e.f", "e30....", "{}..AAAA.AAAA.AAAA"})
    EXPECT_NE(refused(text), "opened") << text;
  EXPECT_THAT(refused(std::string(300 * 1024, 'A')), StartsWith("is longer than"));
}

TEST(Jwk, OtherTextIsRefused) {
  EXPECT_EQ(refusal(kEc.dump()), "accepted");
  EXPECT_EQ(refusal(rsa(2048).dump()), "accepted");
  EXPECT_EQ(refusal(with(kEc, "x-anything", json::array({1, 2}))), "accepted");
  for (const auto* text : {"{", "{}x", "[]", "\"kty\"", "{\"kty\":\"EC\",}", ""})
    EXPECT_THAT(refusal(text), StartsWith("is not a JSON object; give one public key as JWK"))
        << text;
  EXPECT_THAT(refusal("{}"),
              StartsWith("has the kty \"\"; give an EC key on P-256, or an RSA key"));
  EXPECT_EQ(refusal(json{{"keys", {kEc}}}.dump()), "is a set of keys; give one of them alone");
  EXPECT_THAT(refusal(with(kEc, "kty", "OKP")), StartsWith("has the kty \"OKP\"; give an EC key"));
  EXPECT_THAT(refusal(with(kEc, "kty", 1)), StartsWith("has a \"kty\" that is not a string"));
  EXPECT_THAT(refusal(with(kEc, "crv", "P-384")),
              StartsWith("has a key on the curve \"P-384\"; give an EC key"));
  EXPECT_THAT(refusal(with(kEc, "crv", "secp256k1")),
              StartsWith("has a key on the curve \"secp256k1\""));
}

TEST(Jwk, APrivateKeyOfAnyKindIsRefused) {
  for (const auto* member : {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}) {
    for (const json& key : {kEc, rsa(2048)}) {
      EXPECT_EQ(refusal(with(key, member, "AQAB")),
                fmt::format("holds a private key (member \"{}\"); give the public key alone, and "
                            "replace that key: it is no longer secret",
                            member));
    }
  }
  EXPECT_THAT(refusal(R"({"kty":"oct","k":"AAAA"})"),
              StartsWith("holds a private key (member \"k\")"));
}

TEST(Jwk, DuplicateAndEscapedMembersAreRefused) {
  auto twice = kEc.dump();
  twice.insert(1, R"("x":"AAAA",)");
  EXPECT_EQ(refusal(twice), "holds the member \"x\" twice; give each once");
  EXPECT_THAT(refusal(with(kEc, "d", "AAAA").replace(2, 1, "\\u0063")),
              StartsWith("holds a \\u escape"));
}

TEST(Jwk, InvalidNumbersAreRefused) {
  const auto& x = kEc["x"].get_ref<const std::string&>();
  EXPECT_THAT(refusal(with(kEc, "y", x)),
              StartsWith("has a point (x, y) that is not on the curve P-256"));
  EXPECT_THAT(refusal(with(kEc, "y", base64url_encode(std::string(32, '\xFF')))),
              HasSubstr("not on the curve"));
  EXPECT_THAT(refusal(with(kEc, "x", base64url_encode(std::string(31, 'x')))),
              StartsWith("has a \"x\" of 31 bytes"));
  for (const std::string& text :
       {x + "=", " " + x, x.substr(0, 42) + "5", x + "\n", std::string("!") + x.substr(1)})
    EXPECT_THAT(refusal(with(kEc, "x", text)), StartsWith("has a \"x\" that is not base64url"))
        << text;
  EXPECT_THAT(refusal(with(kEc, "y", "")), StartsWith("has no \"y\"; give the whole public key"));
  EXPECT_EQ(refusal(rsa(2040).dump()),
            "has a key that is RSA of 2040 bits; give an EC key on P-256, or an RSA key of 2048 to "
            "8192 bits");
  EXPECT_THAT(refusal(rsa(8200).dump()), StartsWith("has a key that is RSA of 8200 bits"));
  for (const auto* exponent : {"AQ", "Ag", "AAAA", "AQAAAAAAAAAB"})  // 1, 2, 0, more than 64 bits
    EXPECT_THAT(refusal(rsa(2048, exponent).dump()),
                StartsWith("has numbers (n, e) that are not an RSA key"))
        << exponent;
}

TEST(Jwk, AKeyForAnotherPurposeIsRefused) {
  EXPECT_EQ(refusal(with(kEc, "use", "sig")),
            "has the use \"sig\"; give a key for encryption (use \"enc\")");
  EXPECT_EQ(refusal(with(kEc, "alg", "ES256")),
            "has the alg \"ES256\"; give a key for ECDH-ES, or leave alg out");
  EXPECT_THAT(refusal(with(rsa(2048), "alg", "RSA1_5")), HasSubstr("give a key for RSA-OAEP-256"));
  EXPECT_THAT(refusal(with(kEc, "key_ops", {"verify"})),
              StartsWith("has key_ops without an operation that encrypts"));
  EXPECT_THAT(refusal(with(kEc, "key_ops", "verify")),
              StartsWith("has key_ops that are not a list of strings"));
  EXPECT_EQ(refusal(with(kEc, "key_ops", json::array())),
            "accepted");  // as WebCrypto exports a public key
  EXPECT_THAT(refusal(with(kEc, "kid", std::string(257, 'k'))),
              StartsWith("has a kid of more than 256 bytes"));
}

}  // namespace
}  // namespace apitoken::core
