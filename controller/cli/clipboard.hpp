// Puts a secret on the clipboard of the user's desktop. Main thread. Never prints it.
#pragma once

#include "base/secret_string.hpp"
#include "cli/exit_code.hpp"
#include "cli/terminal.hpp"

namespace apitoken::cli {

// Uses wl-copy, xclip, xsel or pbcopy if one exists and there is a desktop; otherwise the escape
// sequence OSC 52, which terminals carry out, also over ssh. Returns the way that was used. A
// Failure if neither is possible.
Outcome<std::string> copy_to_clipboard(const SecretString& value, const Terminal& terminal);
// The message for the user after a copy; `by` is what copy_to_clipboard() returned.
std::string copied_note(std::string_view by);

}  // namespace apitoken::cli
