// Builds the ApiToken that is sent to the API server: for the plugin from flags, for the portal
// from forms. Pure; any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "api/json.hpp"

namespace apitoken::core {

// Empty members are left out of the manifest.
struct TokenRequest {
  std::string name;
  std::string ns;
  api::StringMap labels;
  std::string user;
  std::string description;
  std::string type;
  std::string ttl;
  std::string format;
  std::vector<std::string> groups;
  std::vector<std::string> scopes;
  std::vector<std::string> audiences;

  struct Secret {
    std::string name;
    std::string key;
    api::StringMap labels;
    api::StringMap annotations;
    std::string delete_after;
    std::string encrypt_to;
  } secret;

  struct Rotation {
    std::string policy;
    std::string before;
    std::string overlap;
  } rotation;

  std::string ttl_after_expired;
};

nlohmann::ordered_json make_manifest(const TokenRequest& draft);

}  // namespace apitoken::core
