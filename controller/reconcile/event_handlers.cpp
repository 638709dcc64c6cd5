// Adds the keys of affected objects to the queues.
#include "reconcile/event_handlers.hpp"

#include "api/names.hpp"
#include "core/plan_secret.hpp"
#include "core/token_urgency.hpp"
#include "kube/resource_version.hpp"

namespace apitoken::reconcile {
namespace {

// Whether the watch brings a value that we wrote ourselves; the answer to that write was lost.
bool is_own_minting(const kube::Change<api::SecretMeta>& change) {
  if (!change.after || !change.after->data_keys_others.empty()) return false;
  const auto hash_in = [](const api::SecretMeta& secret) {
    const auto found = secret.meta.annotations.find(api::kTokenHashAnnotation);
    return found == secret.meta.annotations.end() ? std::string() : found->second;
  };
  return !change.before || hash_in(*change.before) != hash_in(*change.after);
}

// Whether etcd was restored from a backup: another write may get the version that was ours.
bool went_back(const api::SecretMeta& before, const api::SecretMeta& after) {
  return !kube::version_older(before.meta.resource_version, after.meta.resource_version);
}

}  // namespace

void EventHandlers::on_token(const kube::Change<api::ApiToken>& change) {
  const auto& gone = change.before;
  if (gone && (!change.after || change.after->meta.uid != gone->meta.uid)) {
    dispatcher_.token_deleted(gone->meta.uid);
    queues_.tokens.cancel(gone->meta.key());
    queues_.tokens.reset_backoff(gone->meta.key());
  }
  if (change.after) {
    enqueue(change.before.get(), *change.after);
  } else {  // the pass removes what is kept of the token
    queues_.tokens.add(gone->meta.key(), Urgency::Cosmetic);
  }
  recount_configs();
}

void EventHandlers::enqueue(const api::ApiToken* before, const api::ApiToken& after) {
  const WallTime now = clock_.wall();
  const auto key = after.meta.key();
  if (before == nullptr) return queues_.tokens.add(key, core::token_urgency(after, now));
  const Urgency urgency = core::change_urgency(*before, after, now);
  if (core::is_status_change(*before, after)) {
    queues_.tokens.add_echo(key, urgency);
  } else {
    queues_.tokens.add(key, urgency);
  }
}

void EventHandlers::on_config(const kube::Change<api::TokenExpiryConfig>& change) {
  const auto& meta = change.after ? change.after->meta : change.before->meta;
  const bool same_spec = change.before && change.after && change.before->spec == change.after->spec;
  if (!same_spec || change.after->meta.deleted) {
    table_.rebuild(stores_);  // before any key is queued, because the worker reads the table
    enqueue_all_tokens(Urgency::Notice);
    if (change.after) {
      retry_mail(meta.name);
    } else {
      dispatcher_.remove_config(meta.name);
      queues_.configs.cancel(meta.key());
    }
  }
  queues_.configs.add(meta.key());  // a deleted one too: the pass removes what is kept of it
}

void EventHandlers::on_secret(const kube::Change<api::SecretMeta>& change) {
  if (change.before && (!change.after || went_back(*change.before, *change.after)))
    own_writes_.remove(change.before->meta.uid);
  const bool echo = is_own_minting(change);
  // The previous owners too: a removed owner must see that the Secret is no longer its own.
  for (const auto& secret : {change.before, change.after}) {
    if (!secret) continue;
    for (const api::OwnerReference& owner : secret->meta.owners) {
      if (owner.kind != api::kApiTokenKind) continue;
      const api::ObjectKey key{secret->meta.ns, owner.name};
      if (echo) {
        queues_.tokens.add_echo(key, Urgency::Value);
      } else {
        queues_.tokens.add(key, Urgency::Value);
      }
    }
    // By default its ApiToken has the Secret's name.
    if (core::is_restored(*secret)) queues_.tokens.add(secret->meta.key(), Urgency::Value);
  }
}

void EventHandlers::on_operator_secret(const kube::Change<api::PartialObject>& change) {
  jwt_keys_.on_secret(change);
  const auto& name = change.after ? change.after->meta.name : change.before->meta.name;
  const auto configs = table_.snapshot();
  for (const core::ExpiryConfig& config : *configs) {
    if (!config.smtp || (config.smtp->credentials_secret != name && config.smtp->ca_secret != name))
      continue;
    retry_mail(config.name);
    queues_.configs.add({"", config.name});
  }
}

// Retries pending mail at once, and tries the login too, so that a wrong password shows before a
// mail is due.
void EventHandlers::retry_mail(const std::string& config) {
  const auto configs = table_.snapshot();
  const auto* found = find_config(*configs, config);
  if (found && found->smtp && found->route.mails) {
    dispatcher_.try_login(config);
  } else {
    dispatcher_.retry_now(config);
  }
}

void EventHandlers::on_namespace(const kube::Change<api::PartialObject>& change) {
  if (!change.after || (change.before && change.before->meta.labels == change.after->meta.labels))
    return;
  const auto& ns = change.after->meta.name;
  stores_.tokens.for_each([&](const api::ApiToken& token) {
    if (token.meta.ns == ns) queues_.tokens.add(token.meta.key(), Urgency::Notice);
  });
  recount_configs();
}

void EventHandlers::enqueue_all() {
  enqueue_all_tokens({});
  stores_.configs.for_each(
      [&](const api::TokenExpiryConfig& config) { queues_.configs.add(config.meta.key()); });
}

void EventHandlers::enqueue_all_tokens(std::optional<Urgency> urgency) {
  const WallTime now = clock_.wall();
  stores_.tokens.for_each([&](const api::ApiToken& token) {
    queues_.tokens.add(token.meta.key(), urgency.value_or(core::token_urgency(token, now)));
  });
}

void EventHandlers::recount_configs() {
  const auto configs = table_.snapshot();
  for (const core::ExpiryConfig& config : *configs)
    queues_.configs.add_after({"", config.name}, kConfigDelay);
}

}  // namespace apitoken::reconcile
