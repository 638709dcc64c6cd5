// A Secret as the operator knows it: its metadata, and who owns which keys of its data, never a
// value. Values are met only where one is written (encode_*) or hashed once (decode_secret_value).
// Plain values.
#pragma once

#include <map>
#include <span>
#include <string>

#include "api/meta.hpp"
#include "base/secret_string.hpp"

namespace apitoken::api {

struct SecretMeta {
  ObjectMeta meta;
  // Keys of `data` by field manager, out of metadata.managedFields: what the operator wrote last,
  // and what others did. Source:
  // https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
  std::vector<std::string> data_keys_ours;
  std::vector<std::string> data_keys_others;
  // Labels and annotations that the operator set on behalf of spec.secret (its own apart), by the
  // same source.
  std::vector<std::string> label_keys_ours;
  std::vector<std::string> annotation_keys_ours;

  bool operator==(const SecretMeta&) const = default;
};

// Reads a Secret or its PartialObjectMetadata.
Result<SecretMeta> decode_secret_meta(Json object);

// The decoded value under `key` of a whole Secret; nothing where the key is absent or no base64.
std::optional<SecretString> decode_secret_value(Json secret, std::string_view key);

// All of `data`; empty where there is none or it cannot be read.
using SecretData = std::map<std::string, SecretString, std::less<>>;
SecretData decode_secret_data(Json secret);
// `immutable: true`: the API server refuses every change of data.
// Source: https://kubernetes.io/docs/concepts/configuration/secret/#secret-immutable
bool is_immutable(Json secret);

// One key of data: a value to put there, or null to take it out.
struct DataChange {
  std::string_view key;
  const SecretString* value = nullptr;
};

// A new Secret (type Opaque) holding these values, or the one `value` under `key`; meta gives
// namespace, name, labels, annotations, owners.
SecretString encode_new_secret(const ObjectMeta& meta, std::span<const DataChange> data);
SecretString encode_new_secret(const ObjectMeta& meta, std::string_view key,
                               const SecretString& value);

// A merge patch that changes these keys of data and sets the labels, annotations and owners, if
// any, of `desired`; what else the Secret holds stays. `at` gives uid and resourceVersion as
// preconditions.
SecretString encode_value_patch(const ObjectMeta& at, std::span<const DataChange> data,
                                const ObjectMeta& desired);

// A merge patch of labels and annotations alone, an absent value removes the name, and of keys to
// take out of data. `owners`, if any, replace those that are there. `at` as above.
using StringChanges = std::map<std::string, std::optional<std::string>, std::less<>>;
std::string encode_metadata_patch(const ObjectMeta& at, const StringChanges& labels,
                                  const StringChanges& annotations,
                                  const std::vector<std::string>& keys_gone = {},
                                  const std::vector<OwnerReference>& owners = {});

}  // namespace apitoken::api
