// Verification: owns the parts that answer whether a token is valid: index, endpoints, deferred
// answers, the HTTPS port, and the notes of which tokens were used. App owns the only one. Every
// replica serves. It writes nothing to the API server.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "serve/http_server.hpp"
#include "verify/endpoints.hpp"
#include "verify/used_tokens.hpp"

namespace apitoken::verify {

// The flags that name certificate and key, as the log says them.
inline constexpr std::string_view kCertificateFlags =
    "--verify-tls-cert-file and --verify-tls-key-file";

class Verification {
 public:
  // Becomes the listener of `store`, which must still be empty. All outlive it. `synced` returns
  // whether the store has held all ApiTokens once; before that, requests about tokens get 503.
  // `publishes` returns whether a write of this replica may have published a value that the store
  // lacks; it is called from start() to stop().
  Verification(kube::Client& client, kube::Store<api::ApiToken>& store, PublicKeys keys,
               serve::CertificateFiles files, serve::CallerAudiences audiences,
               std::function<bool()> synced, std::function<bool()> publishes, const Clock& clock,
               const core::ReservedNames& reserved);
  ~Verification() { stop(); }

  // Listens on `address`; "0": on none. Without an address it listens on :8443, and if that is
  // taken, logs a warning and does not listen. Errors are for the user and name the flag or file.
  Status start(const std::optional<std::string>& address);
  // The address with its actual port; empty if it does not listen.
  const std::string& address() const { return server_.address(); }
  std::uint16_t bound_port() const { return server_.bound_port(); }
  void stop();

  // Whether this replica leads. Then answers are deferred only while it publishes a value. Any
  // thread.
  void set_leading(bool leading) { leads_ = leading; }

  UsedTokens& used_tokens() { return used_tokens_; }
  const TokenIndex& index() const { return index_; }
  const VerifyMetrics& metrics() const { return metrics_; }

 private:
  std::atomic<bool> leads_ = false;
  TokenIndex index_;
  UsedTokens used_tokens_;
  Verifier verifier_;
  serve::CallerReviews caller_reviews_;
  VerifyMetrics metrics_;
  DeferredAnswers deferred_;
  Endpoints endpoints_;
  serve::ServerCertificate certificate_;
  serve::HttpServer server_;
};

}  // namespace apitoken::verify
