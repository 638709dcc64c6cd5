// TokenFile: a bearer token in a file that another process renews (the kubelet for a service
// account, a sidecar for a kubeconfig). Credentials call it on any thread; the file is read at most
// once a minute.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "base/result.hpp"
#include "base/secret_string.hpp"

namespace apitoken::kube {

// The token as it goes into a header, without blanks at its ends; nullopt if it is empty or has
// bytes that a header may not hold.
std::optional<SecretString> clean_token(std::string_view text);

class TokenFile {
 public:
  TokenFile(std::string path, const Clock& clock) : path_(std::move(path)), clock_(clock) {}

  // If the file cannot be read, the token read before stays in use. Errors: Unauthorized if there
  // is none.
  Result<SecretString> token();
  // Drops the token, which the server refused; the next call reads the file.
  void drop();

 private:
  const std::string path_;
  const Clock& clock_;
  Mutex mutex_;
  SecretString token_ GUARDED_BY(mutex_);
  SteadyTime read_again_ GUARDED_BY(mutex_);
};

}  // namespace apitoken::kube
