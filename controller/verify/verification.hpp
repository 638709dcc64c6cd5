// Verification: the parts that answer whether a token is valid, put together: index, endpoints,
// deferred answers, the HTTPS port, notes of use. app owns the only one; every replica serves, the
// leader also writes the notes.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "serve/http_server.hpp"
#include "verify/endpoints.hpp"
#include "verify/last_use.hpp"

namespace apitoken::verify {

class Verification {
 public:
  // Becomes the store's listener; the store is empty yet. All outlive it. `synced` tells when the
  // store has held all ApiTokens once: nothing is said about a token before.
  Verification(kube::Client& client, kube::Store<api::ApiToken>& store, PublicKeys keys,
               serve::CertificateFiles files, serve::CallerAudiences audiences,
               std::function<bool()> synced, const Clock& clock,
               const core::ReservedNames& reserved);
  ~Verification() { stop(); }

  // Listens on `address`, "0" for nowhere; without one on :8443, or nowhere where that is taken,
  // with a word in the log. Errors are for the user, and name the flag or the file.
  Status start(const std::optional<std::string>& address);
  // Where it listens; empty: nowhere.
  const std::string& address() const { return server_.address(); }
  std::uint16_t bound_port() const { return server_.bound_port(); }
  void stop();

  // On a thread of the replica that mints, until `stop`: writes when tokens were last used. What
  // that replica mints is known here before it stands in a Secret.
  void lead(std::stop_token stop);

  const TokenIndex& index() const { return index_; }
  const VerifyMetrics& metrics() const { return metrics_; }

 private:
  std::atomic<bool> leads_ = false;
  TokenIndex index_;
  LastUse last_use_;
  Verifier verifier_;
  serve::CallerReviews caller_reviews_;
  VerifyMetrics metrics_;
  DeferredAnswers deferred_;
  Endpoints endpoints_;
  serve::ServerCertificate certificate_;
  serve::HttpServer server_;
};

}  // namespace apitoken::verify
