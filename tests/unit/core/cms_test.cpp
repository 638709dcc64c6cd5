// Encryption to certificates, checked with the openssl program: it decrypts, and it makes the
// certificates, including those that must be refused.
#include "core/cms.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdlib>
#include <optional>

#include "base/rfc3339.hpp"
#include "support/temporary_folder.hpp"

namespace apitoken::core {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::string kValue = "apt_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmn21iZpT";

class Cms : public testing::Test {
 protected:
  // A self-signed certificate; `key` are options of `openssl genpkey`, `more` options of `openssl
  // req`.
  std::string certificate(const std::string& key, const std::string& more = "") const {
    run("openssl genpkey " + key + " -out key.pem");
    run("openssl req -x509 -key key.pem -days 2 -subj /CN=recipient -out cert.pem " + more);
    return folder_.read("cert.pem");
  }
  void run(const std::string& command) const {
    const auto line = fmt::format("cd {} && {{ {}; }} 2>>log", folder_.path(), command);
    ASSERT_EQ(std::system(line.c_str()), 0) << command << ": " << folder_.read("log");
  }
  // The error at `at`, by default now.
  static std::string refusal(const std::string& pem, std::optional<WallTime> at = {}) {
    Status checked = check_certificate(pem);
    if (checked) checked = check_certificate_dates(pem, at.value_or(now()));
    return checked ? "accepted" : checked.error().message;
  }
  static WallTime now() { return SystemClock().wall(); }

  kube::test::TemporaryFolder folder_;
};

const std::string kRsa = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048";
const std::string kEc = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";

TEST_F(Cms, OpensslDecryptsForEachKindOfKey) {
  for (const std::string& key : {kRsa, std::string("-algorithm RSA -pkeyopt rsa_keygen_bits:3072"),
                                 kEc, std::string("-algorithm EC -pkeyopt ec_paramgen_curve:P-384"),
                                 std::string("-algorithm EC -pkeyopt ec_paramgen_curve:P-521")}) {
    const auto pem = certificate(key);
    EXPECT_EQ(refusal(pem), "accepted") << key;
    const auto sealed = encrypt_cms(pem, SecretString(std::string(kValue)));
    ASSERT_TRUE(sealed) << sealed.error().message;
    EXPECT_THAT(*sealed, StartsWith("-----BEGIN CMS-----\n"));
    EXPECT_EQ(sealed->find(kValue), sealed->npos);
    folder_.write("token.cms", *sealed);
    run("openssl cms -decrypt -inform PEM -inkey key.pem -recip cert.pem -in token.cms -out plain");
    EXPECT_EQ(folder_.read("plain"), kValue) << key;
    run("openssl cms -cmsout -print -noout -inform PEM -in token.cms > shown");
    EXPECT_THAT(folder_.read("shown"), HasSubstr("aes-256-cbc"));
    EXPECT_THAT(folder_.read("shown"),
                HasSubstr(key.find("RSA") != key.npos ? "rsaesOaep" : "dhSinglePass-stdDH-sha256"));
  }
}

TEST_F(Cms, TwoEncryptionsOfOneValueDiffer) {
  const auto pem = certificate(kEc);
  EXPECT_NE(*encrypt_cms(pem, SecretString(std::string(kValue))),
            *encrypt_cms(pem, SecretString(std::string(kValue))));
}

TEST_F(Cms, TextAroundTheCertificateDoesNotMatter) {
  EXPECT_EQ(refusal("subject=/CN=recipient\n" + certificate(kEc) + "\n\n"), "accepted");
}

TEST_F(Cms, OtherTextIsRefused) {
  const auto pem = certificate(kEc);
  EXPECT_EQ(refusal(""), "is not a PEM certificate");
  EXPECT_EQ(refusal("hello"), "is not a PEM certificate");
  EXPECT_EQ(refusal(pem.substr(0, pem.size() / 2)), "is not a PEM certificate");
  EXPECT_EQ(refusal("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            "holds a PEM block that is not an X.509 certificate");
  EXPECT_EQ(refusal(pem + pem), "holds 2 certificates; give one");
  EXPECT_THAT(refusal(pem + folder_.read("key.pem")),
              StartsWith("holds a private key; give the certificate alone"));
  run("openssl pkey -in key.pem -pubout -out public.pem");
  EXPECT_EQ(refusal(folder_.read("public.pem")),
            "holds no CERTIFICATE block; give the X.509 certificate in PEM");
}

TEST_F(Cms, WeakAndUnsupportedKeysAreRefused) {
  constexpr auto kRemedy =
      "; use RSA of 2048 to 8192 bits or an elliptic curve key (P-256, P-384, P-521)";
  EXPECT_EQ(refusal(certificate("-algorithm RSA -pkeyopt rsa_keygen_bits:1024")),
            fmt::format("has a key that is RSA of 1024 bits{}", kRemedy));
  EXPECT_EQ(refusal(certificate("-algorithm ED25519")),
            fmt::format("has a key that is ED25519{}", kRemedy));
  EXPECT_EQ(refusal(certificate("-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048")),
            fmt::format("has a key that is rsassaPss{}", kRemedy));
  EXPECT_EQ(refusal(certificate("-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1")),
            fmt::format("has a key on the curve secp256k1{}", kRemedy));
}

TEST_F(Cms, AKeyUsageThatForbidsEncryptionIsRefused) {
  EXPECT_THAT(refusal(certificate(kRsa, "-addext keyUsage=digitalSignature")),
              HasSubstr("without keyEncipherment"));
  EXPECT_THAT(refusal(certificate(kEc, "-addext keyUsage=digitalSignature")),
              HasSubstr("without keyAgreement"));
  EXPECT_EQ(refusal(certificate(kRsa, "-addext keyUsage=keyEncipherment")), "accepted");
  EXPECT_EQ(refusal(certificate(kEc, "-addext keyUsage=keyAgreement")), "accepted");
  EXPECT_FALSE(encrypt_cms(certificate(kEc, "-addext keyUsage=digitalSignature"),
                           SecretString(std::string(kValue))));
}

TEST_F(Cms, DatesAreChecked) {
  const auto pem = certificate(kEc);
  const auto late = refusal(pem, now() + std::chrono::hours(72));
  EXPECT_THAT(late, StartsWith("expired at 20"));
  EXPECT_THAT(late, HasSubstr("Z; give one that is valid now"));
  EXPECT_THAT(refusal(pem, now() - std::chrono::hours(72)), StartsWith("is not valid before 20"));
}

}  // namespace
}  // namespace apitoken::core
