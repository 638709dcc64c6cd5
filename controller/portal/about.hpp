// What the page About says, and the fields of the kinds that this portal knows. Routes' tables name
// the handler; workers' threads.
#pragma once

#include "portal/call.hpp"

namespace apitoken::portal {

// Fields of spec, as crds/ has them; a test compares them.
inline constexpr std::string_view kTokenFields[] = {"spec.audiences",
                                                    "spec.description",
                                                    "spec.format",
                                                    "spec.groups",
                                                    "spec.revoked",
                                                    "spec.rotation",
                                                    "spec.rotation.before",
                                                    "spec.rotation.overlap",
                                                    "spec.rotation.policy",
                                                    "spec.scopes",
                                                    "spec.secret",
                                                    "spec.secret.annotations",
                                                    "spec.secret.deleteAfter",
                                                    "spec.secret.encryptTo",
                                                    "spec.secret.key",
                                                    "spec.secret.labels",
                                                    "spec.secret.name",
                                                    "spec.ttl",
                                                    "spec.ttlAfterExpired",
                                                    "spec.type",
                                                    "spec.user"};
inline constexpr std::string_view kConfigFields[] = {"spec.digest",
                                                     "spec.emailDomains",
                                                     "spec.emailTokenUser",
                                                     "spec.emailUserPrefix",
                                                     "spec.emails",
                                                     "spec.lifetimes",
                                                     "spec.lifetimes.permanent",
                                                     "spec.lifetimes.permanent.default",
                                                     "spec.lifetimes.permanent.max",
                                                     "spec.lifetimes.temporary",
                                                     "spec.lifetimes.temporary.default",
                                                     "spec.lifetimes.temporary.max",
                                                     "spec.namespaceSelector",
                                                     "spec.reminders",
                                                     "spec.smtp",
                                                     "spec.smtp.auth",
                                                     "spec.smtp.caSecret",
                                                     "spec.smtp.credentialsSecret",
                                                     "spec.smtp.from",
                                                     "spec.smtp.helo",
                                                     "spec.smtp.server",
                                                     "spec.smtp.tls",
                                                     "spec.tokenSelector",
                                                     "spec.warnBeforeDays"};

Expected<serve::HttpReply> get_about(Call& call);

// The API server's version; empty if it does not say.
std::string kubernetes_version(Call& call);

// [{name, version, missing, unknown}] of an OpenAPI v3 document. Pure.
nlohmann::json describe_kinds(std::string_view openapi);

}  // namespace apitoken::portal
