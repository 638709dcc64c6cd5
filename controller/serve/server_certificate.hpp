// ServerCertificate: what the verification endpoints show and trust in TLS: certificate and key,
// and the CA of callers. Read from files at start and again when those change (a mount by
// cert-manager swaps a symbolic link), or made for this run. The HTTPS threads ask at each
// handshake; that looks at the files once a second at most.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "base/clock.hpp"
#include "serve/tls_material.hpp"

namespace apitoken::serve {

struct CertificateFiles {
  std::string certificate;  // PEM, the server's own first; empty: one is made
  std::string key;
  std::string client_ca;  // PEM; empty: no caller is known by certificate

  bool operator==(const CertificateFiles&) const = default;
};

class ServerCertificate {
 public:
  using Material = std::shared_ptr<const TlsMaterial>;

  ServerCertificate(CertificateFiles files, const Clock& clock)
      : files_(std::move(files)), clock_(clock) {}

  // Reads the files, or makes a certificate for this run and says so in the log. Errors: Invalid or
  // Unauthorized, naming the file and what is wrong with it.
  Status load();
  // The newest that could be read. What cannot be is logged once, and the former stays.
  Material current();
  // The client CA as load() read it; empty: callers are not asked for certificates.
  const std::string& client_ca() const { return client_ca_; }

 private:
  Result<Material> read() const;
  Status fill_pair(TlsMaterial& material) const;
  Status fill_client_ca(TlsMaterial& material) const;
  std::string fingerprint_of_files() const;

  const CertificateFiles files_;
  const Clock& clock_;
  std::optional<SelfSigned> self_signed_;  // where no files are given; fixed by load()
  std::string client_ca_;                  // fixed by load()
  std::mutex mutex_;
  Material material_;        // guarded by mutex_
  std::string fingerprint_;  // of the files as read; guarded by mutex_
  std::string complaint_;    // the last one logged; guarded by mutex_
  SteadyTime looked_{};      // guarded by mutex_
};

}  // namespace apitoken::serve
