// TokenReview: the operator answers those of kube-apiserver as a webhook, and sends its own to
// authenticate callers. SubjectAccessReview: the operator sends them to authorize callers. Values.
// Source:
// https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/
#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/json.hpp"
#include "base/secret_string.hpp"

namespace apitoken::api {

struct TokenQuestion {
  std::string api_version;  // the answer must have the same
  SecretString token;
  std::vector<std::string> audiences;  // names of the server that asks; empty: not given
};

struct UserInfo {
  std::string name;
  std::string uid;
  std::vector<std::string> groups;
  std::map<std::string, std::vector<std::string>, std::less<>> extra;

  bool operator==(const UserInfo&) const = default;
};

struct TokenVerdict {
  bool authenticated = false;
  // Both are set only if authenticated. audiences: those of the request that the token is meant
  // for.
  UserInfo user;
  std::vector<std::string> audiences;

  bool operator==(const TokenVerdict&) const = default;
};

// Decodes a TokenReview of kube-apiserver: authentication.k8s.io/v1 or v1beta1. Errors: Decode,
// which names the field but never quotes it.
Result<TokenQuestion> decode_token_question(Json review);
std::string encode_token_verdict(std::string_view api_version, const TokenVerdict& verdict);

// A TokenReview of the operator. The token must be meant for one of `audiences`; empty: for the API
// server.
SecretString encode_token_question(std::string_view token,
                                   const std::vector<std::string>& audiences);
Result<TokenVerdict> decode_token_verdict(Json review);

// A SubjectAccessReview: may `user` do `verb` on all objects of `resource`? decode_access_verdict()
// reads the answer.
std::string encode_access_question(const UserInfo& user, std::string_view verb,
                                   std::string_view group, std::string_view resource);
// The same for a path that is not a resource, such as "get" on "/metrics".
std::string encode_path_question(const UserInfo& user, std::string_view verb,
                                 std::string_view path);
Result<bool> decode_access_verdict(Json review);

}  // namespace apitoken::api
