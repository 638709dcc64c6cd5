// Certificates and keys through GnuTLS, libmicrohttpd's TLS library.
#include "serve/tls_material.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <memory>
#include <vector>

#include "core/hash.hpp"

namespace apitoken::serve {
namespace {

constexpr std::chrono::days kSelfSignedLife{365};

gnutls_datum_t datum(std::string_view text) {
  return {reinterpret_cast<unsigned char*>(const_cast<char*>(text.data())),
          static_cast<unsigned>(text.size())};
}

std::unexpected<Error> refuse(std::string_view what, int error) {
  return fail(ErrorKind::Invalid, fmt::format("{}: {}", what, gnutls_strerror(error)));
}

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Certificate = std::unique_ptr<gnutls_x509_crt_int, Deleter<gnutls_x509_crt_deinit>>;
using PrivateKey = std::unique_ptr<gnutls_x509_privkey_int, Deleter<gnutls_x509_privkey_deinit>>;
using PublicKey = std::unique_ptr<gnutls_pubkey_st, Deleter<gnutls_pubkey_deinit>>;

using KeyId = std::array<unsigned char, 32>;
KeyId key_id(gnutls_pubkey_t key) {
  KeyId id{};
  std::size_t size = id.size();
  gnutls_pubkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, id.data(), &size);
  return id;
}

std::string exported(const auto& object, auto export_to) {
  gnutls_datum_t text{};
  if (export_to(object, GNUTLS_X509_FMT_PEM, &text) != GNUTLS_E_SUCCESS) return {};
  std::string copy(reinterpret_cast<const char*>(text.data), text.size);
  wipe(text.data, text.size);
  gnutls_free(text.data);
  return copy;
}

// Sets names and extensions. Errors show when the certificate is signed.
void describe(gnutls_x509_crt_t certificate, const std::string& host_name, WallTime now) {
  const auto serial = now.time_since_epoch().count();
  gnutls_x509_crt_set_version(certificate, 3);
  gnutls_x509_crt_set_serial(certificate, &serial, sizeof serial);
  gnutls_x509_crt_set_activation_time(
      certificate, std::chrono::system_clock::to_time_t(now - std::chrono::hours(1)));
  gnutls_x509_crt_set_expiration_time(certificate,
                                      std::chrono::system_clock::to_time_t(now + kSelfSignedLife));
  gnutls_x509_crt_set_dn(certificate, "CN=apitoken-operator", nullptr);
  for (const std::string& name : {std::string("localhost"), host_name}) {
    gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME, name.data(),
                                         static_cast<unsigned>(name.size()), GNUTLS_FSAN_APPEND);
  }
  std::array<unsigned char, 16> address{};
  inet_pton(AF_INET, "127.0.0.1", address.data());
  gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, address.data(), 4,
                                       GNUTLS_FSAN_APPEND);
  inet_pton(AF_INET6, "::1", address.data());
  gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, address.data(), 16,
                                       GNUTLS_FSAN_APPEND);
  gnutls_x509_crt_set_basic_constraints(certificate, 0, -1);
  gnutls_x509_crt_set_key_usage(certificate, GNUTLS_KEY_DIGITAL_SIGNATURE);
  gnutls_x509_crt_set_key_purpose_oid(certificate, GNUTLS_KP_TLS_WWW_SERVER, 0);
}

std::string fingerprint_of(gnutls_x509_crt_t certificate) {
  KeyId digest{};
  std::size_t size = digest.size();
  gnutls_x509_crt_get_fingerprint(certificate, GNUTLS_DIG_SHA256, digest.data(), &size);
  std::string text;
  for (const auto byte : digest) text += fmt::format("{}{:02X}", text.empty() ? "" : ":", byte);
  return text;
}

}  // namespace

TlsMaterial::~TlsMaterial() {
  for (unsigned i = 0; i < chain_length_; ++i) gnutls_pcert_deinit(&chain_[i]);
  if (key_ != nullptr) gnutls_privkey_deinit(key_);
  if (client_ca_ != nullptr) gnutls_x509_trust_list_deinit(client_ca_, 1);
}

