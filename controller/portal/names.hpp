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
// As the API server makes them; at most 64 of letters, digits and -.
bool is_uid(std::string_view text);

// 400 that names the field. An error where the text is none such.
Expected<void> check_namespace(std::string_view text);
Expected<void> check_name(std::string_view text, std::string_view field = "name");
Expected<void> check_uid(std::string_view text);

// The first value of a parameter; empty: there is none.
std::string_view parameter(const Query& query, std::string_view name);
std::vector<std::string> parameters(const Query& query, std::string_view name);

// The parts of a path: "/api/tokens/team-a/ci" -> api, tokens, team-a, ci. A slash at the end does
// not count; an empty part does.
std::vector<std::string> split_path(std::string_view path);

}  // namespace apitoken::portal
