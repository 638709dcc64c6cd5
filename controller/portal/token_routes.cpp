// GET /api/tokens and /api/tokens/{ns}/{name}.
#include <algorithm>

#include "portal/call.hpp"
#include "portal/follow.hpp"
#include "portal/token_detail.hpp"

namespace apitoken::portal {
namespace {

Expected<TokenScope> read_scope(const Query& query) {
  TokenScope scope;
  scope.namespaces = parameters(query, "ns");
  const auto all = parameter(query, "scope");
  if (!all.empty() && (all != "all" || !scope.namespaces.empty()))
    return refuse(bad_request("scope", "scope must be all, without ns"));
  if (all.empty() && scope.namespaces.empty())
    return refuse(bad_request("scope", "say which tokens: scope=all, or ns=NAMESPACE"));
  for (const auto& ns : scope.namespaces) {
    TRY(check_namespace(ns));
  }
  std::ranges::sort(scope.namespaces);
  const auto repeated = std::ranges::unique(scope.namespaces);
  scope.namespaces.erase(repeated.begin(), repeated.end());
  scope.user = parameter(query, "user");
  if (!scope.user.empty() && !is_user(scope.user))
    return refuse(bad_request("user", "this is no user's name"));
  scope.hash = parameter(query, "hash");
  if (!scope.hash.empty() && !is_token_hash(scope.hash))
    return refuse(bad_request("hash", "this is no hash: sha256: and 64 hexadecimal digits"));
  return scope;
}

Expected<serve::HttpReply> get_tokens(Call& call) {
  auto scope = TRY(read_scope(call.query));
  const auto follow = std::make_shared<TokenFollow>(call.viewer, std::move(scope));
  TRY(follow->begin(call.stop));
  return call.backend.streams.open(call.viewer, [follow](Sending& to) { return follow->run(to); });
}

constexpr CallRoute kTokenRoutes[] = {
    {"GET", "/api/tokens", get_tokens},
    {"GET", "/api/tokens/{ns}/{name}", get_token},
};

}  // namespace

std::span<const CallRoute> token_routes() { return kTokenRoutes; }

}  // namespace apitoken::portal
