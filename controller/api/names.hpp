// Every name of the API in one place: group, kinds, labels, annotations, keys, spec values,
// condition types and reasons. hack/check-layers.py compares them with the CRDs and the docs.
#pragma once

#include <string_view>

namespace apitoken::api {

inline constexpr std::string_view kGroup = "apitoken.dev";
inline constexpr std::string_view kVersion = "v1alpha1";
inline constexpr std::string_view kApiVersion = "apitoken.dev/v1alpha1";
inline constexpr std::string_view kApiTokenKind = "ApiToken";
inline constexpr std::string_view kConfigKind = "TokenExpiryConfig";

// The operator's name as field manager of its writes and as controller of its Events.
inline constexpr std::string_view kFieldManager = "apitoken-operator";
inline constexpr std::string_view kReportingController = "apitoken.dev/operator";

// Labels and annotations of the Secret.
inline constexpr std::string_view kManagedByLabel = "app.kubernetes.io/managed-by";
inline constexpr std::string_view kManagedBy = "apitoken-operator";
inline constexpr std::string_view kAnnotationPrefix = "apitoken.dev/";
inline constexpr std::string_view kExpiresAtAnnotation = "apitoken.dev/expires-at";
inline constexpr std::string_view kIssuedAtAnnotation = "apitoken.dev/issued-at";
inline constexpr std::string_view kTokenIdAnnotation = "apitoken.dev/token-id";
inline constexpr std::string_view kTokenHashAnnotation = "apitoken.dev/token-hash";
inline constexpr std::string_view kUserAnnotation = "apitoken.dev/user";
inline constexpr std::string_view kRevisionAnnotation = "apitoken.dev/revision";

// Keys in the Secret's data: in clear, encrypted to a certificate (CMS), encrypted to a JWK (JWE).
inline constexpr std::string_view kDefaultKey = "token";
inline constexpr std::string_view kPreviousKey = "previous-token";
inline constexpr std::string_view kCmsKey = "token.cms";
inline constexpr std::string_view kPreviousCmsKey = "previous-token.cms";
inline constexpr std::string_view kJweKey = "token.jwe";
inline constexpr std::string_view kPreviousJweKey = "previous-token.jwe";

// Annotation of an ApiToken: requests a rotation. Each value, an RFC 3339 time, is served once.
inline constexpr std::string_view kRotateRequestAnnotation = "apitoken.dev/rotate-requested-at";

// Annotation of a TokenExpiryConfig: requests a test mail. Each value, an RFC 3339 time, is served
// once.
inline constexpr std::string_view kTestMailAnnotation = "apitoken.dev/test-mail-requested-at";

// Values of spec.type, spec.format and spec.rotation.policy.
inline constexpr std::string_view kPermanent = "Permanent";
inline constexpr std::string_view kTemporary = "Temporary";
inline constexpr std::string_view kOpaque = "Opaque";
inline constexpr std::string_view kJwt = "JWT";
inline constexpr std::string_view kManual = "Manual";
inline constexpr std::string_view kAutomatic = "Automatic";

// Condition types and statuses.
namespace condition {
inline constexpr std::string_view kReady = "Ready";
inline constexpr std::string_view kExpiringSoon = "ExpiringSoon";
inline constexpr std::string_view kReconciling = "Reconciling";
inline constexpr std::string_view kStalled = "Stalled";
inline constexpr std::string_view kEmailDelivery = "EmailDelivery";
inline constexpr std::string_view kTrue = "True";
inline constexpr std::string_view kFalse = "False";
inline constexpr std::string_view kUnknown = "Unknown";
}  // namespace condition

// Reasons of conditions and Events.
namespace reason {
inline constexpr std::string_view kPending = "Pending";
inline constexpr std::string_view kIssued = "Issued";
inline constexpr std::string_view kRotated = "Rotated";
inline constexpr std::string_view kExpiringSoon = "ExpiringSoon";
inline constexpr std::string_view kExpired = "Expired";
inline constexpr std::string_view kRevoked = "Revoked";
inline constexpr std::string_view kInvalidSpec = "InvalidSpec";
inline constexpr std::string_view kSecretConflict = "SecretConflict";
inline constexpr std::string_view kMintFailed = "MintFailed";
inline constexpr std::string_view kNoticeFailed = "NoticeFailed";
inline constexpr std::string_view kSigningKeysLost = "SigningKeysLost";
inline constexpr std::string_view kInvalidAddress = "InvalidAddress";
inline constexpr std::string_view kSecretNotFound = "SecretNotFound";
// Ready=True of a TokenExpiryConfig.
inline constexpr std::string_view kAccepted = "Accepted";
// EmailDelivery=True, Unknown, False, and False for a config that wants mail without spec.smtp.
inline constexpr std::string_view kDelivered = "Delivered";
inline constexpr std::string_view kNothingSent = "NothingSent";
inline constexpr std::string_view kDeliveryFailed = "DeliveryFailed";
inline constexpr std::string_view kNoServer = "NoServer";
}  // namespace reason

// All types, statuses and reasons that a decoded condition can have; see Condition in meta.hpp.
inline constexpr std::string_view kConditionWords[] = {
    condition::kReady,       condition::kExpiringSoon,  condition::kReconciling,
    condition::kStalled,     condition::kEmailDelivery, condition::kTrue,
    condition::kFalse,       condition::kUnknown,       reason::kPending,
    reason::kIssued,         reason::kRotated,          reason::kExpired,
    reason::kRevoked,        reason::kInvalidSpec,      reason::kSecretConflict,
    reason::kMintFailed,     reason::kNoticeFailed,     reason::kSigningKeysLost,
    reason::kInvalidAddress, reason::kSecretNotFound,   reason::kAccepted,
    reason::kDelivered,      reason::kNothingSent,      reason::kDeliveryFailed,
    reason::kNoServer};

}  // namespace apitoken::api
