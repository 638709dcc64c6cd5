#include "serve/health.hpp"

namespace apitoken::serve {

HttpRoutes health_routes(Unreadiness unreadiness) {
  return {
      {"/healthz", [] { return HttpAnswer{.body = "ok\n"}; }},
      {"/readyz",
       [unreadiness = std::move(unreadiness)] {
         const auto reasons = unreadiness();
         if (reasons.empty()) return HttpAnswer{.body = "ok\n"};
         HttpAnswer answer{.status = 503};
         for (const auto& reason : reasons) answer.body += "not ready: " + reason + "\n";
         return answer;
       }},
  };
}

}  // namespace apitoken::serve
