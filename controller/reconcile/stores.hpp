// Stores: the operator's copies of the cluster's objects. Reflectors fill them; event handlers,
// Gatherer and the metrics read them.
#pragma once

#include "api/api_token.hpp"
#include "api/secret.hpp"
#include "api/token_expiry_config.hpp"
#include "kube/store.hpp"

namespace apitoken::reconcile {

struct Stores {
  kube::Store<api::ApiToken> tokens;
  kube::Store<api::TokenExpiryConfig> configs;
  kube::Store<api::SecretMeta> secrets;  // with our label, in the watched namespaces
  // All of the operator's namespace: SMTP credentials, CAs, signing keys.
  kube::Store<api::PartialObject> operator_secrets;
  kube::Store<api::PartialObject> namespaces;
};

}  // namespace apitoken::reconcile
