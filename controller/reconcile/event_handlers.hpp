// EventHandlers: one handler for each watched kind. A reflector calls it on its thread after the
// store has the change; it adds the keys of all affected objects to the queues, and tells the
// dispatcher about deleted objects. Quick; no I/O.
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

  // Adds all keys, when this replica begins to lead.
  void enqueue_all();

 private:
  void retry_mail(const std::string& config);
  void enqueue(const api::ApiToken* before, const api::ApiToken& after);
  // Adds each token with its own urgency, or with `urgency` if that is given.
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
