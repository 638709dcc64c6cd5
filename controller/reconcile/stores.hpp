// Stores: all that the operator keeps of the cluster. Reflectors fill them; event handlers, gather
// and the metrics read them.
#pragma once

#include "api/api_token.hpp"
#include "api/secret.hpp"
#include "api/token_expiry_config.hpp"
#include "kube/store.hpp"

namespace apitoken::reconcile {

struct Stores {
  kube::Store<api::ApiToken> tokens;
  kube::Store<api::TokenExpiryConfig> configs;
  kube::Store<api::SecretMeta> secrets;  // those with our label, in the watched namespaces
  kube::Store<api::PartialObject>
      operator_secrets;  // all of the operator's own namespace: SMTP credentials and CAs
  kube::Store<api::PartialObject> namespaces;
};

}  // namespace apitoken::reconcile
