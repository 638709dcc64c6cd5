// Replaces a Secret of ours that somebody made immutable: deletes it, and creates it again with a
// change that the API server refused as a patch. Workers call it, on any thread. It changes no
// Secret that is not immutable.
#pragma once

#include <span>
#include <string>

#include "api/secret.hpp"
#include "kube/client.hpp"

namespace apitoken::reconcile {

struct SecretChange {
  api::ObjectMeta at;  // namespace, name and uid of the Secret
  std::span<const api::DataChange> data;
  api::StringChanges labels;
  api::StringChanges annotations;
  std::vector<api::OwnerReference> owners;  // empty: unchanged
};

// Returns the API server's answer, the new Secret's metadata. Errors: `refusal` if the Secret is
// not immutable or no longer the one of change.at; those of the client. A crash after the deletion
// loses the value; the next pass then mints another with the same expiry.
Result<std::string> remake_if_immutable(kube::Client& client, const SecretChange& change,
                                        const Error& refusal, std::stop_token stop);

}  // namespace apitoken::reconcile
