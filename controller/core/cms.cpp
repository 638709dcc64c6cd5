// Certificates and CMS by OpenSSL.
#include "core/cms.hpp"

#include <fmt/format.h>
// clang-format off: cms.h declares PEM_write_bio_CMS only after pem.h.
#include <openssl/pem.h>
#include <openssl/cms.h>
// clang-format on
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>
#include <vector>

#include "base/freed_by.hpp"
#include "base/rfc3339.hpp"
#include "core/openssl_errors.hpp"
#include "core/recipient.hpp"

namespace apitoken::core {
namespace {

using Bio = std::unique_ptr<BIO, FreedBy<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, FreedBy<X509_free>>;
using Envelope = std::unique_ptr<CMS_ContentInfo, FreedBy<CMS_ContentInfo_free>>;

constexpr std::array<std::string_view, 3> kCurves{"prime256v1", "secp384r1", "secp521r1"};
constexpr std::string_view kCertificateKeys =
    "use RSA of 2048 to 8192 bits or an elliptic curve key (P-256, P-384, P-521)";

std::unexpected<Error> refuse_certificate(std::string reason) {
  return fail(ErrorKind::Invalid, std::move(reason));
}

Bio memory(std::string_view bytes) {
  return Bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

struct PemBlock {
  std::string name;
  std::string der;
};

std::vector<PemBlock> read_blocks(std::string_view pem) {
  std::vector<PemBlock> blocks;
  const Bio source = memory(pem);
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* bytes = nullptr;
  long size = 0;
  while (PEM_read_bio(source.get(), &name, &header, &bytes, &size) == 1) {
    blocks.push_back(
        {name, {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)}});
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(bytes, static_cast<std::size_t>(size));
  }
  return blocks;
}

Result<Certificate> read_certificate(std::string_view pem) {
  auto blocks = read_blocks(pem);
  const auto is_key = [](const PemBlock& block) { return block.name.ends_with("PRIVATE KEY"); };
  const bool holds_key = std::ranges::any_of(blocks, is_key);
  for (PemBlock& block : blocks) {
    if (is_key(block)) wipe(block.der);
  }
  if (holds_key)
    return refuse_certificate(
        "holds a private key; give the certificate alone, and replace that key: it is no longer "
        "secret");
  const auto others =
      std::erase_if(blocks, [](const PemBlock& b) { return b.name != PEM_STRING_X509; });
  if (blocks.empty() && others > 0)
    return refuse_certificate("holds no CERTIFICATE block; give the X.509 certificate in PEM");
  if (blocks.empty()) return refuse_certificate("is not a PEM certificate");
  if (blocks.size() > 1)
    return refuse_certificate(fmt::format("holds {} certificates; give one", blocks.size()));
  const auto* at = reinterpret_cast<const unsigned char*>(blocks[0].der.data());
  Certificate certificate(d2i_X509(nullptr, &at, static_cast<long>(blocks[0].der.size())));
  if (!certificate) return refuse_certificate("holds a PEM block that is not an X.509 certificate");
  return certificate;
}

bool is_rsa(const EVP_PKEY* key) { return EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA; }

std::string describe_curve(const EVP_PKEY* key) {
  std::array<char, 64> name{};
  std::size_t size = 0;
  if (EVP_PKEY_get_group_name(key, name.data(), name.size(), &size) != 1) return "unnamed";
  return {name.data(), size};
}

Status check_key(X509* certificate) {
  const EVP_PKEY* key = X509_get0_pubkey(certificate);
  if (key == nullptr)
    return refuse_certificate(fmt::format("has a key that cannot be read; {}", kCertificateKeys));
  if (is_rsa(key)) {
    const int bits = EVP_PKEY_get_bits(key);
    if (bits >= kMinRsaBits && bits <= kMaxRsaBits) return {};
    return refuse_certificate(
        fmt::format("has a key that is RSA of {} bits; {}", bits, kCertificateKeys));
  }
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC) {
    const auto curve = describe_curve(key);
    if (std::ranges::find(kCurves, curve) != kCurves.end()) return {};
    return refuse_certificate(
        fmt::format("has a key on the curve {}; {}", curve, kCertificateKeys));
  }
  const char* kind = OBJ_nid2ln(EVP_PKEY_get_base_id(key));
  return refuse_certificate(fmt::format(
      "has a key that is {}; {}", kind != nullptr ? kind : "of an unknown kind", kCertificateKeys));
}

// A certificate without keyUsage allows everything (RFC 5280, 4.2.1.3).
Status check_usage(X509* certificate) {
  const bool rsa = is_rsa(X509_get0_pubkey(certificate));
  const std::uint32_t wanted = rsa ? KU_KEY_ENCIPHERMENT : KU_KEY_AGREEMENT;
  if ((X509_get_key_usage(certificate) & wanted) != 0) return {};
  return refuse_certificate(fmt::format(
      "has a keyUsage without {}, which encrypting to it needs; give a certificate that allows it",
      rsa ? "keyEncipherment" : "keyAgreement"));
}

Status check_fit(X509* certificate) {
  TRY(check_key(certificate));
  return check_usage(certificate);
}

std::string date_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return "a date that cannot be read";
  return format_rfc3339(WallTime(Seconds(timegm(&parts))));
}

