// Reads a small file with credentials as a whole. Credentials and ServerCertificate call it, on any
// thread.
#pragma once

#include <string>

#include "base/result.hpp"

namespace apitoken::kube {

// Reads at most 1 MiB. Errors: Unauthorized, naming the file and the reason, never its content.
Result<std::string> read_file(const std::string& path);

}  // namespace apitoken::kube
