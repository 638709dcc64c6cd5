// Reads one ApiToken and its Secret from the API server.
#include "reconcile/live_view.hpp"

#include <fmt/format.h>

#include "core/plan_secret.hpp"
#include "core/token_urgency.hpp"
#include "kube/decode_body.hpp"

namespace apitoken::reconcile {
namespace {

namespace resources = kube::resources;

// Whether the server refused before it wrote anything.
bool proves_no_write(ErrorKind kind) {
  return kind == ErrorKind::Forbidden || kind == ErrorKind::Invalid ||
         kind == ErrorKind::Unauthorized || kind == ErrorKind::Throttled;
}

Status stale(const api::ObjectMeta& token) {
  return fail(ErrorKind::Conflict,
              fmt::format("ApiToken {} is no longer at version {}, for which this was planned",
                          token.key().text(), token.resource_version));
}

}  // namespace

void LiveView::write_failed(const api::ObjectKey& token, ErrorKind kind) {
  if (proves_no_write(kind)) return;
  const MutexLock lock(mutex_);
  unsure_ += doubtful_.insert(token).second ? 1 : 0;
}

void LiveView::remove(const api::ObjectKey& token) {
  const MutexLock lock(mutex_);
  unsure_ -= doubtful_.erase(token);
}

Status LiveView::refresh_if_doubtful(const api::ApiToken& token, std::stop_token stop) {
  const auto key = token.meta.key();
  {
    const MutexLock lock(mutex_);
    if (!doubtful_.contains(key)) return {};
  }
  TRY(read_token(token, stop));
  TRY(read_secret(token, stop));
  const MutexLock lock(mutex_);
  unsure_ -= doubtful_.erase(key);
  return {};
}

Result<std::string> LiveView::list_one(const api::ObjectKey& token, std::string_view accept,
                                       std::stop_token stop) {
  const auto query =
      fmt::format("fieldSelector={}", kube::percent_encode("metadata.name=" + token.name));
  return client_.list(resources::kApiTokens, token.ns, query, accept, std::move(stop));
}

Status LiveView::read_token(const api::ApiToken& known, std::stop_token stop) {
  const auto body = TRY(list_one(known.meta.key(), kube::kJsonAccept, std::move(stop)));
  api::JsonParser parser;
  const auto list = TRY(parser.parse(body));
  const auto items = api::read_array(list, "items");
  if (items.size() != 1) return stale(known.meta);
  auto live = TRY(api::decode_api_token(items.at(0)));
  if (live.meta.resource_version == known.meta.resource_version) return {};
  // A user's change must come by the watch, which also updates the configs' counts and the notices.
  if (!core::is_status_change(known, live)) return stale(known.meta);
  stores_.tokens.put(std::move(live));
  return {};
}

Status LiveView::read_secret(const api::ApiToken& token, std::stop_token stop) {
  const api::ObjectKey key{token.meta.ns, std::string(token.secret_name())};
  const auto answer = client_.get(resources::kSecrets, key, std::move(stop), kube::kMetadataAccept);
  if (!answer && answer.error().kind == ErrorKind::NotFound) {
    if (const auto known = stores_.secrets.get(key)) {
      own_writes_.remove(known->meta.uid);
      stores_.secrets.remove(key, known->meta.uid, known->meta.resource_version);
    }
    return {};
  }
  auto secret = TRY(kube::decode_body(answer, api::decode_secret_meta));
  if (core::is_watched(secret)) {
    stores_.secrets.put(std::move(secret));
  } else {
    own_writes_.found_unwatched(std::move(secret));
  }
  return {};
}

Status LiveView::confirm(const api::ObjectMeta& token, std::stop_token stop) {
  const auto body = TRY(list_one(token.key(), kube::kMetadataListAccept, std::move(stop)));
  api::JsonParser parser;
  const auto list = TRY(parser.parse(body));
  const auto items = api::read_array(list, "items");
  if (items.size() != 1) return stale(token);
  const auto live = TRY(api::decode_meta(items.at(0)));
  if (live.uid != token.uid || live.resource_version != token.resource_version) return stale(token);
  return {};
}

Result<std::string> LiveView::encrypted_value(const api::ObjectMeta& token, std::stop_token stop) {
  const auto body = TRY(list_one(token.key(), kube::kJsonAccept, std::move(stop)));
  api::JsonParser parser;
  const auto list = TRY(parser.parse(body));
  const auto items = api::read_array(list, "items");
  if (items.size() != 1) return std::unexpected(stale(token).error());
  const auto live = TRY(api::decode_meta(items.at(0)));
  auto value = api::read_encrypted_value(items.at(0));
  if (live.resource_version != token.resource_version || value.empty())
    return std::unexpected(stale(token).error());
  return value;
}

}  // namespace apitoken::reconcile
