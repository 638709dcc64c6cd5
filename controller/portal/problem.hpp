// Problem: why a request of the browser failed, in the form that is sent to the page. Upstream
// makes one from each refusal of the API server, the routes make the others. Values; any thread.
#pragma once

#include <expected>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "serve/http_message.hpp"

namespace apitoken::portal {

struct Cause {
  std::string field;  // a path of the form, such as "user" or "secret.encryptTo"; may be empty
  std::string message;

  bool operator==(const Cause&) const = default;
};

struct Problem {
  int status = 500;
  std::string reason;    // one word: "Forbidden"
  std::string message;   // a sentence for people
  std::string remedy{};  // what to do about it; empty: what its status suggests
  std::vector<Cause> causes{};
  std::string ns{};  // the namespace it is about; may be empty
  std::optional<Seconds> retry_after{};
  nlohmann::json extra = nlohmann::json::object();  // further members of the body
};

template <typename T>
using Expected = std::expected<T, Problem>;

inline std::unexpected<Problem> refuse(Problem problem) {
  return std::unexpected<Problem>(std::move(problem));
}

// 400 about one field of the form or the query.
Problem bad_request(std::string field, std::string message);
Problem not_found(std::string message);

// The form's name of a field of an object: "spec.secret.name" is "secret.name", "metadata.name" is
// "name".
std::string form_field(std::string_view path);

// The refusal of an API server: `body` is a Status, or a proxy's text.
Problem problem_of(int status, std::string_view body, std::optional<Seconds> retry_after = {});
// No answer, or an unusable one.
Problem problem_of(const Error& error);

nlohmann::json to_json(const Problem& problem);
serve::HttpAnswer to_answer(const Problem& problem);
// Text that is not UTF-8 is repaired.
std::string dump(const nlohmann::json& value);
std::string dump(const nlohmann::ordered_json& value);
serve::HttpAnswer json_answer(int status, std::string body);

}  // namespace apitoken::portal
