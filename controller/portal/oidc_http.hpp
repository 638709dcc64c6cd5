// OidcHttp: requests to the issuer through libcurl: HTTPS alone, one CA file, no redirects, ten
// seconds, small answers. OidcSignIn calls it on the workers' threads, which wait. It keeps
// nothing between two calls and never logs.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "base/result.hpp"
#include "portal/oidc.hpp"

namespace apitoken::portal {

class OidcHttp {
 public:
  static constexpr std::chrono::seconds kTimeout{10};
  static constexpr std::size_t kMaxAnswer = 256 * 1024;
  static constexpr const char* kSystemCas = "/etc/ssl/certs/ca-certificates.crt";

  struct Answer {
    int status = 0;
    SecretString body;
  };

  // `ca_file`: PEM; empty: the system's.
  explicit OidcHttp(std::string ca_file)
      : ca_file_(ca_file.empty() ? kSystemCas : std::move(ca_file)) {}

  // Errors: Unavailable, saying the host and the reason; Canceled.
  Result<Answer> get(const std::string& url, const std::stop_token& stop) const;
  Result<Answer> post(const std::string& url, const TokenRequest& request,
                      const std::stop_token& stop) const;

 private:
  Result<Answer> perform(const std::string& url, const TokenRequest* request,
                         const std::stop_token& stop) const;

  const std::string ca_file_;
};

}  // namespace apitoken::portal
