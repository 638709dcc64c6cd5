// The routes that change ApiTokens or show a value. Each is one request to the API server as the
// viewer; RBAC and the mint policy decide.
#include <fmt/format.h>

#include "api/names.hpp"
#include "api/secret.hpp"
#include "base/rfc3339.hpp"
#include "core/yaml_text.hpp"
#include "portal/call.hpp"
#include "portal/conflict.hpp"
#include "portal/forms.hpp"
#include "portal/rows.hpp"
#include "portal/token_detail.hpp"

namespace apitoken::portal {
namespace {

using kube::resources::kApiTokens;
using nlohmann::json;

Expected<serve::HttpReply> object_answer(int status, const Expected<std::string>& body) {
  if (!body) return refuse(body.error());
  return json_answer(status, dump(json{{"object", shown_object(*body)}}));
}

// Each request needs a new value, and two may come within a second.
std::string now_precisely(Call& call) {
  return format_rfc3339_micro(call.backend.clock.wall_precise());
}

Expected<json> form_with_uid(const Call& call) {
  auto form = TRY(call.form());
  const auto uid = TRY(text_member(form, "uid"));
  TRY(check_uid(uid));
  return form;
}

// Puts the API server's message about the name at the field in which it was typed.
Problem with_name_cause(Problem problem) {
  if (problem.reason == "AlreadyExists")
    problem.causes = {{"name", "this name is taken; choose another one"}};
  return problem;
}

void remember(Call& call, std::string_view body) {
  const auto meta = kube::decode_body(body, api::decode_meta);
  if (meta) call.viewer->add_session_token({meta->ns, meta->name, meta->uid});
}

Expected<serve::HttpReply> create_token(Call& call) {
  const auto form = TRY(call.form());
  const auto now = call.backend.clock.wall();
  const auto read = TRY(read_token_form(form, call.ns, now));
  TRY(check_token_form(read, now));
  const bool dry_run = parameter(call.query, "dry") == "1";
  const auto manifest = core::make_manifest(read.draft);
  const auto made =
      call.viewer->upstream().create(kApiTokens, call.ns, dump(manifest), call.stop, dry_run);
  if (!made) return refuse(with_name_cause(made.error()));
  if (read.ends_with_session && !dry_run) remember(call, *made);
  return json_answer(dry_run ? 200 : 201, dump(json{{"object", shown_object(*made)},
                                                    {"yaml", core::to_yaml(manifest)},
                                                    {"command", create_command(read.draft)}}));
}

Expected<serve::HttpReply> patch_token(Call& call) {
  const auto form = TRY(form_with_uid(call));
  json present = json::object();
  if (form.contains("secretLabels") || form.contains("secretAnnotations")) {
    const auto body = TRY(call.viewer->upstream().get(kApiTokens, {call.ns, call.name}, call.stop));
    present = json::parse(body, nullptr, false);
  }
  auto patch = TRY(read_token_patch(form, present));
  const api::ObjectKey key{call.ns, call.name};
  const auto since = patch.value("/metadata/resourceVersion"_json_pointer, "");
  const auto saved =
      save_spec(*call.viewer, kApiTokens, key, since, call.stop, [&](const std::string& version) {
        if (!version.empty()) patch["metadata"]["resourceVersion"] = version;
        return call.viewer->upstream().merge_patch(kApiTokens, key, dump(patch), call.stop);
      });
  return object_answer(200, saved);
}

Expected<serve::HttpReply> rotate_token(Call& call) {
  const auto form = TRY(form_with_uid(call));
  const auto patch = TRY(read_rotate_form(form, now_precisely(call)));
  return object_answer(200, call.viewer->upstream().merge_patch(kApiTokens, {call.ns, call.name},
                                                                dump(patch), call.stop));
}

Expected<serve::HttpReply> revoke_token(Call& call) {
  const auto form = TRY(form_with_uid(call));
  const json patch = {{"metadata", {{"uid", form.at("uid")}}}, {"spec", {{"revoked", true}}}};
  return object_answer(200, call.viewer->upstream().merge_patch(kApiTokens, {call.ns, call.name},
                                                                dump(patch), call.stop));
}

Expected<serve::HttpReply> delete_token(Call& call) {
  const auto uid = parameter(call.query, "uid");
  TRY(check_uid(uid));
  TRY(call.viewer->upstream().remove(kApiTokens, {call.ns, call.name}, uid, call.stop));
  return json_answer(200, R"({"deleted":true})");
}

Problem no_value() {
  return {404, "NoValue", "This token's value is not kept in a Secret of its own.",
          "Renew the token to get a new value."};
}

// The place of an ApiToken's value, if it is the value that the page shows.
struct Kept {
  api::ApiToken token;
  std::string secret;
};

Expected<Kept> find_kept(Call& call, const json& form) {
  const auto body = TRY(call.viewer->upstream().get(kApiTokens, {call.ns, call.name}, call.stop));
  auto token = TRY(decode_answer(body, api::decode_api_token));
  const auto revision = form.value("revision", json());
  if (form.at("uid") != json(token.meta.uid) ||
      (revision.is_number_integer() && revision != token.status.revision)) {
    return refuse({409, "Conflict", "The token changed meanwhile.",
                   "Look at it again: another value may be in force."});
  }
  std::string secret(token.secret_name());
  if (token.spec.secret->encrypt_to || !is_object_name(secret)) return refuse(no_value());
  return Kept{std::move(token), std::move(secret)};
}

// The body, and all copies of the value that it made, are wiped.
Expected<serve::HttpReply> show_value(Call& call) {
  const auto form = TRY(form_with_uid(call));
  const auto kept = TRY(find_kept(call, form));
  auto body = TRY(
      call.viewer->upstream().get(kube::resources::kSecrets, {call.ns, kept.secret}, call.stop));
  api::JsonParser parser;
  const auto secret = parser.parse(body);
  wipe(body);
  if (!secret) return refuse(problem_of(secret.error()));
  const auto meta = api::decode_meta(*secret);
  if (!meta || !is_owned_by(*meta, kept.token.meta.uid)) return refuse(no_value());
  const auto value = api::decode_secret_value(*secret, kept.token.secret_key());
  if (!value) return refuse(no_value());
  std::string answer = "{\"value\":";
  answer.reserve(64 + 2 * value->size());
  append_json(answer, value->reveal());
  answer += fmt::format(",\"revision\":{}}}", kept.token.status.revision);
  return json_answer(200, std::move(answer));
}

constexpr CallRoute kTokenWriteRoutes[] = {
    {"POST", "/api/tokens/{ns}", create_token, true},
    {"PATCH", "/api/tokens/{ns}/{name}", patch_token, true},
    {"DELETE", "/api/tokens/{ns}/{name}", delete_token, true},
    {"POST", "/api/tokens/{ns}/{name}/rotate", rotate_token, true},
    {"POST", "/api/tokens/{ns}/{name}/revoke", revoke_token, true},
    {"POST", "/api/tokens/{ns}/{name}/value", show_value},
};

}  // namespace

std::span<const CallRoute> token_write_routes() { return kTokenWriteRoutes; }

}  // namespace apitoken::portal
