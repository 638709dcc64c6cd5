// Reads one file into memory.
#include "kube/read_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace apitoken::kube {
namespace {

constexpr std::size_t kLimit = 1 << 20;

std::unexpected<Error> unreadable(const std::string& path, std::string_view why) {
  return fail(ErrorKind::Unauthorized, fmt::format("cannot read {}: {}", path, why));
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (file < 0) return unreadable(path, std::strerror(errno));
  std::string text(4096, '\0');
  std::size_t size = 0;
  ssize_t got = 0;
  while ((got = read(file, text.data() + size, text.size() - size)) > 0 ||
         (got < 0 && errno == EINTR)) {
    if (got > 0) size += static_cast<std::size_t>(got);
    if (size > kLimit) break;
    if (size == text.size()) text.resize(size * 2);
  }
  const int error = got < 0 ? errno : 0;
  close(file);
  if (error != 0) return unreadable(path, std::strerror(error));
  if (size > kLimit) return unreadable(path, "larger than 1 MiB");
  text.resize(size);
  return text;
}

}  // namespace apitoken::kube
