// Decodes and encodes reviews.
#include "api/review.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace apitoken::api {
namespace {

constexpr std::string_view kTokenReview = "TokenReview";
constexpr std::string_view kReviewV1 = "authentication.k8s.io/v1";
constexpr std::string_view kReviewV1Beta1 = "authentication.k8s.io/v1beta1";

std::string dump(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

UserInfo decode_user(Json user) {
  UserInfo result;
  result.name = read_string(user, "username", "").value_or("");
  result.uid = read_string(user, "uid", "").value_or("");
  result.groups = read_string_list(user, "groups", "");
  const auto extra = member(user, "extra");
  simdjson::dom::object entries;
  if (!extra || extra->get_object().get(entries) != simdjson::SUCCESS) return result;
  for (const auto& [key, value] : entries) {
    result.extra.emplace(std::string(key), read_string_list(*extra, key, ""));
  }
  return result;
}

nlohmann::json encode_user(const UserInfo& user, const char* name_field) {
  nlohmann::json result{{name_field, user.name}};
  if (!user.uid.empty()) result["uid"] = user.uid;
  if (!user.groups.empty()) result["groups"] = user.groups;
  if (!user.extra.empty()) result["extra"] = user.extra;
  return result;
}

std::string access_review(const UserInfo& user, const char* about, nlohmann::json attributes) {
  auto spec = encode_user(user, "user");
  spec[about] = std::move(attributes);
  return dump({{"apiVersion", "authorization.k8s.io/v1"},
               {"kind", "SubjectAccessReview"},
               {"spec", std::move(spec)}});
}

}  // namespace

// Messages never quote the body: a broken body may have the token in any place.
Result<TokenQuestion> decode_token_question(Json review) {
  const auto version = read_string(review, "apiVersion", "apiVersion");
  if (version != kReviewV1 && version != kReviewV1Beta1) {
    return fail(ErrorKind::Decode,
                fmt::format("apiVersion: send {} or {}", kReviewV1, kReviewV1Beta1));
  }
  if (read_string(review, "kind", "kind") != kTokenReview) {
    return fail(ErrorKind::Decode, fmt::format("kind: send {}", kTokenReview));
  }
  const auto spec = read_object(review, "spec", "spec");
  Problems problems;
  auto token = spec ? read_string(*spec, "token", "spec.token", &problems) : std::nullopt;
  if (!token || token->empty())
    return fail(ErrorKind::Decode,
                "spec.token: must be a string that is not empty; send the token");
  TokenQuestion question{*version, SecretString(std::move(*token)), {}};
  question.audiences = read_string_list(*spec, "audiences", "spec.audiences", &problems);
  if (!problems.empty()) return fail(ErrorKind::Decode, problems.front());
  return question;
}

std::string encode_token_verdict(std::string_view api_version, const TokenVerdict& verdict) {
  nlohmann::json status{{"authenticated", verdict.authenticated}};
  if (verdict.authenticated) {
    status["user"] = encode_user(verdict.user, "username");
    if (!verdict.audiences.empty()) status["audiences"] = verdict.audiences;
  }
  return dump({{"apiVersion", api_version}, {"kind", kTokenReview}, {"status", std::move(status)}});
}

SecretString encode_token_question(std::string_view token,
                                   const std::vector<std::string>& audiences) {
  nlohmann::json review{
      {"apiVersion", kReviewV1}, {"kind", kTokenReview}, {"spec", {{"token", token}}}};
  if (!audiences.empty()) review["spec"]["audiences"] = audiences;
  SecretString text(dump(review));
  wipe(review["spec"]["token"].get_ref<std::string&>());
  return text;
}

Result<TokenVerdict> decode_token_verdict(Json review) {
  const auto status = read_object(review, "status", "status");
  if (!status) return fail(ErrorKind::Decode, "the answer to a TokenReview has no status");
  TokenVerdict verdict;
  verdict.authenticated = read_bool(*status, "authenticated", "").value_or(false);
  if (const auto user = read_object(*status, "user", "status.user"))
    verdict.user = decode_user(*user);
  verdict.audiences = read_string_list(*status, "audiences", "");
  return verdict;
}

std::string encode_access_question(const UserInfo& user, std::string_view verb,
                                   std::string_view group, std::string_view resource) {
  return access_review(user, "resourceAttributes",
                       {{"verb", verb}, {"group", group}, {"resource", resource}});
}

std::string encode_path_question(const UserInfo& user, std::string_view verb,
                                 std::string_view path) {
  return access_review(user, "nonResourceAttributes", {{"verb", verb}, {"path", path}});
}

Result<bool> decode_access_verdict(Json review) {
  const auto status = read_object(review, "status", "status");
  if (!status) return fail(ErrorKind::Decode, "the answer to a SubjectAccessReview has no status");
  return read_bool(*status, "allowed", "").value_or(false) &&
         !read_bool(*status, "denied", "").value_or(false);
}

}  // namespace apitoken::api