// X509_cmp_time returns 0 for a date that it cannot read.
Status check_dates(const X509* certificate, WallTime now) {
  auto instant = static_cast<std::time_t>(now.time_since_epoch().count());
  const ASN1_TIME* begin = X509_get0_notBefore(certificate);
  const ASN1_TIME* end = X509_get0_notAfter(certificate);
  if (X509_cmp_time(begin, &instant) >= 0) {
    return refuse_certificate(
        fmt::format("is not valid before {}; give one that is valid now", date_of(begin)));
  }
  if (X509_cmp_time(end, &instant) <= 0) {
    return refuse_certificate(
        fmt::format("expired at {}; give one that is valid now", date_of(end)));
  }
  return {};
}

bool add_recipient(CMS_ContentInfo* envelope, X509* certificate) {
  CMS_RecipientInfo* recipient = CMS_add1_recipient_cert(envelope, certificate, CMS_KEY_PARAM);
  if (recipient == nullptr) return false;
  EVP_PKEY_CTX* settings = CMS_RecipientInfo_get0_pkey_ctx(recipient);
  if (settings == nullptr) return false;
  if (!is_rsa(X509_get0_pubkey(certificate)))
    return EVP_PKEY_CTX_set_ecdh_kdf_md(settings, EVP_sha256()) > 0;
  return EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_OAEP_PADDING) > 0 &&
         EVP_PKEY_CTX_set_rsa_oaep_md(settings, EVP_sha256()) > 0;
}

// Writes the value into the cipher directly: CMS_final would copy it to a buffer that is not wiped.
bool seal(CMS_ContentInfo* envelope, const SecretString& value) {
  const Bio cipher(CMS_dataInit(envelope, nullptr));
  const auto bytes = value.reveal();
  return cipher &&
         BIO_write(cipher.get(), bytes.data(), static_cast<int>(bytes.size())) ==
             static_cast<int>(bytes.size()) &&
         BIO_flush(cipher.get()) == 1 && CMS_dataFinal(envelope, cipher.get()) == 1;
}

std::string read_out(BIO* from) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(from, &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

}  // namespace

Status check_certificate(std::string_view pem) {
  const ErrorsCleared at_end;
  const auto certificate = TRY(read_certificate(pem));
  return check_fit(certificate.get());
}

Status check_certificate_dates(std::string_view pem, WallTime now) {
  const ErrorsCleared at_end;
  const auto certificate = TRY(read_certificate(pem));
  return check_dates(certificate.get(), now);
}

Result<std::string> encrypt_cms(std::string_view pem, const SecretString& value) {
  const ErrorsCleared at_end;
  const auto certificate = TRY(read_certificate(pem));
  TRY(check_fit(certificate.get()));
  const Envelope envelope(CMS_EnvelopedData_create(EVP_aes_256_cbc()));
  const Bio out(BIO_new(BIO_s_mem()));
  const bool done = envelope && out && CMS_set_detached(envelope.get(), 0) == 1 &&
                    add_recipient(envelope.get(), certificate.get()) &&
                    seal(envelope.get(), value) &&
                    PEM_write_bio_CMS(out.get(), envelope.get()) == 1;
  if (done) return read_out(out.get());
  return openssl_failed("encrypting to the certificate");
}

}  // namespace apitoken::core
