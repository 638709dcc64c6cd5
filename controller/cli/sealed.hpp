// Sealed values: the plugin generates a key for one minting, the operator encrypts the value to it,
// and the plugin decrypts the value from the ApiToken's status. So readers of Secrets cannot take
// the value, and its user needs no right to read Secrets. Main thread.
#pragma once

#include <string_view>

#include "cli/cluster.hpp"
#include "core/jwe.hpp"

namespace apitoken::cli {

// spec.secret.deleteAfter of a sealed token: how long the plugin can fetch the value.
inline constexpr std::string_view kShowWindow = "10m";

// spec.secret.encryptTo is a one-time key, of this or an earlier command. A new value needs a new
// key.
bool is_sealed(const api::ApiToken& token);

Outcome<core::OneTimeKey> make_one_time_key();

// Decrypts the value in the status of `shown`. A Failure if there is none, or it is for another
// key.
Outcome<SecretString> open_value(const core::OneTimeKey& key, const ShownToken& shown);

// Adds a hint if the failure may come from an operator that is too old for sealed values.
Failure with_hint_of_age(Failure failure);

}  // namespace apitoken::cli
