// lint: every document of every file, judged and explained.
#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/examine.hpp"
#include "kube/yaml_json.hpp"

namespace apitoken::cli {
namespace {

constexpr std::size_t kLargest = 8 << 20;

struct Count {
  std::size_t good = 0;
  std::size_t bad = 0;
};

Outcome<std::string> read(const std::string& file, const Terminal& terminal) {
  if (file == "-") {
    const auto text = terminal.read_all(kLargest);
    if (!text) return std::unexpected(text.error());
    return std::string(text->reveal());
  }
  std::ifstream stream(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(stream), {}};
  if (!stream.is_open() || stream.bad()) return give_up(ExitCode::Failed, fmt::format("{} cannot be read", file));
  return text;
}

void report(const std::string& where, const Finding& finding, const Terminal& terminal, Count& count) {
  if (!finding.ours) {
    terminal.out(fmt::format("{}: {}: not looked at\n", where, finding.subject));
    return;
  }
  for (const auto& problem : finding.problems)
    terminal.out(
        fmt::format("{}: {}: {}: {}\n", where, finding.subject, terminal.painted(Colour::Red, "wrong"), problem));
  if (finding.problems.empty())
    terminal.out(fmt::format("{}: {}: {}: {}\n", where, finding.subject, terminal.painted(Colour::Green, "ok"),
                             finding.explanation));
  ++(finding.problems.empty() ? count.good : count.bad);
}

}  // namespace

Outcome<ExitCode> run_lint(const Invocation& invocation, const Terminal& terminal) {
  Count count;
  for (const auto& file : invocation.options.files) {
    const auto text = read(file, terminal);
    if (!text) return std::unexpected(text.error());
    const std::string where = file == "-" ? "standard input" : file;
    const auto documents = kube::read_yaml(*text, where);
    if (!documents) return give_up(ExitCode::NotValid, documents.error().message);
    for (const auto& document : *documents) {
      // `kubectl get -o yaml` and generators wrap objects into lists.
      const bool list = document.is_object() && document.value("/kind"_json_pointer, nlohmann::json()) == "List";
      const auto items = list ? document.value("items", nlohmann::json::array()) : nlohmann::json::array({document});
      for (const auto& item : items)
        report(where, examine(item.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)), terminal, count);
    }
  }
  if (count.good + count.bad == 0)
    return give_up(ExitCode::NotValid, "no ApiToken and no TokenExpiryConfig in what was given");
  return count.bad == 0 ? ExitCode::Ok : ExitCode::NotValid;
}

}  // namespace apitoken::cli
