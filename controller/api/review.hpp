// The reviews of Kubernetes: TokenReview, which the operator answers (as webhook) and asks (about
// its callers), and SubjectAccessReview, which it asks. JSON in and out; values only. Source:
// https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/
#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/json.hpp"
#include "base/secret_string.hpp"

namespace apitoken::api {

struct TokenQuestion {
  std::string api_version;  // the answer carries the same
  SecretString token;
  std::vector<std::string> audiences;  // of which the asker is one; empty: it does not say
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
  UserInfo user;                       // where authenticated
  std::vector<std::string> audiences;  // where authenticated: those asked for that the token is for

  bool operator==(const TokenVerdict&) const = default;
};

// As kube-apiserver sends it: authentication.k8s.io/v1 or v1beta1. Errors: Decode, naming the
// field, never what it holds.
Result<TokenQuestion> decode_token_question(Json review);
std::string encode_token_verdict(std::string_view api_version, const TokenVerdict& verdict);

// As the operator sends it to the API server. `audiences`: of which the token must name one; empty:
// the API server's own.
SecretString encode_token_question(std::string_view token,
                                   const std::vector<std::string>& audiences);
Result<TokenVerdict> decode_token_verdict(Json review);

// May `user` do `verb` on all objects of `resource`? The answer: allowed or not.
std::string encode_access_question(const UserInfo& user, std::string_view verb,
                                   std::string_view group, std::string_view resource);
// May `user` do `verb` on a path of the server that is no resource, such as "get" on "/metrics"?
std::string encode_path_question(const UserInfo& user, std::string_view verb,
                                 std::string_view path);
Result<bool> decode_access_verdict(Json review);

}  // namespace apitoken::api
