// TokenExpiryConfigs: list, follow, put, delete, preview, test mail; and the preview of one token.
#include <fmt/format.h>

#include "api/names.hpp"
#include "api/token_expiry_config.hpp"
#include "base/duration.hpp"
#include "base/rfc3339.hpp"
#include "core/token_status.hpp"
#include "portal/call.hpp"
#include "portal/conflict.hpp"
#include "portal/follow.hpp"
#include "portal/forms.hpp"
#include "portal/namespaces.hpp"
#include "portal/preview.hpp"
#include "portal/settings.hpp"
#include "portal/token_detail.hpp"
#include "portal/watch_from.hpp"
#include "portal/writers.hpp"

namespace apitoken::portal {
namespace {

using kube::resources::kTokenExpiryConfigs;
using nlohmann::json;

constexpr std::chrono::milliseconds kGather{100};  // changes that come together are one list
constexpr int kPageSize = 500;

// All configs as the page gets them, and the version to watch from.
struct Listed {
  json items = json::array();
  std::string version;
};

Expected<Listed> list_configs(Viewer& viewer, const std::stop_token& stop) {
  const auto body = TRY(
      viewer.upstream().list(kTokenExpiryConfigs, "", fmt::format("limit={}", kPageSize), stop));
  auto list = json::parse(body, nullptr, false);
  if (!list.is_object()) return refuse({502, "BadAnswer", "The list of settings cannot be read."});
  Listed listed;
  listed.version = list.value("/metadata/resourceVersion"_json_pointer, "");
  for (auto& item : list["items"]) {
    static_cast<void>(take_writers(item));
    listed.items.push_back(std::move(item));
  }
  return listed;
}

// Lists again after each change: settings are few. The stream's thread.
void follow_configs(Viewer& viewer, Listed listed, Sending& sending) {
  Refusals refusals;
  while (sending.line(dump(json{{"items", listed.items}}))) {
    std::optional<Problem> broken =
        watch_from(viewer.client(), kTokenExpiryConfigs, "", listed.version, "", sending.stop(),
                   [](bool, api::Json) { return false; });
    while (sending.is_open()) {
      const bool sent = !broken || sending.line(dump(json{{"error", to_json(*broken)}}));
      if (!sent || (broken && refusals.is_final(*broken))) return;
      if (!sending.pause(broken ? std::chrono::seconds(5) : kGather)) return;
      auto again = list_configs(viewer, sending.stop());
      if (again) {
        listed = std::move(*again);
        refusals = {};
        break;
      }
      broken = std::move(again.error());
    }
  }
}

Expected<json> settings_permissions(Call& call) {
  const std::string group(api::kGroup);
  const auto on_settings = [&](const char* verb) {
    return Question{verb, group, "tokenexpiryconfigs"};
  };
  const std::vector<Question> questions{on_settings("update"), on_settings("create"),
                                        on_settings("delete")};
  const auto all = TRY(call.viewer->permissions().ask(questions, Permissions::kFresh, call.stop));
  const auto right = [](bool allowed, const Verdict& verdict) {
    return json{{"allowed", allowed}, {"reason", verdict.reason}, {"role", "apitoken-settings"}};
  };
  return json{{"write", right(all[0].allowed && all[1].allowed, all[0])},
              {"delete", right(all[2].allowed, all[2])}};
}

Expected<serve::HttpReply> get_settings(Call& call) {
  auto listed = TRY(list_configs(*call.viewer, call.stop));
  if (parameter(call.query, "follow") == "1") {
    return call.backend.streams.open(
        call.viewer, [viewer = call.viewer.get(), listed = std::move(listed)](Sending& to) {
          follow_configs(*viewer, listed, to);
          return Next::End;
        });
  }
  auto permissions = TRY(settings_permissions(call));
  return json_answer(
      200, dump(json{{"items", std::move(listed.items)}, {"rights", std::move(permissions)}}));
}

// The object that a form asks for.
Expected<json> config_of(const json& form, const std::string& name) {
  const auto spec = form.value("spec", json());
  if (!spec.is_object()) return refuse(bad_request("spec", "spec must be an object"));
  return json{{"apiVersion", std::string(api::kApiVersion)},
              {"kind", std::string(api::kConfigKind)},
              {"metadata", {{"name", name}}},
              {"spec", spec}};
}

// Reads it by core's rules. Decoding needs the fields that the server adds.
Expected<core::ExpiryConfig> read_config(json object) {
  object["metadata"]["uid"] = "none";
  object["metadata"]["resourceVersion"] = "1";
  const auto config = TRY(decode_answer(dump(object), api::decode_token_expiry_config));
  return core::read_config(config);
}

// A bad address is a cause too: the operator would mail the other addresses, but nobody wants a bad
// one stored.
Expected<void> check_config(const core::ExpiryConfig& config) {
  std::vector<Cause> causes;
  for (const auto& problem : config.problems) {
    const auto colon = problem.find(": ");
    causes.push_back(colon == problem.npos
                         ? Cause{"", problem}
                         : Cause{form_field(std::string_view(problem).substr(0, colon)),
                                 problem.substr(colon + 2)});
  }
  for (const auto& problem : config.bad_addresses) causes.push_back({"emails", problem});
  if (causes.empty()) return {};
  auto message = causes.front().message;
  return refuse({.status = 422,
                 .reason = "Invalid",
                 .message = std::move(message),
                 .causes = std::move(causes)});
}

// Somebody else has saved meanwhile: the page shows both versions.
Problem with_present(Problem problem, Call& call) {
  if (problem.status != 409) return problem;
  const auto present = call.viewer->upstream().get(kTokenExpiryConfigs, {"", call.name}, call.stop);
  problem.reason = "Conflict";
  problem.message = "The settings were changed meanwhile.";
  problem.remedy = "Compare both versions, then save again.";
  problem.extra["present"] = present ? shown_object(*present) : json();
  return problem;
}

Expected<serve::HttpReply> put_settings(Call& call) {
  const auto form = TRY(call.form());
  auto object = TRY(config_of(form, call.name));
  const auto version = TRY(text_member(form, "resourceVersion"));
  const auto config = TRY(read_config(object));
  TRY(check_config(config));
  auto& upstream = call.viewer->upstream();
  if (version.empty()) {
    const auto made = upstream.create(kTokenExpiryConfigs, "", dump(object), call.stop);
    if (!made) return refuse(with_present(made.error(), call));
    return json_answer(201, dump(json{{"object", shown_object(*made)}}));
  }
  // What the form does not show stays: labels, annotations, finalizers.
  const auto present = TRY(upstream.get(kTokenExpiryConfigs, {"", call.name}, call.stop));
  auto whole = json::parse(present, nullptr, false);
  static_cast<void>(take_writers(whole));
  whole["spec"] = object["spec"];
  const api::ObjectKey key{"", call.name};
  const auto saved = save_spec(
      *call.viewer, kTokenExpiryConfigs, key, version, call.stop, [&](const std::string& now) {
        whole["metadata"]["resourceVersion"] = now;
        return upstream.update(kTokenExpiryConfigs, key, dump(whole), call.stop);
      });
  if (!saved) return refuse(with_present(saved.error(), call));
  return json_answer(200, dump(json{{"object", shown_object(*saved)}}));
}

Expected<serve::HttpReply> delete_settings(Call& call) {
  const auto uid = parameter(call.query, "uid");
  TRY(check_uid(uid));
  auto gone = call.viewer->upstream().remove(kTokenExpiryConfigs, {"", call.name}, uid, call.stop);
  if (!gone) return refuse(with_present(std::move(gone.error()), call));
  return json_answer(200, R"({"deleted":true})");
}

Expected<serve::HttpReply> test_mail(Call& call) {
  const auto requested = format_rfc3339_micro(call.backend.clock.wall_precise());
  const json patch = {
      {"metadata", {{"annotations", {{std::string(api::kTestMailAnnotation), requested}}}}}};
  const auto body = TRY(call.viewer->upstream().merge_patch(kTokenExpiryConfigs, {"", call.name},
                                                            dump(patch), call.stop));
  const auto object = json::parse(body, nullptr, false);
  const auto emails = object.value("/spec/emails"_json_pointer, "");
  return json_answer(200, dump(json{{"requestedAt", requested},
                                    {"recipients", core::parse_address_list(emails).addresses}}));
}

// Calls `take` for each token that the viewer may list, until it returns false.
Expected<void> for_each_token(Call& call, const std::function<bool(const api::ApiToken&)>& take) {
  const auto found = TRY(
      find_namespaces(*call.viewer, call.backend.door, parameters(call.query, "typed"), call.stop));
  const auto namespaces = found.all ? std::vector<std::string>{""} : found.names;
  bool more = true;
  for (std::size_t i = 0; more && i < namespaces.size(); ++i) {
    TRY(call.viewer->upstream().for_each(kube::resources::kApiTokens, namespaces[i], call.stop,
                                         kube::kJsonAccept, [&](api::Json item) {
                                           const auto token = api::decode_api_token(item);
                                           return more = !token || take(*token);
                                         }));
  }
  return {};
}

Expected<Preview> begin_preview(Call& call, const core::ExpiryConfig& changed) {
  auto settings = TRY(Settings::read(*call.viewer, call.stop));
  auto present = settings.configs();
  settings.replace(changed);
  std::map<std::string, api::StringMap> labels;
  if (settings.asks_for_namespaces()) {
    labels = TRY(read_all_namespace_labels(*call.viewer, call.stop));
  }
  return Preview(std::move(present), settings.configs(), std::move(labels), changed.name,
                 call.backend.clock.wall());
}

Expected<serve::HttpReply> preview_settings(Call& call) {
  const auto form = TRY(call.form());
  const auto name = TRY(text_member(form, "name"));
  TRY(check_name(name));
  auto object = TRY(config_of(form, name));
  const auto config = TRY(read_config(std::move(object)));
  TRY(check_config(config));
  auto preview = TRY(begin_preview(call, config));
  TRY(for_each_token(call, [&](const api::ApiToken& token) { return preview.add(token); }));
  auto answer = json_answer(200, preview.summary_line() + "\n");
  answer.content_type = "application/x-ndjson";
  for (auto& line : preview.change_lines()) answer.more.push_back(std::move(line) + "\n");
  answer.more.emplace_back("{\"done\":true}\n");
  return answer;
}

// The token of the form, minted now, under the settings that the viewer may see.
Expected<serve::HttpReply> preview_token(Call& call) {
  const auto form = TRY(call.form());
  const auto ns = TRY(text_member(form, "namespace"));
  TRY(check_namespace(ns));
  const auto now = call.backend.clock.wall();
  auto read = TRY(read_token_form(form, ns, now));
  if (read.draft.name.empty()) read.draft.name = "unnamed";
  if (read.draft.user.empty()) read.draft.user = "nobody";
  TRY(check_token_form(read, now));
  const auto token = as_stored(read.draft);
  if (!token) return refuse(problem_of(token.error()));
  const auto settings = Settings::read(*call.viewer, call.stop);
  api::StringMap labels;
  bool visible = settings.has_value();
  if (visible && settings->asks_for_namespaces()) {
    auto known = read_namespace_labels(*call.viewer, ns, call.stop);
    visible = known.has_value();
    if (visible) labels = std::move(*known);
  }
  std::vector<const core::ExpiryConfig*> configs;
  if (visible) configs = core::configs_for(settings->configs(), token->meta.labels, labels);
  const auto [minted, rule] = core::as_minted(now, *token, configs);
  json answer = {{"expiresAt", format_rfc3339(*minted.status.expires_at)},
                 {"ceiling", nullptr},
                 {"warnings", visible ? to_json(core::warnings_of(now, minted, configs)) : json()},
                 {"visible", visible}};
  if (rule.max)
    answer["ceiling"] = {{"ttl", format_duration_short(*rule.max)}, {"config", rule.max_config}};
  return json_answer(200, dump(answer));
}

constexpr CallRoute kSettingsRoutes[] = {
    {"GET", "/api/settings", get_settings},
    {"POST", "/api/settings/preview", preview_settings},
    {"POST", "/api/preview-token", preview_token},
    {"PUT", "/api/settings/{name}", put_settings, true},
    {"DELETE", "/api/settings/{name}", delete_settings, true},
    {"POST", "/api/settings/{name}/test-mail", test_mail, true},
};

}  // namespace

std::span<const CallRoute> settings_routes() { return kSettingsRoutes; }

}  // namespace apitoken::portal
