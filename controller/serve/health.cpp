// The routes of the probes.
#include "serve/health.hpp"

#include "serve/refusals.hpp"

namespace apitoken::serve {

Routes health_routes(Unreadiness unreadiness) {
  return Routes({
      {"GET", "/healthz", [](const HttpRequest&) { return plain(200, "ok\n"); }},
      {"GET", "/readyz",
       [unreadiness = std::move(unreadiness)](const HttpRequest&) {
         const auto reasons = unreadiness();
         if (reasons.empty()) return plain(200, "ok\n");
         auto answer = plain(503, "");
         for (const auto& reason : reasons) answer.body += "not ready: " + reason + "\n";
         return answer;
       }},
  });
}

}  // namespace apitoken::serve
