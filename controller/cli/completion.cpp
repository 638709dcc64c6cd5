// Completes a command line by the protocol of Cobra, which kubectl uses.
// Source: https://github.com/kubernetes/kubectl/blob/master/pkg/cmd/plugin/plugin_completion.go
#include "cli/completion.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/cluster.hpp"
#include "cli/commands.hpp"

namespace apitoken::cli {
namespace {

constexpr std::string_view kBash = R"(_kubectl_apitoken() {
  local words line
  words=("${COMP_WORDS[@]:1:COMP_CWORD}")
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :0) compopt -o default; return ;;
      :*) return ;;
    esac
    line=${line%%$'\t'*}
    [[ $line == "${COMP_WORDS[COMP_CWORD]}"* ]] && COMPREPLY+=("$line")
  done < <(kubectl-apitoken __complete "${words[@]}" 2>/dev/null)
}
complete -F _kubectl_apitoken kubectl-apitoken
)";

constexpr std::string_view kZsh = R"(#compdef kubectl-apitoken
_kubectl_apitoken() {
  local line
  local -a found
  while IFS= read -r line; do
    case $line in
      :0) (( ${#found} )) || _files; break ;;
      :*) break ;;
    esac
    line=${line//:/\\:}
    found+=("${line/$'\t'/:}")
  done < <(kubectl-apitoken __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
  (( ${#found} )) && _describe apitoken found
}
compdef _kubectl_apitoken kubectl-apitoken
)";

constexpr std::string_view kFish = R"(function __kubectl_apitoken
  set -l words (commandline -opc) (commandline -ct)
  kubectl-apitoken __complete $words[2..-1] 2>/dev/null | string match -v -r '^:[0-9]+$'
end
complete -c kubectl-apitoken -f -a '(__kubectl_apitoken)'
complete -c kubectl-apitoken -s f -l filename -r -F
complete -c kubectl-apitoken -l kubeconfig -r -F
)";

constexpr std::array<std::string_view, 3> kShells{"bash", "zsh", "fish"};

std::string with_help(std::string_view word, std::string_view help) {
  return fmt::format("{}\t{}", word, help);
}

void add_matching(Completions& found, std::string_view begun, std::string line) {
  if (line.starts_with(begun)) found.lines.push_back(std::move(line));
}

Completions complete_command(std::string_view begun) {
  Completions found;
  for (const CommandRow& row : command_rows()) {
    if (!row.name.empty()) add_matching(found, begun, with_help(row.name, row.summary));
  }
  return found;
}

Completions complete_flag(Command command, std::string_view begun) {
  Completions found;
  for (const FlagRow& flag : flag_rows()) {
    if (takes(command, flag))
      add_matching(found, begun, with_help(fmt::format("--{}", flag.name), flag.help));
  }
  return found;
}

// `before` precedes each value: "--type=".
Completions complete_value(const CommandRow& command, const FlagRow& flag, std::string_view begun,
                           const std::string& before) {
  Completions found;
  found.files = flag.value == "FILE";
  const auto choices = flag.name == "output" ? command.outputs : flag.choices;
  for (const auto choice : choices) {
    if (choice.starts_with(begun)) found.lines.push_back(before + std::string(choice));
  }
  return found;
}

Completions complete_argument(const Invocation& so_far, std::string_view begun,
                              const NameSource& names) {
  Completions found;
  const CommandRow& row = row_of(so_far.command);
  if (so_far.arguments.size() >= row.most) return found;
  switch (so_far.command) {
    case Command::Describe:
    case Command::Show:
    case Command::Rotate:
    case Command::Revoke:
    case Command::TestMail:
      for (auto& name : names(so_far)) {
        if (std::ranges::find(so_far.arguments, name) == so_far.arguments.end())
          add_matching(found, begun, std::move(name));
      }
      break;
    case Command::Completion:
      for (const auto shell : kShells) add_matching(found, begun, std::string(shell));
      break;
    case Command::Help:
      return complete_command(begun);
    default:
      break;
  }
  return found;
}

}  // namespace

Completions complete(std::span<const std::string> words, const NameSource& names) {
  if (words.empty()) return complete_command("");
  const std::string& begun = words.back();
  const auto before = words.first(words.size() - 1);
  const Invocation so_far = parse_partial(before);
  const CommandRow& row = row_of(so_far.command);
  if (!before.empty() && before.back().find('=') == std::string::npos) {
    const FlagRow* const flag = find_flag(so_far.command, before.back());
    if (flag != nullptr && !flag->value.empty()) return complete_value(row, *flag, begun, "");
  }
  if (begun.starts_with('-')) {
    const auto equals = begun.find('=');
    if (equals == begun.npos) return complete_flag(so_far.command, begun);
    const FlagRow* const flag = find_flag(so_far.command, begun.substr(0, equals));
    return flag == nullptr
               ? Completions{}
               : complete_value(row, *flag, begun.substr(equals + 1), begun.substr(0, equals + 1));
  }
  return complete_argument(so_far, begun, names);
}

std::string completion_script(std::string_view shell) {
  if (shell == "bash") return std::string(kBash);
  if (shell == "zsh") return std::string(kZsh);
  return shell == "fish" ? std::string(kFish) : std::string();
}

Outcome<ExitCode> run_completion(const Invocation& invocation, const Terminal& terminal) {
  const auto& shell = invocation.arguments.front();
  const auto script = completion_script(shell);
  if (script.empty())
    return give_up(ExitCode::Usage,
                   fmt::format("no completion for \"{}\"; use bash, zsh or fish", shell));
  terminal.out(script);
  return ExitCode::Ok;
}

Outcome<ExitCode> run_complete(const Invocation& invocation, const Terminal& terminal) {
  const NameSource names = [&](const Invocation& so_far) {
    std::vector<std::string> found;
    Options options = so_far.options;
    options.may_ask = false;
    const auto cluster = Cluster::connect(options, terminal.stop());
    if (!cluster) return found;
    if (so_far.command == Command::TestMail) return (*cluster)->config_names().value_or(found);
    const auto tokens = (*cluster)->list((*cluster)->name_space(), "");
    if (!tokens) return found;
    for (const ShownToken& token : *tokens) found.push_back(token.token.meta.name);
    return found;
  };
  const Completions found = complete(invocation.arguments, names);
  for (const auto& line : found.lines) terminal.out(line + "\n");
  terminal.out(found.files ? ":0\n" : ":4\n");  // Cobra's directives: default, no file completion
  return ExitCode::Ok;
}

}  // namespace apitoken::cli
