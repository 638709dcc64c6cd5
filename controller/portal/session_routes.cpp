// GET and DELETE /api/session, /api/namespaces, /api/rights (permissions), /api/about.
#include <fmt/format.h>

#include <algorithm>

#include "api/names.hpp"
#include "base/rfc3339.hpp"
#include "portal/about.hpp"
#include "portal/call.hpp"
#include "portal/follow.hpp"
#include "portal/namespaces.hpp"
#include "portal/session_body.hpp"

namespace apitoken::portal {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxTyped = 200;
constexpr std::size_t kMaxTemporary = 20;  // tokens that one sign-out names

Expected<serve::HttpReply> get_session(Call& call) {
  const auto body = TRY(session_body(call.backend.door, *call.viewer, call.backend.version,
                                     call.backend.clock, call.stop));
  return json_answer(200, dump(body));
}

// The tokens that the tab names. Entries that are not tokens are left out.
std::set<SessionToken> named_tokens(const json& form) {
  std::set<SessionToken> tokens;
  const auto named = form.value("temporary", json::array());
  for (const auto& one : named) {
    if (!one.is_object() || tokens.size() == kMaxTemporary) continue;
    SessionToken token{one.value("namespace", ""), one.value("name", ""), one.value("uid", "")};
    if (is_namespace(token.ns) && is_object_name(token.name) && is_uid(token.uid))
      tokens.insert(std::move(token));
  }
  return tokens;
}

// Best effort: sign-out goes on if a token is gone or the viewer may not revoke it.
void revoke(Viewer& viewer, const std::set<SessionToken>& tokens, const std::stop_token& stop) {
  for (const auto& token : tokens) {
    const json patch = {{"metadata", {{"uid", token.uid}}}, {"spec", {{"revoked", true}}}};
    static_cast<void>(viewer.upstream().merge_patch(kube::resources::kApiTokens,
                                                    {token.ns, token.name}, dump(patch), stop));
  }
}

Expected<serve::HttpReply> delete_session(Call& call) {
  const auto form = TRY(call.form());
  auto tokens = call.viewer->session_tokens();
  tokens.merge(named_tokens(form));
  revoke(*call.viewer, tokens, call.stop);
  return call.backend.door.sign_out(*call.viewer, call.stop);
}

Expected<std::vector<std::string>> typed_names(const Query& query) {
  std::vector<std::string> names;
  std::string_view text = parameter(query, "typed");
  while (!text.empty() && names.size() < kMaxTyped) {
    const auto comma = std::min(text.find(','), text.size());
    const auto name = text.substr(0, comma);
    TRY(check_namespace(name));
    names.emplace_back(name);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return names;
}

Expected<serve::HttpReply> get_namespaces(Call& call) {
  const auto typed = TRY(typed_names(call.query));
  const auto found = TRY(find_namespaces(*call.viewer, call.backend.door, typed, call.stop));
  const bool live = found.all || found.names.size() <= TokenFollow::kMaxWatched;
  return json_answer(200, dump(json{{"all", found.all},
                                    {"names", found.names},
                                    {"updated", live ? "live" : "30s"},
                                    {"source", found.source}}));
}

// A permission under the page's name for it, and the role to ask for.
struct NamedPermission {
  const char* name;
  const char* role;
  std::vector<Question> any_of{};  // one that is allowed is enough
  std::vector<Question> all_of{};  // in addition to any_of
};

std::vector<NamedPermission> token_permissions(const std::string& ns, const std::string& secret) {
  const std::string group(api::kGroup);
  const auto on_tokens = [&](const char* verb) {
    return std::vector<Question>{{verb, group, "apitokens", ns}};
  };
  return {{"list", "apitoken-viewer", on_tokens("list")},
          {"create", "apitoken-user", on_tokens("create")},
          {"patch", "apitoken-user", on_tokens("patch")},
          {"delete", "apitoken-user", on_tokens("delete")},
          {"mintPermanent", "apitoken-minter", on_tokens("mint-permanent")},
          {"getSecrets", "edit", {{"get", "", "secrets", ns, secret}}},
          {"listEvents", "view", {{"list", "events.k8s.io", "events", ns}}}};
}

std::vector<NamedPermission> cluster_permissions() {
  const std::string group(api::kGroup);
  const auto on_settings = [&](const char* verb) {
    return Question{verb, group, "tokenexpiryconfigs"};
  };
  return {{"impersonateUsers",
           "apitoken-admin",
           {{"impersonate", group, "users"}, {"impersonate", "", "users"}}},
          {"settingsRead", "apitoken-settings-viewer", {on_settings("list")}},
          {"settingsWrite",
           "apitoken-settings",
           {on_settings("update")},
           {on_settings("create"), on_settings("patch")}},
          {"settingsDelete", "apitoken-settings", {on_settings("delete")}}};
}

// `known` has the verdict on each question of `permissions`.
json describe(const std::vector<NamedPermission>& permissions,
              const std::map<Question, Verdict>& known) {
  json described = json::object();
  for (const auto& right : permissions) {
    const auto allowed = [&](const Question& one) { return known.at(one).allowed; };
    const bool may =
        std::ranges::any_of(right.any_of, allowed) && std::ranges::all_of(right.all_of, allowed);
    described[right.name] = {
        {"allowed", may}, {"reason", known.at(right.any_of.front()).reason}, {"role", right.role}};
  }
  return described;
}

Expected<serve::HttpReply> get_permissions(Call& call) {
  const std::string ns(parameter(call.query, "ns"));
  const std::string secret(parameter(call.query, "name"));
  if (!ns.empty()) {
    TRY(check_namespace(ns));
  }
  if (!secret.empty()) {
    TRY(check_name(secret));
  }
  const auto tokens = token_permissions(ns, secret);
  const auto cluster = cluster_permissions();
  std::vector<Question> questions;
  for (const auto* permissions : {&tokens, &cluster}) {
    for (const auto& right : *permissions) {
      questions.insert(questions.end(), right.any_of.begin(), right.any_of.end());
      questions.insert(questions.end(), right.all_of.begin(), right.all_of.end());
    }
  }
  const auto verdicts =
      TRY(call.viewer->permissions().ask(questions, Permissions::kFresh, call.stop));
  std::map<Question, Verdict> known;
  for (std::size_t i = 0; i < questions.size(); ++i) known[questions[i]] = verdicts[i];
  return json_answer(200, dump(json{{"namespace", ns},
                                    {"tokens", describe(tokens, known)},
                                    {"cluster", describe(cluster, known)}}));
}

constexpr CallRoute kSessionRoutes[] = {
    {"GET", "/api/session", get_session},       {"DELETE", "/api/session", delete_session},
    {"GET", "/api/namespaces", get_namespaces}, {"GET", "/api/rights", get_permissions},
    {"GET", "/api/about", get_about},
};

}  // namespace

std::span<const CallRoute> session_routes() { return kSessionRoutes; }

}  // namespace apitoken::portal
