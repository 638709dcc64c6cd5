// SecureMetrics: /metrics over HTTPS, for callers whose bearer token may `get` that path by RBAC, as kube-apiserver
// guards its own. app starts one instead of the plain server where --metrics-secure asks for it; it has threads of its
// own. Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/ (nonResourceURLs)
#pragma once

#include <functional>
#include <string>
#include <thread>

#include "serve/http_server.hpp"
#include "verify/callers.hpp"
#include "verify/https_server.hpp"

namespace apitoken::verify {

class SecureMetrics {
 public:
  using Page = std::function<serve::HttpAnswer()>;

  // All outlive it. `page` is called on any of its threads, on several at a time.
  SecureMetrics(kube::Client& client, Page page, CertificateFiles files, CallerAudiences audiences, const Clock& clock);

  // Errors are for the user; `flag` is named in them.
  Status start(std::string_view flag, std::string_view address);
  const std::string& address() const { return server_.address(); }
  std::uint16_t bound_port() const { return server_.bound_port(); }
  void stop();

  HttpsReply serve(const HttpsRequest& request);

 private:
  HttpsAnswer answer(Callers::Verdict caller) const;

  Callers callers_;
  const Page page_;
  ServerCertificate certificate_;
  HttpsServer server_;
  std::jthread renewing_;  // the verdicts about callers
};

}  // namespace apitoken::verify
