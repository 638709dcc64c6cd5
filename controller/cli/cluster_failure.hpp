// What a command says if a request failed: an exit code, and a message of one line that names the
// object and the remedy. Cluster calls it, on the main thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "cli/exit_code.hpp"
#include "kube/credentials.hpp"

namespace apitoken::cli {

// `credentials`: those of the failed request. `name_space`: where its object is.
Failure failure_of(const Error& error, kube::Credentials& credentials, std::string_view name_space);

// The API server's message, without the verb and the status code that kube::Client adds.
std::string server_words(const Error& error);

}  // namespace apitoken::cli
