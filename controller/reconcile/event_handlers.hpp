// EventHandlers: whom does a change concern? One function a watched kind, called on its reflector's
// thread after the store has the change: it puts keys into the queues and tells the dispatcher what
// is gone. Quick; no I/O.
#pragma once

#include <optional>

#include "base/urgency.hpp"
#include "kube/store.hpp"
#include "notify/dispatcher.hpp"
#include "reconcile/config_table.hpp"
#include "reconcile/jwt_keys.hpp"
#include "reconcile/own_writes.hpp"
#include "reconcile/queues.hpp"

namespace apitoken::reconcile {

class EventHandlers {
 public:
  EventHandlers(const Stores& stores, ConfigTable& table, OwnWrites& own_writes, Queues& queues,
                notify::Dispatcher& dispatcher, JwtKeys& jwt_keys, const Clock& clock)
      : stores_(stores),
        table_(table),
        own_writes_(own_writes),
        queues_(queues),
        dispatcher_(dispatcher),
        jwt_keys_(jwt_keys),
        clock_(clock) {}

  void on_token(const kube::Change<api::ApiToken>& change);
  void on_config(const kube::Change<api::TokenExpiryConfig>& change);
  void on_secret(const kube::Change<api::SecretMeta>& change);
  void on_operator_secret(const kube::Change<api::PartialObject>& change);
  void on_namespace(const kube::Change<api::PartialObject>& change);

  // Everything once: at the start of leading.
  void enqueue_all();

 private:
  void retry_mail(const std::string& config);
  void enqueue(const api::ApiToken* before, const api::ApiToken& after);
  // Each at its own urgency, or at `urgency` if that is given.
  void enqueue_all_tokens(std::optional<Urgency> urgency);
  void recount_configs();

  const Stores& stores_;
  ConfigTable& table_;
  OwnWrites& own_writes_;
  Queues& queues_;
  notify::Dispatcher& dispatcher_;
  JwtKeys& jwt_keys_;
  const Clock& clock_;
};

}  // namespace apitoken::reconcile
