// A bearer token in a file that somebody else keeps fresh (the kubelet for a service account, a
// sidecar for a kubeconfig). Used by the credentials from any thread; reads the file again at most
// once a minute.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/secret_string.hpp"

namespace apitoken::kube {

// A token as it goes into a header: surrounding blanks cut; nothing where it is empty or has bytes
// that no header may hold.
std::optional<SecretString> clean_token(std::string_view text);

class TokenFile {
 public:
  TokenFile(std::string path, const Clock& clock) : path_(std::move(path)), clock_(clock) {}

  // A file that cannot be read for a moment does not matter while there is an earlier token.
  // Errors: Unauthorized.
  Result<SecretString> token();
  // The server refused the token: the next call reads the file.
  void forget();

 private:
  const std::string path_;
  const Clock& clock_;
  std::mutex mutex_;
  SecretString token_;     // guarded by mutex_
  SteadyTime read_again_;  // guarded by mutex_
};

}  // namespace apitoken::kube
