// The table of commands.
#include <algorithm>
#include <array>

#include "cli/command_line.hpp"

namespace apitoken::cli {
namespace {

constexpr std::size_t kAny = 1000;

constexpr std::array<std::string_view, 4> kMintOutputs{"json", "yaml", "name", "token"};
constexpr std::array<std::string_view, 4> kListOutputs{"wide", "json", "yaml", "name"};
constexpr std::array<std::string_view, 3> kPlainOutputs{"json", "yaml", "name"};

constexpr std::array kCommands{
    CommandRow{
        Command::Create, "create", "NAME", 1, 1, "Create an ApiToken, and show its value once",
        "Creates an ApiToken, waits until the operator has minted its value, and prints the value "
        "to the terminal, once: the value is encrypted to a key of this process, and nobody else "
        "can read it. With --keep the value also stays in its Secret, in clear. If standard output "
        "is not a terminal, nothing is printed and the value stays in the Secret, unless "
        "--show-value or -o token asks for it.",
        "  kubectl apitoken create laptop --user alice@example.com --ttl 90d\n"
        "  kubectl apitoken create ci-deploy --user alice@example.com --keep --description "
        "'deploys the shop'\n"
        "  kubectl apitoken create ci-deploy --user alice@example.com --dry-run=client > "
        "ci-deploy.yaml\n"
        "  TOKEN=$(kubectl apitoken create job --user bot@example.com --type Temporary -o token)",
        kMintOutputs},
    CommandRow{Command::Login, "login", "", 0, 0, "Get a temporary token for yourself",
               "Asks the cluster for your user name, and creates a Temporary ApiToken for that "
               "user with a generated name. You need no right to read Secrets: the value is "
               "encrypted to a key of this process, and shown once.",
               "  kubectl apitoken login\n"
               "  curl -H \"Authorization: Bearer $(kubectl apitoken login --ttl 1h -o token)\" "
               "https://api.example.com",
               kMintOutputs},
    CommandRow{Command::List, "list", "", 0, 0, "List ApiTokens, the first to expire on top",
               "Lists the ApiTokens of the namespace and whose they are; with --mine your own, "
               "with --user those of one user.",
               "  kubectl apitoken list\n"
               "  kubectl apitoken list -A --expiring-within 30d",
               kListOutputs},
    CommandRow{Command::Describe, "describe", "NAME...", 1, kAny,
               "Show ApiTokens in full, with their Events",
               "Shows spec, status, conditions, delivered notices and Events.",
               "  kubectl apitoken describe ci-deploy", kPlainOutputs},
    CommandRow{Command::Show,
               "show",
               "NAME",
               1,
               1,
               "Print the value in the Secret of a token",
               "Prints the value that the Secret of an ApiToken holds, or with --copy puts it on "
               "the clipboard. A value that was shown once, or is encrypted for somebody else, "
               "cannot be shown: rotate the token for a new one.",
               "  kubectl apitoken show ci-deploy\n"
               "  kubectl apitoken show ci-deploy --copy",
               {}},
    CommandRow{Command::Rotate, "rotate", "NAME...", 0, kAny,
               "Mint a new value now; renews an expired token too",
               "Asks the operator for new values and waits for them. The previous value works for "
               "the overlap of the ApiToken. If create or login showed the previous value once, "
               "the new value is shown once too. Of several tokens no value is shown. renew is "
               "another name of this command.",
               "  kubectl apitoken rotate ci-deploy\n"
               "  kubectl apitoken renew --expiring-within 7d --all --yes\n"
               "  kubectl apitoken rotate -l team=shop",
               kMintOutputs},
    CommandRow{Command::Revoke, "revoke", "NAME...", 0, kAny, "End tokens at once and for good",
               "Revokes tokens: their values stop working, their Secrets are deleted, and the "
               "ApiTokens stay as a record. This cannot be undone. Asks first on a terminal; "
               "elsewhere --yes is required.",
               "  kubectl apitoken revoke ci-deploy --yes\n"
               "  kubectl apitoken revoke -l team=shop",
               kPlainOutputs},
    CommandRow{
        Command::Verify,
        "verify",
        "[TOKEN]",
        0,
        1,
        "Say whether a token is genuine and works",
        "Reads a token from standard input (or, less safely, from the command line), checks format "
        "and checksum, and looks for its hash among the ApiTokens that you may list: those of all "
        "namespaces, or of one namespace if you name it or may list no other.",
        "  kubectl apitoken verify < token.txt\n"
        "  kubectl get secret ci -o jsonpath='{.data.token}' | base64 -d | kubectl apitoken verify",
        {}},
    CommandRow{Command::TestMail,
               "test-mail",
               "CONFIG",
               1,
               1,
               "Send a test mail to the emails of a TokenExpiryConfig",
               "Asks the operator to send one mail at once to spec.emails of a TokenExpiryConfig, "
               "and prints the mail server's reply for each address. The operator sends at most "
               "one test mail a minute.",
               "  kubectl apitoken test-mail default",
               {}},
    CommandRow{Command::Web,
               "web",
               "",
               0,
               0,
               "Open the portal: tokens, users, faults and settings in a browser",
               "Serves the portal to browsers of this machine, with the credentials of your "
               "kubeconfig, and prints its address. "
               "The address holds a key of this run: anybody who has it may do there what you may. "
               "From another machine, "
               "forward the port: ssh -L 8700:127.0.0.1:8700 HOST, with --port 8700. Ctrl-C ends "
               "it, and so does half an "
               "hour without a page.",
               "  kubectl apitoken web --open\n"
               "  kubectl apitoken web --context prod --read-only --port 8700",
               {}},
    CommandRow{Command::Check,
               "check",
               "",
               0,
               0,
               "Check that ApiTokens work here: CRDs, operator, policy, permissions, mail",
               "Looks at everything that a token needs, and says for each fault what to do. What "
               "you may not read is reported as unknown. Changes nothing.",
               "  kubectl apitoken check\n"
               "  kubectl apitoken check -n team-a --operator-namespace tokens",
               {}},
    CommandRow{
        Command::SupportBundle,
        "support-bundle",
        "",
        0,
        0,
        "Collect what somebody needs to help, without values and people",
        "Writes versions, CRDs, the operator's Deployment, pods, log and metrics, ApiTokens, "
        "TokenExpiryConfigs, Events, policies and permissions into one archive. Values, "
        "hashes and descriptions are left out; users and mail addresses become pseudonyms. "
        "What you may not read is named, and does not stop the rest. Changes nothing.",
        "  kubectl apitoken support-bundle\n"
        "  kubectl apitoken support-bundle -o bundle.tar.gz --operator-namespace tokens",
        {}},
    CommandRow{Command::Lint,
               "lint",
               "",
               0,
               0,
               "Explain manifests before they are applied",
               "Reads ApiTokens and TokenExpiryConfigs from YAML or JSON files, reports each field "
               "that is wrong and explains what correct manifests do. Contacts no cluster.",
               "  kubectl apitoken lint -f tokens.yaml\n"
               "  helm template . | kubectl apitoken lint -f -",
               {}},
    CommandRow{Command::Completion,
               "completion",
               "SHELL",
               1,
               1,
               "Print a completion script: bash, zsh or fish",
               "Prints a script that completes kubectl-apitoken. To complete 'kubectl apitoken', "
               "put kubectl_complete-apitoken on the PATH beside the plugin.",
               "  source <(kubectl apitoken completion bash)\n"
               "  kubectl apitoken completion fish | source",
               {}},
    CommandRow{Command::Version,
               "version",
               "",
               0,
               0,
               "Print the version",
               "Prints the plugin's version.",
               "",
               {}},
    CommandRow{Command::Help, "help", "[COMMAND]", 0, 1, "Show how to use a command", "", "", {}},
    CommandRow{Command::Complete, "", "", 0, kAny, "", "", "", {}},
};

}  // namespace

std::span<const CommandRow> command_rows() { return kCommands; }

const CommandRow& row_of(Command command) {
  return *std::ranges::find(kCommands, command, &CommandRow::command);
}

}  // namespace apitoken::cli
