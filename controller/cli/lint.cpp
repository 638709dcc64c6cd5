// lint: checks and explains each document of each file.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/examine.hpp"
#include "kube/yaml_document.hpp"
#include "kube/yaml_json.hpp"

namespace apitoken::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxInput = kube::kMaxYamlBytes;
constexpr std::array<std::string_view, 3> kExtensions{".json", ".yaml", ".yml"};

constexpr std::string_view kWhatToGive = "; give -f a file, a folder, or - for standard input";

struct Count {
  std::size_t good = 0;
  std::size_t bad = 0;
};

// The files that -f names: one file, or the files of a directory with an extension that kubectl
// reads, sorted, without those of its subdirectories.
Outcome<std::vector<std::string>> files_of(const std::string& name) {
  std::error_code error;
  if (name == "-" || !fs::is_directory(name, error)) return std::vector{name};
  std::vector<std::string> files;
  for (fs::directory_iterator entry(name, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code unused;
    const bool wanted =
        std::ranges::find(kExtensions, entry->path().extension().string()) != kExtensions.end();
    if (wanted && !entry->is_directory(unused)) files.push_back(entry->path().string());
  }
  if (error)
    return give_up(ExitCode::Failed,
                   fmt::format("{} cannot be read: {}{}", name, error.message(), kWhatToGive));
  if (files.empty())
    return give_up(ExitCode::NotValid, fmt::format("{} holds no *.yaml, *.yml or *.json", name));
  std::ranges::sort(files);
  return files;
}

Outcome<std::string> read_input(const std::string& file, const Terminal& terminal) {
  if (file == "-") {
    const auto text = TRY(terminal.read_all(kMaxInput));
    return std::string(text.reveal());
  }
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  std::string text(kMaxInput + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (!stream.is_open() || stream.bad())
    return give_up(ExitCode::Failed,
                   fmt::format("{} cannot be read: {}{}", file, std::strerror(errno), kWhatToGive));
  if (text.size() > kMaxInput)
    return give_up(ExitCode::Failed,
                   fmt::format("{} is larger than {} bytes: not a manifest", file, kMaxInput));
  return text;
}

void report(const std::string& where, const Finding& finding, const Terminal& terminal,
            Count& count) {
  if (!finding.ours) {
    terminal.out(fmt::format("{}: {}: not checked\n", where, finding.subject));
    return;
  }
  for (const auto& problem : finding.problems)
    terminal.out(fmt::format("{}: {}: {}: {}\n", where, finding.subject,
                             terminal.painted(Colour::Red, "wrong"), problem));
  if (finding.problems.empty())
    terminal.out(fmt::format("{}: {}: {}: {}\n", where, finding.subject,
                             terminal.painted(Colour::Green, "ok"), finding.explanation));
  ++(finding.problems.empty() ? count.good : count.bad);
}

// `kubectl get -o yaml` and generators write lists of objects.
bool is_list(const nlohmann::json& document) {
  const auto kind = document.is_object() ? document.value("/kind"_json_pointer, nlohmann::json())
                                         : nlohmann::json();
  return kind == "List" || kind == "ApiTokenList" || kind == "TokenExpiryConfigList";
}

Outcome<ExitCode> lint(const std::string& file, const Terminal& terminal, Count& count) {
  const auto text = TRY(read_input(file, terminal));
  const std::string where = file == "-" ? "standard input" : file;
  const auto documents = kube::read_yaml(text, where);
  if (!documents) return give_up(ExitCode::NotValid, documents.error().message);
  for (const auto& document : *documents) {
    const auto items = is_list(document) ? document.value("items", nlohmann::json::array())
                                         : nlohmann::json::array({document});
    for (const auto& item : items)
      report(where, examine(item.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)),
             terminal, count);
  }
  return ExitCode::Ok;
}

}  // namespace

Outcome<ExitCode> run_lint(const Invocation& invocation, const Terminal& terminal) {
  Count count;
  for (const auto& name : invocation.options.files) {
    const auto files = TRY(files_of(name));
    for (const auto& file : files) {
      TRY(lint(file, terminal, count));
    }
  }
  if (count.good + count.bad == 0)
    return give_up(ExitCode::NotValid,
                   "the files have no object of kind ApiToken or TokenExpiryConfig; give -f the "
                   "manifests of such objects");
  return count.bad == 0 ? ExitCode::Ok : ExitCode::NotValid;
}

}  // namespace apitoken::cli
