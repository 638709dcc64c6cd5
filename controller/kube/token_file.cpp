// Reads a token file and keeps the token for a minute. The file is read under the mutex on purpose:
// it is small and local, and every thread that waits needs the result.
#include "kube/token_file.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.hpp"
#include "kube/read_file.hpp"

namespace apitoken::kube {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

SecretString copy_of(const SecretString& token) {
  return SecretString(std::string(token.reveal()));
}

Result<SecretString> read_token(const std::string& path) {
  Result<std::string> text = read_file(path);
  if (!text) return std::unexpected(text.error());
  std::optional<SecretString> token = clean_token(*text);
  wipe(*text);
  if (!token)
    return fail(
        ErrorKind::Unauthorized,
        fmt::format("{} holds no bearer token: it must be one line of printable characters", path));
  return std::move(*token);
}

}  // namespace

std::optional<SecretString> clean_token(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == text.npos) return {};
  text = text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
  if (!std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; })) return {};
  return SecretString(std::string(text));
}

Result<SecretString> TokenFile::token() {
  const MutexLock lock(mutex_);
  if (!token_.empty() && clock_.steady() < read_again_) return copy_of(token_);
  Result<SecretString> fresh = read_token(path_);
  if (!fresh && token_.empty()) return std::unexpected(fresh.error());
  read_again_ = clock_.steady() + Seconds(60);
  if (fresh) {
    token_ = std::move(*fresh);
  } else {
    log::warn(fresh.error().message + "; the token read before stays in use");
  }
  return copy_of(token_);
}

void TokenFile::drop() {
  const MutexLock lock(mutex_);
  token_ = SecretString();
}

}  // namespace apitoken::kube
