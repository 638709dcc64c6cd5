// The commands of the plugin. main() calls one of them, on the main thread, and prints its Failure.
// Each prints its result on the terminal.
#pragma once

#include "cli/command_line.hpp"
#include "cli/exit_code.hpp"
#include "cli/terminal.hpp"

namespace apitoken::cli {

Outcome<ExitCode> run_create(const Invocation& invocation, const Terminal& terminal);
Outcome<ExitCode> run_login(const Invocation& invocation, const Terminal& terminal);
Outcome<ExitCode> run_list(const Invocation& invocation, const Terminal& terminal);
Outcome<ExitCode> run_describe(const Invocation& invocation, const Terminal& terminal);
Outcome<ExitCode> run_show(const Invocation& invocation, const Terminal& terminal);
Outcome<ExitCode> run_rotate(const Invocation& invocation, const Terminal& terminal);
Outcome<ExitCode> run_revoke(const Invocation& invocation, const Terminal& terminal);
Outcome<ExitCode> run_test_mail(const Invocation& invocation, const Terminal& terminal);
Outcome<ExitCode> run_web(const Invocation& invocation, const std::string& version,
                          const Terminal& terminal);
// `token`: from the command line; empty: read standard input.
Outcome<ExitCode> run_verify(const Invocation& invocation, SecretString token,
                             const Terminal& terminal);
Outcome<ExitCode> run_check(const Invocation& invocation, const Terminal& terminal);
Outcome<ExitCode> run_support_bundle(const Invocation& invocation, const std::string& version,
                                     const Terminal& terminal);
Outcome<ExitCode> run_lint(const Invocation& invocation, const Terminal& terminal);
Outcome<ExitCode> run_completion(const Invocation& invocation, const Terminal& terminal);
Outcome<ExitCode> run_complete(const Invocation& invocation, const Terminal& terminal);

}  // namespace apitoken::cli
