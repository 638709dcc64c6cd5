// Archive: a .tar.gz of text files, made in memory and written at once. support_bundle.cpp fills
// it; main thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cli/exit_code.hpp"

namespace apitoken::cli {

class Archive {
 public:
  // All files lie in this folder. `time`: their modification, in seconds of the epoch.
  Archive(std::string folder, std::int64_t time) : folder_(std::move(folder)), time_(time) {}

  // `name` is relative: "operator/pods.json". Folder and name have at most 90 bytes together.
  void add(std::string_view name, std::string_view content);
  // Replaces the file at `path`, which only its owner may read.
  Outcome<void> write(const std::string& path) const;

 private:
  const std::string folder_;
  const std::int64_t time_;
  std::string tar_;
};

}  // namespace apitoken::cli
