// The ApiToken resource as the operator reads it, and its status as it writes it. Fields that a
// user wrote stay as written (strings), so that a message can show the value; core/ judges them.
// Plain values.
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
  std::optional<std::string>
      encrypt_to;  // X.509 certificate (PEM) or public JWK; absent: the value stands in clear

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

// One entry of the ledger: what was told about the present expiresAt.
struct NoticeEntry {
  std::string config;  // name of the TokenExpiryConfig; empty: the built-in default
  Seconds before{};    // the reminder; 0s: the expiry itself
  std::optional<WallTime> event_at;
  std::optional<WallTime> sent_at;

  bool operator==(const NoticeEntry&) const = default;
};

// The value before the present one, while it still verifies.
struct PreviousToken {
  std::string token_id;
  std::string token_hash;
  WallTime valid_until{};  // its own expiry until the present value is in the Secret, then the end
                           // of the overlap
  std::optional<WallTime>
      replaced_at;  // when the present value was seen in the Secret; absent: not yet

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
  std::optional<WallTime> rotate_at;  // when the automatic rotation is due
  std::optional<WallTime> warn_at;
  std::optional<WallTime> delivered_at;  // when deleteAfter took the Secret of the present value
  std::int64_t revision = 0;
  // status.encryptedValue is there. Its text, which may be long, is kept by no store.
  bool has_encrypted_value = false;
  std::string secret_name;
  std::optional<PreviousToken> previous;
  std::string last_rotation_request;           // the annotation's value that was served last
  std::string ignored_rotation_request;        // its value that is no time, and was told about
  std::optional<WallTime> last_rotation_time;  // of the last rotation, whatever its cause
  std::optional<WallTime>
      last_used_at;  // last successful verification, at most ten minutes too early
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

// Errors: Decode only where the metadata cannot be read; anything else lands in spec.problems.
Result<ApiToken> decode_api_token(Json object);

// The merge patch for the status subresource. Absent fields are null, so that what left the status
// leaves the object; uid and resourceVersion stand in it as preconditions (409 when they do not
// hold). lastUsedAt is left alone: it has a writer of its own. `encrypted_value` is a new
// status.encryptedValue; where it is empty, the one that is there stays if
// status.has_encrypted_value, and goes if not.
std::string encode_status_patch(const ObjectMeta& meta, const ApiTokenStatus& status,
                                std::string_view encrypted_value = {});

// status.encryptedValue of an ApiToken; empty: it has none.
std::string read_encrypted_value(Json object);

// The merge patch of lastUsedAt alone, for the object of that uid.
std::string encode_last_used_patch(const ObjectMeta& meta, WallTime when);

}  // namespace apitoken::api
