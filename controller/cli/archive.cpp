// The ustar format of POSIX.1-1988 in a gzip stream.
#include "cli/archive.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/result.hpp"

namespace apitoken::cli {
namespace {

constexpr std::size_t kBlock = 512;
// Where the fields of a header begin.
constexpr std::size_t kMode = 100, kOwner = 108, kGroup = 116, kSize = 124, kTime = 136,
                      kChecksum = 148, kType = 156, kMagic = 257;

std::string header_of(std::string_view path, std::size_t size, std::int64_t time) {
  std::string block(kBlock, '\0');
  const auto put = [&block](std::size_t at, std::string_view text) {
    block.replace(at, text.size(), text);
  };
  put(0, path);
  put(kMode, "0000600");
  put(kOwner, "0000000");
  put(kGroup, "0000000");
  put(kSize, fmt::format("{:011o}", size));
  put(kTime, fmt::format("{:011o}", time));
  put(kChecksum, "        ");
  put(kType, "0");
  put(kMagic, std::string_view("ustar\00000", 8));
  unsigned sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  put(kChecksum, fmt::format("{:06o}", sum));
  block[kChecksum + 6] = '\0';
  return block;
}

Outcome<std::string> compressed(std::string_view text) {
  constexpr int kGzip = 15 + 16;
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY) !=
      Z_OK)
    return give_up(ExitCode::Failed, "the bundle cannot be compressed: out of memory");
  std::string result(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(result.data());
  stream.avail_out = static_cast<uInt>(result.size());
  const int ended = deflate(&stream, Z_FINISH);
  result.resize(stream.total_out);
  deflateEnd(&stream);
  if (ended != Z_STREAM_END)
    return give_up(ExitCode::Failed, "the bundle cannot be compressed: it is too large");
  return result;
}

}  // namespace

void Archive::add(std::string_view name, std::string_view content) {
  tar_ += header_of(fmt::format("{}/{}", folder_, name).substr(0, 99), content.size(), time_);
  tar_ += content;
  tar_.append((kBlock - content.size() % kBlock) % kBlock, '\0');
}

Outcome<void> Archive::write(const std::string& path) const {
  const std::string bytes = TRY(compressed(tar_ + std::string(2 * kBlock, '\0')));
  const auto refuse = [&path] {
    return give_up(ExitCode::Failed,
                   fmt::format("{} cannot be written: {}; name another file with -o", path,
                               std::strerror(errno)));
  };
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return refuse();
  fchmod(file, 0600);
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const ssize_t written = ::write(file, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      const auto refusal = refuse();
      close(file);
      return refusal;
    }
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  if (close(file) != 0) return refuse();
  return {};
}

}  // namespace apitoken::cli
