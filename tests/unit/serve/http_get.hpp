// One HTTP request to a server on this machine, over libcurl, as a client outside would send it.
#pragma once

#include <curl/curl.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace apitoken::test {

struct Reply {
  long status = 0;  // 0: no answer
  std::string content_type;
  std::string body;
};

inline Reply http_request(const std::string& url, const char* method = "GET",
                          const char* body = nullptr) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                 &curl_easy_cleanup);
  Reply reply;
  const auto append = +[](char* bytes, std::size_t size, std::size_t count, void* to) {
    static_cast<std::string*>(to)->append(bytes, size * count);
    return size * count;
  };
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, 20L);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &reply.body);
  if (body != nullptr) curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, body);
  if (std::string(method) == "HEAD") curl_easy_setopt(curl.get(), CURLOPT_NOBODY, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, method);
  if (curl_easy_perform(curl.get()) != CURLE_OK) return {};
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &reply.status);
  const char* type = nullptr;
  if (curl_easy_getinfo(curl.get(), CURLINFO_CONTENT_TYPE, &type) == CURLE_OK && type != nullptr)
    reply.content_type = type;
  return reply;
}

}  // namespace apitoken::test
