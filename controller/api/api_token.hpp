// The ApiToken resource as the operator reads it, and the status as the operator writes it. Spec
// fields keep the user's text, so that a message can show it; core/validate checks them. Values.
#pragma once

#include "api/meta.hpp"
#include "base/rare.hpp"

namespace apitoken::api {

struct SecretTemplate {
  std::optional<std::string> name;  // absent: metadata.name
  std::optional<std::string> key;   // absent: kDefaultKey
  StringMap labels;
  StringMap annotations;
  std::optional<std::string> delete_after;  // Go duration; absent: the Secret stays
  std::optional<std::string> encrypt_to;    // X.509 certificate (PEM) or JWK; absent: in clear

  bool operator==(const SecretTemplate&) const = default;
};

struct RotationPolicy {
  std::optional<std::string> policy;   // absent: Manual
  std::optional<std::string> before;   // Go duration before expiry; absent: a third of the ttl
  std::optional<std::string> overlap;  // Go duration; absent: the default of its type

  bool operator==(const RotationPolicy&) const = default;
};

struct ApiTokenSpec {
  std::string user;
  std::string description;
  std::optional<std::string> type;    // absent: Permanent
  std::optional<std::string> ttl;     // Go duration; absent: the default of its type
  std::optional<std::string> format;  // absent: Opaque
  std::vector<std::string> groups;
  std::vector<std::string> scopes;
  std::vector<std::string> audiences;
  Rare<SecretTemplate> secret;
  Rare<RotationPolicy> rotation;
  bool revoked = false;
  std::optional<std::string> ttl_after_expired;  // Go duration; absent: the default of its type
  Problems problems;                             // fields of the wrong type

  bool operator==(const ApiTokenSpec&) const = default;
};

// One entry of the ledger (status.notices): a delivered notice about the present expiresAt.
struct NoticeEntry {
  std::string config;  // name of the TokenExpiryConfig; empty: the built-in default
  Seconds before{};    // how long before expiry; 0s: the expiry itself
  std::optional<WallTime> event_at;
  std::optional<WallTime> sent_at;

  bool operator==(const NoticeEntry&) const = default;
};

// The previous value, while it still verifies.
struct PreviousToken {
  std::string token_id;
  std::string token_hash;
  // Its own expiry until the present value is in the Secret, then the end of the overlap.
  WallTime valid_until{};
  // When the present value was seen in the Secret; absent: not yet.
  std::optional<WallTime> replaced_at;

  bool operator==(const PreviousToken&) const = default;
};

struct ApiTokenStatus {
  std::int64_t observed_generation = 0;
  std::vector<Condition> conditions;
  std::string type;
  std::string ttl;
  std::string token_id;
  std::string token_hash;  // "sha256:<hex>"; empty: no value is valid
  std::string hint;
  std::optional<WallTime> issued_at;
  std::optional<WallTime> expires_at;
  std::optional<WallTime> rotate_at;     // when the automatic rotation is due
  std::optional<WallTime> warn_at;       // when the first reminder is due
  std::optional<WallTime> delivered_at;  // when deleteAfter deleted the present value's Secret
  std::int64_t revision = 0;             // counts the values that were minted
  // status.encryptedValue exists. The stores do not keep its text, which may be long.
  bool has_encrypted_value = false;
  std::string secret_name;
  std::optional<PreviousToken> previous;
  std::string last_rotation_request;           // the annotation value that was served last
  std::string ignored_rotation_request;        // an annotation value that is not a time
  std::optional<WallTime> last_rotation_time;  // of the last rotation, requested or automatic
  std::optional<WallTime> last_used_at;        // last verification, at most ten minutes too early
  std::vector<NoticeEntry> notices;

  bool operator==(const ApiTokenStatus&) const = default;
};

struct ApiToken {
  ObjectMeta meta;
  ApiTokenSpec spec;
  ApiTokenStatus status;

  bool operator==(const ApiToken&) const = default;
  std::string_view secret_name() const {
    return spec.secret->name ? *spec.secret->name : meta.name;
  }
  std::string_view secret_key() const {
    return spec.secret->key ? std::string_view(*spec.secret->key) : kDefaultSecretKey;
  }
  static constexpr std::string_view kDefaultSecretKey = "token";
};

// Errors: Decode if the metadata cannot be read. All other faults go into spec.problems.
Result<ApiToken> decode_api_token(Json object);

// The merge patch for the status subresource. Absent fields are null, which removes them from the
// object. uid and resourceVersion are preconditions (409 if they do not hold). lastUsedAt is not
// part of it: reconcile/last_use_writer writes it. `encrypted_value` sets status.encryptedValue; if
// it is empty, status.has_encrypted_value says whether the present one stays.
std::string encode_status_patch(const ObjectMeta& meta, const ApiTokenStatus& status,
                                std::string_view encrypted_value = {});

// status.encryptedValue of an ApiToken; empty: none.
std::string read_encrypted_value(Json object);

// The merge patch that sets lastUsedAt alone; uid is the precondition.
std::string encode_last_used_patch(const ObjectMeta& meta, WallTime when);

}  // namespace apitoken::api
