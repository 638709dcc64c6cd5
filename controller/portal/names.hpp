// Names and queries of requests, checked before any of them becomes part of a path to the API
// server. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "portal/problem.hpp"

namespace apitoken::portal {

using Query = std::vector<std::pair<std::string, std::string>>;

// RFC 1123: a namespace is a label of at most 63 characters, an object's name a subdomain of at
// most 253.
bool is_namespace(std::string_view text);
bool is_object_name(std::string_view text);
// A user's name as a field selector and a path of the page may hold it: at most 253 bytes of valid
// text, without control characters.
bool is_user(std::string_view text);
// "sha256:" and 64 lower-case hexadecimal digits.
bool is_token_hash(std::string_view text);
// A uid: at most 64 letters, digits and -.
bool is_uid(std::string_view text);

// An error 400 that names the field, if the text is not such a name.
Expected<void> check_namespace(std::string_view text);
Expected<void> check_name(std::string_view text, std::string_view field = "name");
Expected<void> check_uid(std::string_view text);

// The first value of a parameter; empty if it is absent.
std::string_view parameter(const Query& query, std::string_view name);
std::vector<std::string> parameters(const Query& query, std::string_view name);

// The parts of a path: "/api/tokens/team-a/ci" -> api, tokens, team-a, ci. A slash at the end adds
// no part; two slashes in a row add an empty one.
std::vector<std::string> split_path(std::string_view path);

}  // namespace apitoken::portal
