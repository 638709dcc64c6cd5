// Secrets. The operator keeps metadata and the names of keys, never a value: encode_* writes values
// into a request, decode_secret_value reads one to hash it. Values; any thread.
#pragma once

#include <map>
#include <span>
#include <string>

#include "api/meta.hpp"
#include "base/secret_string.hpp"

namespace apitoken::api {

struct SecretMeta {
  ObjectMeta meta;
  // Keys of `data` by who wrote them last, from metadata.managedFields.
  // Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
  std::vector<std::string> data_keys_ours;
  std::vector<std::string> data_keys_others;
  // Labels and annotations that the operator wrote because spec.secret asks for them; also from
  // managedFields.
  std::vector<std::string> label_keys_ours;
  std::vector<std::string> annotation_keys_ours;

  bool operator==(const SecretMeta&) const = default;
};

// Decodes a Secret or its PartialObjectMetadata. Errors: as decode_meta().
Result<SecretMeta> decode_secret_meta(Json object);

// The value under `key` of a whole Secret. Empty if the key is missing or is not base64.
std::optional<SecretString> decode_secret_value(Json secret, std::string_view key);

// All entries of `data` that are base64.
using SecretData = std::map<std::string, SecretString, std::less<>>;
SecretData decode_secret_data(Json secret);
// `immutable: true`: the API server refuses every change of data.
// Source: https://kubernetes.io/docs/concepts/configuration/secret/#secret-immutable
bool is_immutable(Json secret);

// A change of one key of data: a new value, or null to remove the key.
struct DataChange {
  std::string_view key;
  const SecretString* value = nullptr;
};

// The body that creates a Secret (type Opaque) with these values, or with `value` under `key`.
// `meta` gives namespace, name, labels, annotations and owners.
SecretString encode_new_secret(const ObjectMeta& meta, std::span<const DataChange> data);
SecretString encode_new_secret(const ObjectMeta& meta, std::string_view key,
                               const SecretString& value);

// A merge patch that changes keys of data and sets the labels, annotations and owners of `desired`;
// an empty owner list changes no owners. uid and resourceVersion of `at` are preconditions.
SecretString encode_value_patch(const ObjectMeta& at, std::span<const DataChange> data,
                                const ObjectMeta& desired);

// A merge patch that changes labels and annotations (an absent value removes one), removes keys of
// data and, if `owners` is not empty, replaces the owners. Preconditions as above.
using StringChanges = std::map<std::string, std::optional<std::string>, std::less<>>;
std::string encode_metadata_patch(const ObjectMeta& at, const StringChanges& labels,
                                  const StringChanges& annotations,
                                  const std::vector<std::string>& keys_gone = {},
                                  const std::vector<OwnerReference>& owners = {});

}  // namespace apitoken::api
