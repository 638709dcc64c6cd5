// remake_secret: deletes a Secret of ours that was made immutable, and creates it anew with a
// change that the API server refused to patch in. Workers call it, on any thread. It never touches
// a Secret that is not immutable.
#pragma once

#include <span>
#include <string>

#include "api/secret.hpp"
#include "kube/client.hpp"

namespace apitoken::reconcile {

struct SecretChange {
  api::ObjectMeta at;  // which Secret: namespace, name, uid
  std::span<const api::DataChange> data;
  api::StringChanges labels;
  api::StringChanges annotations;
  std::vector<api::OwnerReference> owners;  // empty: as they are
};

// The new Secret's metadata as the API server answers it. Errors: `refusal` where the Secret is not
// immutable or no longer that of change.at; else those of the client. A crash after the deletion
// loses the value, and the next pass mints another with the same expiry.
Result<std::string> remake_if_immutable(kube::Client& client, const SecretChange& change,
                                        const Error& refusal, std::stop_token stop);

}  // namespace apitoken::reconcile
