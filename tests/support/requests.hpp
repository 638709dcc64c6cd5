// Makes requests as a server does, and waits for their answers. For tests.
#pragma once

#include <optional>

#include "serve/routes.hpp"

namespace apitoken::serve {

inline HttpRequest request_of(std::string_view method, std::string_view path,
                              std::string_view authorization = {},
                              std::string_view content_type = {}, std::string_view body = {},
                              decltype(HttpRequest::query) query = {}) {
  HttpRequest request{
      .method = method, .path = path, .body = body, .query = std::move(query), .peer = "192.0.2.1"};
  if (!authorization.empty()) request.headers.emplace_back("Authorization", authorization);
  if (!content_type.empty()) request.headers.emplace_back("Content-Type", content_type);
  return request;
}

// Waits for the answer.
inline HttpAnswer answer_of(HttpReply reply) {
  if (auto* answer = std::get_if<HttpAnswer>(&reply)) return std::move(*answer);
  std::mutex mutex;
  std::condition_variable answered;
  std::optional<HttpReply> later;
  std::get<Pending>(reply).begin(Responder([&](HttpReply given) {
    const std::lock_guard lock(mutex);
    later = std::move(given);
    answered.notify_one();
  }));
  std::unique_lock lock(mutex);
  answered.wait(lock, [&] { return later.has_value(); });
  auto given = std::move(*later);
  lock.unlock();
  return answer_of(std::move(given));
}

inline std::string header_of(const HttpAnswer& answer, std::string_view name) {
  for (const auto& [key, value] : answer.headers) {
    if (name == key) return value;
  }
  return "";
}

}  // namespace apitoken::serve
