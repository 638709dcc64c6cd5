// Sealed values: the plugin makes a key for one minting, has the operator encrypt the value to it,
// and opens it from the ApiToken's status. Nobody who reads Secrets can take such a value, and its
// user need not read any. Main thread.
#pragma once

#include <string_view>

#include "cli/cluster.hpp"
#include "core/jwe.hpp"

namespace apitoken::cli {

// spec.secret.deleteAfter of a sealed token: the time that the plugin has to open the value.
inline constexpr std::string_view kShowWindow = "10m";

// spec.secret.encryptTo is such a key, of this or an earlier command: a new value needs a new one.
bool is_sealed(const api::ApiToken& token);

Outcome<core::OneTimeKey> make_one_time_key();

// The value that the status of `shown` holds for `key`. A Failure where it holds none, or one for
// another key.
Outcome<SecretString> open_value(const core::OneTimeKey& key, const ShownToken& shown);

// A failure that may come from an operator older than sealed values, and then says so.
Failure with_hint_of_age(Failure failure);

}  // namespace apitoken::cli
