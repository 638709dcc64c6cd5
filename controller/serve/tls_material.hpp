// TlsMaterial: one version of certificate, key and client CA, in GnuTLS' form. ServerCertificate
// makes it; once filled it is immutable, and the connections that began with it share it. Reads no
// files.
#pragma once

#include <gnutls/abstract.h>
#include <gnutls/x509.h>

#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/secret_string.hpp"

namespace apitoken::serve {

class TlsMaterial {
 public:
  TlsMaterial() = default;
  TlsMaterial(const TlsMaterial&) = delete;
  TlsMaterial& operator=(const TlsMaterial&) = delete;
  ~TlsMaterial();

  // Errors: Invalid, saying what is wrong; the caller adds the file's name.
  Status take_pair(std::string_view certificate, std::string_view key);
  Status take_client_ca(std::string_view ca);

  gnutls_pcert_st* chain() const { return chain_; }
  unsigned chain_length() const { return chain_length_; }
  gnutls_privkey_t key() const { return key_; }
  // Whether the session's peer showed a certificate for TLS clients that the client CA signed and
  // that is valid now.
  bool vouches_for_peer(gnutls_session_t session) const;

 private:
  static constexpr unsigned kMaxChain = 16;
  mutable gnutls_pcert_st chain_[kMaxChain]{};  // mutable: GnuTLS wants pointers to non-const
  unsigned chain_length_ = 0;
  gnutls_privkey_t key_ = nullptr;
  gnutls_x509_trust_list_t client_ca_ = nullptr;
};

// A self-signed certificate and its key, in PEM.
struct SelfSigned {
  std::string certificate;
  SecretString key;
  std::string fingerprint;  // SHA-256 of the certificate, as `openssl x509 -fingerprint` shows it
};
// Makes one for localhost, its addresses and `host_name`. Errors: Unavailable if GnuTLS fails.
Result<SelfSigned> make_self_signed(const std::string& host_name, WallTime now);

}  // namespace apitoken::serve
