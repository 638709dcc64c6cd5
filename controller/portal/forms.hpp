// Forms: turns bodies of requests into the objects and patches that are sent to the API server;
// each error names its field. Pure; any thread. Fuzzed.
#pragma once

#include <optional>

#include "api/api_token.hpp"
#include "base/clock.hpp"
#include "core/manifest.hpp"
#include "portal/problem.hpp"

namespace apitoken::portal {

// The form of a new token. `dates`: the expiry was given as a date, so that errors of the ttl
// belong to that field.
struct TokenForm {
  core::TokenRequest draft;
  bool dates = false;
  bool ends_with_session = false;
};

// `ns`: the path's namespace. Errors: 400 if a member has the wrong type, 422 if a date is not in
// the future; each names its field.
Expected<TokenForm> read_token_form(const nlohmann::json& form, const std::string& ns,
                                    WallTime now);
// Checks the draft with core::check_token, and the dates of its recipient. Errors: 422 with one
// cause a field.
Expected<void> check_token_form(const TokenForm& form, WallTime now);
// The draft as the API server would store it: decoding needs the fields that the server adds.
Result<api::ApiToken> as_stored(const core::TokenRequest& draft);

// The merge patch of PATCH. `present` is the object as it is: labels and annotations are replaced
// as a whole. Errors: 400.
Expected<nlohmann::json> read_token_patch(const nlohmann::json& form,
                                          const nlohmann::json& present);
// The merge patch of …/rotate; `request` is the new value of the annotation. Errors: 400, 422.
Expected<nlohmann::json> read_rotate_form(const nlohmann::json& form, const std::string& request);

// A member that must be a string; absent or null: empty. Errors: 400.
Expected<std::string> text_member(const nlohmann::json& form, const char* name);

// The draft as a line "kubectl apitoken create …". Empty: the plugin has no flags for it.
std::string create_command(const core::TokenRequest& draft);

}  // namespace apitoken::portal
