// Packs objects into few bytes, for stores that keep very many of them: a minted ApiToken takes
// less than 350 bytes. kube/kept.hpp calls it on any thread. The bytes stay in this process: their
// form has no version and may change with each build.
//
//   const std::string bytes = pack(token);
//   ApiToken same;
//   unpack(bytes.data(), same);  // same == token
//
// A condition's words must be those of names.hpp, as decode_conditions() gives them.
#pragma once

#include "api/api_token.hpp"
#include "api/secret.hpp"

namespace apitoken::api {

std::string pack(const ApiToken& token);
std::string pack(const SecretMeta& secret);

// Replaces all of `into`, whose memory is used again. Bytes that pack() did not make are undefined
// behaviour.
void unpack(const char* bytes, ApiToken& into);
void unpack(const char* bytes, SecretMeta& into);

// The same in less time, for metrics: texts of users, uids, hashes and maps stay empty.
// Complete are namespace, name, numbers, times, conditions without their messages, and texts that
// are words of the operator ("Temporary", "JWT").
void skim(const char* bytes, ApiToken& into);

// Namespace, name and version of what was packed, as views into `bytes`; uid is left empty.
ObjectVersion peek_packed(const char* bytes);

}  // namespace apitoken::api
