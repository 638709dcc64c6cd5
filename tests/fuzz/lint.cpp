// What `kubectl apitoken lint` does with a file: YAML within bounds, then the schema and the rules
// for each document.
#include <nlohmann/json.hpp>

#include "cli/examine.hpp"
#include "fuzz/fuzz.hpp"
#include "kube/yaml_json.hpp"

namespace apitoken::fuzz {

void fuzz(std::string_view input) {
  const auto documents = kube::read_yaml(input, "x.yaml");
  if (!documents) {
    require(documents.error().message.starts_with("x.yaml: "), "a message names the file");
    return;
  }
  for (const auto& document : *documents) {
    const auto finding =
        cli::examine(document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    require(!finding.ours || finding.problems.empty() != finding.explanation.empty(),
            "a verdict is one of two");
  }
}

}  // namespace apitoken::fuzz
