// Runs each effect against the API server or the dispatcher.
#include "reconcile/execute.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

#include "api/names.hpp"
#include "base/duration.hpp"
#include "base/log.hpp"
#include "base/rfc3339.hpp"
#include "core/plan_secret.hpp"
#include "core/recipient.hpp"
#include "core/token_format.hpp"
#include "reconcile/remake_secret.hpp"

namespace apitoken::reconcile {

namespace resources = kube::resources;

// The change of the Secret's key for the previous value. If `changes` is false, the key stays as it
// is; if `value` is empty, the key is removed.
struct PreviousValue {
  std::string_view key;
  std::optional<SecretString> value;
  bool changes = false;
};

struct Executor::Pass {
  const api::ApiToken& token;
  std::stop_token stop;
  // Its value is wiped as soon as it is written or encrypted.
  std::optional<core::MintedToken> minted;
  std::string encrypted_value;  // replaces the value: the same text goes into Secret and status
  bool rotates = false;
  PreviousValue previous;
  api::JsonParser& parser;
  api::ObjectMeta at = token.meta;            // the ApiToken's version after the pass's own writes
  bool published = false;                     // the minted value's hash is in the status already
  bool unwatched = false;                     // the Secret was stored without our label
  std::vector<api::NoticeEntry> delivered{};  // in this pass, for the next PatchStatus
  std::optional<LiveView::Publishing> publishing{};  // up to the end of the pass
};

Status Executor::execute(const core::Plan& plan, const api::ApiToken& token, std::stop_token stop) {
  static thread_local api::JsonParser parser;  // one a worker, so that a pass need not allocate
  Pass pass{token, stop, {}, {}, false, {}, parser};
  for (const core::Effect& effect : plan.effects) {
    const Status done = std::visit([&](const auto& one) { return run(one, pass); }, effect);
    if (done) continue;
    live_.write_failed(token.meta.key(), done.error().kind);
    return done;
  }
  return {};
}

// Reads the Secret live, because no value is kept in memory. The value is wiped at the end of the
// pass.
Status Executor::run(const core::KeepPrevious& effect, Pass& pass) {
  auto answer = TRY(client_.get(resources::kSecrets, effect.at.key(), pass.stop));
  const SecretString held(std::move(answer));
  api::JsonParser parser;  // destroyed (and wiped) with the Secret that it read
  const auto object = TRY(parser.parse(held.reveal()));
  const auto meta = TRY(api::decode_meta(object));
  if (meta.uid != effect.at.uid || meta.resource_version != effect.at.resource_version) {
    return fail(ErrorKind::Conflict, "the Secret is no longer what the plan was made for");
  }
  const auto previous_key = core::previous_key(effect.key);
  const bool encrypted = previous_key != api::kPreviousKey;
  const auto is_previous = [&](const std::optional<SecretString>& value) {
    return value && (encrypted || core::token_hash(value->reveal()) == effect.hash);
  };
  pass.previous = {previous_key, {}, true};
  auto present = api::decode_secret_value(object, effect.key);
  if (is_previous(present)) {
    pass.previous.value = std::move(present);
  } else {
    pass.previous.changes = !is_previous(api::decode_secret_value(object, pass.previous.key));
  }
  return {};
}

Status Executor::run(const core::MintToken& effect, Pass& pass) {
  pass.minted = TRY(effect.jwt ? sign_jwt_(*effect.jwt, pass.stop) : core::mint_opaque_token());
  pass.rotates = effect.rotates;
  if (effect.encrypt_to.empty()) return {};
  const SecretString value = std::exchange(pass.minted->value, SecretString());
  pass.encrypted_value = TRY(core::encrypt_to(effect.encrypt_to, value));
  return {};
}

Status Executor::run(const core::ReadEncryptedValue&, Pass& pass) {
  const auto& token = pass.token;
  pass.encrypted_value = TRY(live_.encrypted_value(token.meta, pass.stop));
  pass.minted.emplace();
  pass.minted->id = token.status.token_id;
  pass.minted->hash = token.status.token_hash;
  pass.minted->hint = token.status.hint;
  pass.rotates = true;
  return {};
}

Status Executor::run(const core::WriteSecret& effect, Pass& pass) {
  SecretString value = std::exchange(pass.minted->value, SecretString());
  if (!pass.encrypted_value.empty()) value = SecretString(std::string(pass.encrypted_value));
  core::WriteSecret write = effect;
  write.secret.annotations[std::string(api::kTokenIdAnnotation)] = pass.minted->id;
  write.secret.annotations[std::string(api::kTokenHashAnnotation)] = pass.minted->hash;
  Result<std::string> answer;
  // The first value of a new ApiToken replaces no other one, so no second look is needed.
  const bool may_undo = write.at || pass.token.status.revision > 0;
  if (may_undo && !pass.published) TRY(live_.confirm(pass.at, pass.stop));
  if (write.at) {
    answer = patch_secret(write, value, pass);
  } else {
    const auto body = api::encode_new_secret(write.secret, write.key, value);
    answer = client_.create(resources::kSecrets, write.secret.ns, body.reveal(), pass.stop,
                            kube::kMetadataAccept);
    // The next pass finds whose the Secret of that name is; the conflict is reported in any case.
    if (!answer && answer.error().kind == ErrorKind::AlreadyExists)
      (void)look_for_unwatched(own_writes_, client_, write.secret.key(), pass.stop);
  }
  TRY(took_secret(answer, pass));
  minted_(pass.rotates);
  if (pass.unwatched) plan_again_(pass.token.meta.key());
  return {};
}

Result<std::string> Executor::patch_secret(const core::WriteSecret& effect,
                                           const SecretString& value, Pass& pass) {
  std::vector<api::DataChange> data{{effect.key, &value}};
  const PreviousValue& previous = pass.previous;
  if (previous.changes) data.push_back({previous.key, previous.value ? &*previous.value : nullptr});
  for (const std::string& key : effect.keys_gone) data.push_back({key, nullptr});
  const auto body = api::encode_value_patch(*effect.at, data, effect.secret);
  auto answer = client_.merge_patch(resources::kSecrets, effect.secret.key(), "", body.reveal(),
                                    pass.stop, kube::kMetadataAccept);
  if (answer || answer.error().kind != ErrorKind::Invalid) return answer;
  const auto& meta = effect.secret;
  return remake_if_immutable(client_,
                             {*effect.at,
                              data,
                              {meta.labels.begin(), meta.labels.end()},
                              {meta.annotations.begin(), meta.annotations.end()},
                              meta.owners},
                             answer.error(), pass.stop);
}

Status Executor::run(const core::PatchSecretMetadata& effect, Pass& pass) {
  const auto body = api::encode_metadata_patch(effect.at, effect.labels, effect.annotations,
                                               effect.keys_gone, effect.owners);
  auto answer = client_.merge_patch(resources::kSecrets, effect.at.key(), "", body, pass.stop,
                                    kube::kMetadataAccept);
  if (!answer && answer.error().kind == ErrorKind::Invalid) {
    std::vector<api::DataChange> data;
    for (const std::string& key : effect.keys_gone) data.push_back({key, nullptr});
    answer = remake_if_immutable(
        client_, {effect.at, data, effect.labels, effect.annotations, effect.owners},
        answer.error(), pass.stop);
  }
  const auto done = took_secret(answer, pass);
  if (done) {
    log::info("secret metadata put right", {{"namespace", effect.at.ns}, {"name", effect.at.name}});
  }
  return done;
}

Status Executor::run(const core::PatchStatus& effect, Pass& pass) {
  api::ApiTokenStatus status = effect.status;
  if (pass.minted) {
    pass.publishing.emplace(live_);
    status.token_id = pass.minted->id;
    status.token_hash = pass.minted->hash;
    status.hint = pass.minted->hint;
  }
  std::ranges::move(std::exchange(pass.delivered, {}), std::back_inserter(status.notices));
  const auto body = api::encode_status_patch(pass.at, status, pass.encrypted_value);
  const auto answer = TRY(client_.merge_patch(resources::kApiTokens, pass.token.meta.key(),
                                              "status", body, pass.stop, kube::kMetadataAccept));
  const auto object = TRY(pass.parser.parse(answer));
  auto meta = TRY(api::decode_meta(object));
  pass.at = meta;
  pass.published = pass.minted.has_value();
  api::ApiToken token{std::move(meta), pass.token.spec,
                      status};  // by the precondition the spec is the one we know
  const auto* ready = api::find_condition(status.conditions, api::condition::kReady);
  const std::string_view why = ready ? std::string_view(ready->reason) : "";
  if (pass.minted) {
    log::info(pass.rotates ? "rotated" : "minted",
              {{"namespace", token.meta.ns},
               {"name", token.meta.name},
               {"token_id", status.token_id},
               {"revision", status.revision},
               {"expires", status.expires_at ? format_rfc3339(*status.expires_at) : ""}});
  } else {
    log::info("status changed", {{"namespace", token.meta.ns},
                                 {"name", token.meta.name},
                                 {"token_id", status.token_id},
                                 {"reason", why}});
  }
  stores_.tokens.put(std::move(token));
  return {};
}

Status Executor::run(const core::DeleteSecret& effect, Pass& pass) {
  // A status that this pass has written was the present one.
  if (pass.at.resource_version == pass.token.meta.resource_version)
    TRY(live_.confirm(pass.at, pass.stop));
  const auto done = client_.remove(resources::kSecrets, effect.at.key(), effect.at.uid,
                                   effect.at.resource_version, pass.stop);
  if (done) log::info("secret deleted", {{"namespace", effect.at.ns}, {"name", effect.at.name}});
  return done || done.error().kind == ErrorKind::NotFound ? Status() : done;
}

Status Executor::run(const core::DeleteToken&, Pass& pass) {
  const auto& meta = pass.token.meta;
  const auto done =
      client_.remove(resources::kApiTokens, meta.key(), meta.uid, meta.resource_version, pass.stop);
  if (!done && done.error().kind != ErrorKind::NotFound) return done;
  log::info(
      "expired token deleted",
      {{"namespace", meta.ns}, {"name", meta.name}, {"token_id", pass.token.status.token_id}});
  return {};
}

Status Executor::run(const core::PostEvent& effect, Pass& pass) {
  api::Event event = effect.event;
  if (pass.minted) event.note = fmt::format("API token {} {}", pass.minted->id, event.note);
  dispatcher_.post_event(std::move(event), effect.repeatable);
  return {};
}

// If the PatchStatus fails after the Event was written, the next pass writes the same Event again,
// finds that it exists, and goes on.
Status Executor::run(const core::SubmitNotice& effect, Pass& pass) {
  const core::NoticeKey& key = effect.notice.key;
  const auto event_at =
      effect.before_status ? dispatcher_.write_event(effect.notice, pass.stop) : std::nullopt;
  if (event_at) {
    pass.delivered.push_back({key.config, key.before, event_at, {}});
  } else {
    dispatcher_.submit(effect.notice, effect.route);
  }
  return {};
}

Status Executor::run(const core::CancelNotices&, Pass& pass) {
  dispatcher_.cancel_notices(pass.token.meta.uid);
  return {};
}

Status Executor::took_secret(const Result<std::string>& answer, Pass& pass) {
  if (!answer) return std::unexpected(answer.error());
  const auto object = TRY(pass.parser.parse(*answer));
  auto secret = TRY(api::decode_secret_meta(object));
  own_writes_.record(secret.meta);
  pass.unwatched = !core::is_watched(secret);
  if (pass.unwatched) {
    stores_.secrets.remove(secret.meta.key(), secret.meta.uid, secret.meta.resource_version);
    own_writes_.found_unwatched(std::move(secret));
    return {};
  }
  // If a webhook has given the Secret further owners, the watch brings it: that wakes all owners.
  if (secret.meta.owners.size() <= 1) stores_.secrets.put(std::move(secret));
  return {};
}

}  // namespace apitoken::reconcile
