// ServerCertificate: certificate, key and client CA of an HTTPS port. It reads them from files at
// start and again when the files change (a mount by cert-manager swaps a symbolic link), or makes a
// certificate for this run. The HTTPS threads call current() at each handshake; it checks the files
// at most once a second.
#pragma once

#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "serve/tls_material.hpp"

namespace apitoken::serve {

struct CertificateFiles {
  std::string certificate;  // PEM, the server's own first; empty: one is made for this run
  std::string key;
  std::string client_ca;  // PEM; empty: callers cannot authenticate by certificate

  bool operator==(const CertificateFiles&) const = default;
};

class ServerCertificate {
 public:
  using Material = std::shared_ptr<const TlsMaterial>;

  // `flags` are the flags of the program that name certificate and key, as the log says them.
  ServerCertificate(CertificateFiles files, std::string flags, const Clock& clock)
      : files_(std::move(files)), flags_(std::move(flags)), clock_(clock) {}

  // Reads the files, or makes a certificate for this run and logs that. Errors: Invalid or
  // Unauthorized, naming the file and what is wrong with it.
  Status load();
  // The newest material that could be read. If changed files cannot be read, this is logged once
  // and the previous material stays.
  Material current();
  // The client CA of load(); empty: callers are not asked for certificates.
  const std::string& client_ca() const { return client_ca_; }

 private:
  Result<Material> read() const;
  Status fill_pair(TlsMaterial& material) const;
  Status fill_client_ca(TlsMaterial& material) const;
  std::string fingerprint_of_files() const;

  const CertificateFiles files_;
  const std::string flags_;
  const Clock& clock_;
  std::optional<SelfSigned> self_signed_;  // set by load() if there are no files
  std::string client_ca_;                  // set by load()
  Mutex mutex_;
  Material material_ GUARDED_BY(mutex_);
  std::string fingerprint_ GUARDED_BY(mutex_);  // of the files that were read
  std::string complaint_ GUARDED_BY(mutex_);    // the last error that was logged
  SteadyTime looked_ GUARDED_BY(mutex_){};      // when the files were last checked
};

}  // namespace apitoken::serve
