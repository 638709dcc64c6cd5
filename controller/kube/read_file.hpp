// Small files with credentials in them: whole, bounded. Called by the credentials, on any thread.
#pragma once

#include <string>

#include "base/result.hpp"

namespace apitoken::kube {

// At most 1 MiB. Errors: Unauthorized; the message names the file and the reason, never its
// content.
Result<std::string> read_file(const std::string& path);

}  // namespace apitoken::kube
