#include "verify/secure_metrics.hpp"

#include <memory>

#include "verify/answers.hpp"
#include "verify/refusals.hpp"

namespace apitoken::verify {

SecureMetrics::SecureMetrics(kube::Client& client, Page page, CertificateFiles files, const Clock& clock)
    : callers_(client, kMayReadMetrics, clock),
      page_(std::move(page)),
      certificate_(std::move(files), clock),
      server_([this](const HttpsRequest& request) { return serve(request); }, certificate_) {}

Status SecureMetrics::start(std::string_view flag, std::string_view address) {
  if (address == serve::kNoAddress) return {};
  auto socket = serve::ListeningSocket::open(flag, address);
  if (!socket) return std::unexpected(socket.error());
  if (Status loaded = certificate_.load(); !loaded) return loaded;
  return server_.start(std::move(*socket));
}

HttpsReply SecureMetrics::serve(const HttpsRequest& request) {
  if (request.path != "/metrics" && request.path != "/metrics/") return plain(404, "only /metrics is here\n");
  if (request.method != "GET" && request.method != "HEAD") return only("GET, HEAD");
  const auto bearer = bearer_token(request.authorization);
  if (bearer.empty()) return challenge(401, "");
  if (const auto caller = callers_.known(bearer)) return answer(*caller);
  return [this, kept = std::make_shared<const SecretString>(std::string(bearer))](std::stop_token stop) {
    return answer(callers_.review(kept->reveal(), std::move(stop)));
  };
}

HttpsAnswer SecureMetrics::answer(Callers::Verdict caller) const {
  if (caller != Callers::Verdict::Allowed) return refuse_caller(caller, callers_.right());
  auto page = page_();
  HttpsAnswer answer{page.status, std::move(page.content_type), std::move(page.body)};
  for (const std::string& part : page.more) answer.body += part;
  return answer;
}

}  // namespace apitoken::verify
