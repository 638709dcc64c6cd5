// Builds the ApiToken that create sends. Pure, apart from the random part of a name; any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cli/command_line.hpp"

namespace apitoken::cli {

// `encrypt_to`: the JWK of the one-time key for a value that is shown once; empty: the value stays
// in its Secret.
nlohmann::ordered_json make_manifest(const std::string& name, const std::string& name_space,
                                     const Options& options, const std::string& encrypt_to);

// "login-alice-x7k2m": the characters of the user's name that are allowed in names, and five random
// characters.
std::string login_name(std::string_view user);

}  // namespace apitoken::cli
