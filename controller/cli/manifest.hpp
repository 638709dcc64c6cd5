// From flags to the ApiToken that is sent. Pure but for the random part of a name; any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cli/command_line.hpp"

namespace apitoken::cli {

// `encrypt_to`: the JWK of a sealed value, which is shown once; empty: the value stays in its
// Secret.
nlohmann::ordered_json make_manifest(const std::string& name, const std::string& name_space,
                                     const Options& options, const std::string& encrypt_to);

// "login-alice-x7k2m": the user's name as far as names may hold it, and five random characters.
std::string login_name(std::string_view user);

}  // namespace apitoken::cli