Status TlsMaterial::take_pair(std::string_view certificate, std::string_view key) {
  const auto certificate_text = datum(certificate);
  const auto key_text = datum(key);
  unsigned length = kMaxChain;
  if (const int error = gnutls_pcert_list_import_x509_raw(chain_, &length, &certificate_text,
                                                          GNUTLS_X509_FMT_PEM, 0);
      error < 0) {
    return refuse("certificate", error);
  }
  chain_length_ = length;
  gnutls_privkey_init(&key_);
  if (const int error =
          gnutls_privkey_import_x509_raw(key_, &key_text, GNUTLS_X509_FMT_PEM, nullptr, 0);
      error < 0) {
    return refuse("key", error);
  }
  gnutls_pubkey_t made = nullptr;
  gnutls_pubkey_init(&made);
  const PublicKey owner(made);
  if (const int error = gnutls_pubkey_import_privkey(made, key_, 0, 0); error < 0)
    return refuse("key", error);
  if (key_id(made) != key_id(chain_[0].pubkey))
    return fail(ErrorKind::Invalid, "key: it is not the certificate's");
  return {};
}

Status TlsMaterial::take_client_ca(std::string_view ca) {
  const auto text = datum(ca);
  gnutls_x509_trust_list_init(&client_ca_, 0);
  const int count =
      gnutls_x509_trust_list_add_trust_mem(client_ca_, &text, nullptr, GNUTLS_X509_FMT_PEM, 0, 0);
  if (count < 0) return refuse("client CA", count);
  if (count == 0) return fail(ErrorKind::Invalid, "client CA: holds no certificate");
  return {};
}

bool TlsMaterial::vouches_for_peer(gnutls_session_t session) const {
  unsigned count = 0;
  const auto* shown = gnutls_certificate_get_peers(session, &count);
  if (client_ca_ == nullptr || shown == nullptr || count == 0 || count > kMaxChain) return false;
  std::vector<Certificate> owners;
  std::vector<gnutls_x509_crt_t> chain;
  for (unsigned i = 0; i < count; ++i) {
    gnutls_x509_crt_t certificate = nullptr;
    gnutls_x509_crt_init(&certificate);
    owners.emplace_back(certificate);
    chain.push_back(certificate);
    if (gnutls_x509_crt_import(certificate, &shown[i], GNUTLS_X509_FMT_DER) < 0) return false;
  }
  gnutls_typed_vdata_st purpose{
      GNUTLS_DT_KEY_PURPOSE_OID,
      const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(GNUTLS_KP_TLS_WWW_CLIENT)),
      0};
  unsigned verdict = 0;
  const int error = gnutls_x509_trust_list_verify_crt2(client_ca_, chain.data(), count, &purpose, 1,
                                                       0, &verdict, nullptr);
  return error == GNUTLS_E_SUCCESS && verdict == 0;
}

Result<SelfSigned> make_self_signed(const std::string& host_name, WallTime now) {
  gnutls_x509_privkey_t key = nullptr;
  gnutls_x509_crt_t certificate = nullptr;
  gnutls_x509_privkey_init(&key);
  gnutls_x509_crt_init(&certificate);
  const PrivateKey key_owner(key);
  const Certificate certificate_owner(certificate);
  int error = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                           GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
  if (error == GNUTLS_E_SUCCESS) error = gnutls_x509_crt_set_key(certificate, key);
  describe(certificate, host_name, now);
  if (error == GNUTLS_E_SUCCESS)
    error = gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0);
  if (error != GNUTLS_E_SUCCESS) {
    return fail(ErrorKind::Unavailable,
                fmt::format("cannot make a certificate: {}", gnutls_strerror(error)));
  }
  return SelfSigned{exported(certificate, gnutls_x509_crt_export2),
                    SecretString(exported(key, gnutls_x509_privkey_export2)),
                    fingerprint_of(certificate)};
}

}  // namespace apitoken::serve
