#include "verify/secure_metrics.hpp"

#include "base/thread_name.hpp"
#include "verify/answers.hpp"
#include "verify/refusals.hpp"

namespace apitoken::verify {

SecureMetrics::SecureMetrics(kube::Client& client, Page page, CertificateFiles files, CallerAudiences audiences,
                             const Clock& clock)
    : callers_(client, kMayReadMetrics, std::move(audiences), clock),
      page_(std::move(page)),
      certificate_(std::move(files), clock),
      server_([this](const HttpsRequest& request) { return serve(request); }, certificate_) {}

Status SecureMetrics::start(std::string_view flag, std::string_view address) {
  if (address == serve::kNoAddress) return {};
  auto socket = serve::ListeningSocket::open(flag, address);
  if (!socket) return std::unexpected(socket.error());
  if (Status loaded = certificate_.load(); !loaded) return loaded;
  if (Status started = server_.start(std::move(*socket)); !started) return started;
  renewing_ = std::jthread([this](std::stop_token stop) {
    name_thread("renew callers");
    callers_.renew(std::move(stop));
  });
  return {};
}

void SecureMetrics::stop() {
  server_.stop();
  renewing_ = {};
}

HttpsReply SecureMetrics::serve(const HttpsRequest& request) {
  if (request.path != "/metrics" && request.path != "/metrics/") return plain(404, "only /metrics is here\n");
  if (request.method != "GET" && request.method != "HEAD") return only("GET, HEAD");
  const auto bearer = bearer_token(request.authorization);
  if (bearer.empty()) return challenge(401, "");
  auto admitted = callers_.admit(bearer, request.peer);
  if (const auto* caller = std::get_if<Callers::Verdict>(&admitted)) return answer(*caller);
  return [this, review = std::get<Callers::Review>(std::move(admitted))](std::stop_token stop) {
    return answer(review(std::move(stop)));
  };
}

HttpsAnswer SecureMetrics::answer(Callers::Verdict caller) const {
  if (caller != Callers::Verdict::Allowed) return refuse_caller(caller, callers_);
  auto page = page_();
  HttpsAnswer answer{page.status, std::move(page.content_type), std::move(page.body)};
  for (const std::string& part : page.more) answer.body += part;
  return answer;
}

}  // namespace apitoken::verify
