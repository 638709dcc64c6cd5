// Gatherer: collects the input of the plan for one ApiToken, from the stores and the dispatcher. It
// sends requests only in three cases: after a write of unknown result it reads the ApiToken and its
// Secret; it reads a Secret once if somebody else may have written the value; and it reads a Secret
// that the watch does not show although the status says that it exists. Workers call it, on any
// thread.
#pragma once

#include <memory>
#include <optional>

#include "core/observed.hpp"
#include "kube/client.hpp"
#include "notify/dispatcher.hpp"
#include "reconcile/config_table.hpp"
#include "reconcile/live_view.hpp"
#include "reconcile/own_writes.hpp"

namespace apitoken::reconcile {

// Owns the objects that `observed` refers to.
struct Gathered {
  std::shared_ptr<const api::ApiToken> token;
  std::shared_ptr<const ConfigList> configs;
  core::Observed observed;
};

class Gatherer {
 public:
  Gatherer(kube::Client& client, const Stores& stores, const ConfigTable& table,
           OwnWrites& own_writes, LiveView& live, const notify::Dispatcher& dispatcher,
           const Clock& clock, const core::ReservedNames& reserved = core::default_reserved_names())
      : client_(client),
        stores_(stores),
        table_(table),
        own_writes_(own_writes),
        live_(live),
        dispatcher_(dispatcher),
        clock_(clock),
        reserved_(reserved) {}

  // Empty if there is nothing to plan: no such ApiToken, or its namespace is being deleted.
  // Errors: those of reading the Secret, and of LiveView::refresh_if_doubtful.
  Result<std::optional<Gathered>> gather(const api::ObjectKey& key, std::stop_token stop);

 private:
  Result<std::optional<core::ObservedSecret>> observe_secret(const api::ApiToken& token,
                                                             std::stop_token stop);
  Result<std::string> read_value_hash(const api::ApiToken& token, const api::SecretMeta& secret,
                                      std::stop_token stop);

  kube::Client& client_;
  const Stores& stores_;
  const ConfigTable& table_;
  OwnWrites& own_writes_;
  LiveView& live_;
  const notify::Dispatcher& dispatcher_;
  const Clock& clock_;
  const core::ReservedNames& reserved_;
};

}  // namespace apitoken::reconcile
