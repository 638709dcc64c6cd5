// GET /api/tokens/{ns}/{name}: the object, its Events, its Secret's name and its warnings. At most
// five requests.
#include "portal/token_detail.hpp"

#include <fmt/format.h>

#include <charconv>

#include "api/names.hpp"
#include "api/secret.hpp"
#include "portal/call.hpp"
#include "portal/json_text.hpp"
#include "portal/settings.hpp"
#include "portal/streams.hpp"
#include "portal/writers.hpp"

namespace apitoken::portal {
namespace {

using nlohmann::json;

// The times of an Event. A series has its last time in `series`.
json event_of(const json& event) {
  const auto pick = [&](std::initializer_list<const char*> pointers) {
    for (const char* const pointer : pointers) {
      if (auto text = text_at(event, pointer); !text.empty()) return text;
    }
    return std::string();
  };
  const auto count = event.value("/series/count"_json_pointer, json());
  return {{"type", text_at(event, "/type")},
          {"reason", text_at(event, "/reason")},
          {"note", text_at(event, "/note")},
          {"firstAt", pick({"/eventTime", "/deprecatedFirstTimestamp"})},
          {"lastAt", pick({"/series/lastObservedTime", "/deprecatedLastTimestamp", "/eventTime"})},
          {"count", count.is_number_integer() ? count : json(1)},
          {"reporter", pick({"/reportingController", "/deprecatedSource/component"})}};
}

// null if the viewer may not list Events.
json events_of(Call& call, const std::string& uid) {
  const auto selector = kube::percent_encode("regarding.kind=ApiToken,regarding.name=" + call.name);
  const auto body = call.viewer->upstream().list(kube::resources::kEvents, call.ns,
                                                 "limit=200&fieldSelector=" + selector, call.stop);
  if (!body) return nullptr;
  const auto list = json::parse(*body, nullptr, false);
  json events = json::array();
  for (const auto& event : list.value("items", json::array())) {
    const auto about = text_at(event, "/regarding/uid");
    if (about.empty() || about == uid) events.push_back(event_of(event));
  }
  return events;
}

std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return number;
}

json secret_state(Call& call, const std::string& name, const std::string& uid) {
  // A viewer who may not read Secrets sends no request for one.
  const auto may = call.viewer->permissions().ask({"get", "", "secrets", call.ns, name},
                                                  Permissions::kFresh, call.stop);
  if (!may || !may->allowed) return {{"state", "forbidden"}, {"revision", nullptr}};
  const auto body = call.viewer->upstream().get(kube::resources::kSecrets, {call.ns, name},
                                                call.stop, kube::kMetadataAccept);
  if (!body) {
    const bool missing = body.error().status == 404;
    return {{"state", missing ? "missing" : "forbidden"}, {"revision", nullptr}};
  }
  const auto meta = decode_answer(*body, api::decode_meta);
  if (!meta || !is_owned_by(*meta, uid)) return {{"state", "foreign"}, {"revision", nullptr}};
  const auto revision = meta->annotations.find(api::kRevisionAnnotation);
  const auto number =
      revision == meta->annotations.end() ? std::nullopt : number_of(revision->second);
  return {{"state", "present"}, {"revision", number ? json(*number) : json()}};
}

// null if the viewer may not read the settings that decide.
json warnings_of_token(Call& call, const api::ApiToken& token) {
  const auto settings = Settings::read(*call.viewer, call.stop);
  if (!settings) return nullptr;
  api::StringMap labels;
  if (settings->asks_for_namespaces()) {
    const auto read = read_namespace_labels(*call.viewer, call.ns, call.stop);
    if (!read) return nullptr;
    labels = *read;
  }
  return to_json(
      core::warnings_of(call.backend.clock.wall(), token,
                        core::configs_for(settings->configs(), token.meta.labels, labels)));
}

}  // namespace

bool is_owned_by(const api::ObjectMeta& meta, std::string_view uid) {
  return meta.owners.size() == 1 && meta.owners.front().kind == api::kApiTokenKind &&
         meta.owners.front().uid == uid;
}

json shown_object(std::string_view body) {
  auto object = json::parse(body, nullptr, false);
  static_cast<void>(take_writers(object));
  return object;
}

Expected<serve::HttpReply> get_token(Call& call) {
  const auto body = TRY(
      call.viewer->upstream().get(kube::resources::kApiTokens, {call.ns, call.name}, call.stop));
  const auto token = TRY(decode_answer(body, api::decode_api_token));
  auto object = json::parse(body, nullptr, false);
  auto writers = take_writers(object);
  const std::string secret = token.status.secret_name.empty() ? std::string(token.secret_name())
                                                              : token.status.secret_name;
  return json_answer(200,
                     dump(json{{"object", std::move(object)},
                               {"writers", std::move(writers)},
                               {"events", events_of(call, token.meta.uid)},
                               {"secret", is_object_name(secret)
                                              ? secret_state(call, secret, token.meta.uid)
                                              : json{{"state", "missing"}, {"revision", nullptr}}},
                               {"warnings", warnings_of_token(call, token)},
                               {"serverTime", server_time(call.backend.clock)}}));
}

}  // namespace apitoken::portal
