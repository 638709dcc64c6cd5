// Every name of the API in one place: group, kinds, labels, annotations, reasons, condition types.
#pragma once

#include <string_view>

namespace apitoken::api {

inline constexpr std::string_view kGroup = "apitoken.dev";
inline constexpr std::string_view kVersion = "v1alpha1";
inline constexpr std::string_view kApiVersion = "apitoken.dev/v1alpha1";
inline constexpr std::string_view kApiTokenKind = "ApiToken";
inline constexpr std::string_view kConfigKind = "TokenExpiryConfig";

// Who we are to the API server: field manager, event controller.
inline constexpr std::string_view kFieldManager = "apitoken-operator";
inline constexpr std::string_view kReportingController = "apitoken.dev/operator";

// On the Secret.
inline constexpr std::string_view kManagedByLabel = "app.kubernetes.io/managed-by";
inline constexpr std::string_view kManagedBy = "apitoken-operator";
inline constexpr std::string_view kAnnotationPrefix = "apitoken.dev/";
inline constexpr std::string_view kExpiresAtAnnotation = "apitoken.dev/expires-at";
inline constexpr std::string_view kIssuedAtAnnotation = "apitoken.dev/issued-at";
inline constexpr std::string_view kTokenIdAnnotation = "apitoken.dev/token-id";
inline constexpr std::string_view kTokenHashAnnotation = "apitoken.dev/token-hash";
inline constexpr std::string_view kUserAnnotation = "apitoken.dev/user";
inline constexpr std::string_view kRevisionAnnotation = "apitoken.dev/revision";
inline constexpr std::string_view kDefaultKey = "token";
inline constexpr std::string_view kPreviousKey = "previous-token";
inline constexpr std::string_view kCmsKey =
    "token.cms";  // with encryptTo, where that is a certificate
inline constexpr std::string_view kPreviousCmsKey = "previous-token.cms";
inline constexpr std::string_view kJweKey = "token.jwe";  // with encryptTo, where that is a JWK
inline constexpr std::string_view kPreviousJweKey = "previous-token.jwe";

// On the ApiToken: asks for a rotation; each value, an RFC 3339 time, is served once.
inline constexpr std::string_view kRotateRequestAnnotation = "apitoken.dev/rotate-requested-at";

// On the TokenExpiryConfig: asks for a test mail; each value, an RFC 3339 time, is served once.
inline constexpr std::string_view kTestMailAnnotation = "apitoken.dev/test-mail-requested-at";

inline constexpr std::string_view kPermanent = "Permanent";
inline constexpr std::string_view kTemporary = "Temporary";
inline constexpr std::string_view kOpaque = "Opaque";
inline constexpr std::string_view kJwt = "JWT";
inline constexpr std::string_view kManual = "Manual";
inline constexpr std::string_view kAutomatic = "Automatic";

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
inline constexpr std::string_view kSigningKeysLost = "SigningKeysLost";  // of the key Secret
inline constexpr std::string_view kInvalidAddress = "InvalidAddress";
inline constexpr std::string_view kSecretNotFound = "SecretNotFound";
inline constexpr std::string_view kValid = "Valid";  // ExpiringSoon=False: there is time
inline constexpr std::string_view kDone =
    "Done";  // Reconciling=False, Stalled=False: nothing under way, nothing wrong
inline constexpr std::string_view kAccepted = "Accepted";    // Ready=True of a TokenExpiryConfig
inline constexpr std::string_view kDelivered = "Delivered";  // EmailDelivery=True
inline constexpr std::string_view kNothingSent = "NothingSent";        // EmailDelivery=Unknown
inline constexpr std::string_view kDeliveryFailed = "DeliveryFailed";  // EmailDelivery=False
inline constexpr std::string_view kNoServer =
    "NoServer";  // EmailDelivery=False: mail without spec.smtp
}  // namespace reason

// Every word that a condition may be made of.
inline constexpr std::string_view kConditionWords[] = {
    condition::kReady,       condition::kExpiringSoon,  condition::kReconciling,
    condition::kStalled,     condition::kEmailDelivery, condition::kTrue,
    condition::kFalse,       condition::kUnknown,       reason::kPending,
    reason::kIssued,         reason::kRotated,          reason::kExpired,
    reason::kRevoked,        reason::kInvalidSpec,      reason::kSecretConflict,
    reason::kMintFailed,     reason::kNoticeFailed,     reason::kSigningKeysLost,
    reason::kInvalidAddress, reason::kSecretNotFound,   reason::kValid,
    reason::kDone,           reason::kAccepted,         reason::kDelivered,
    reason::kNothingSent,    reason::kDeliveryFailed,   reason::kNoServer};

}  // namespace apitoken::api
