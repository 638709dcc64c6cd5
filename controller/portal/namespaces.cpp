// Collects candidates, then reviews each.
#include "portal/namespaces.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/names.hpp"
#include "portal/names.hpp"

namespace apitoken::portal {
namespace {

Question may_list(const std::string& ns) {
  return {"list", std::string(api::kGroup), "apitokens", ns};
}

// Names of namespaces, read as the viewer. Errors: usually 403.
Expected<std::vector<std::string>> list_names(Viewer& viewer, const std::stop_token& stop) {
  std::vector<std::string> names;
  const auto take = [&](api::Json item) {
    const auto meta = api::member(item, "metadata");
    auto name = meta ? api::read_string(*meta, "name", "") : std::nullopt;
    if (name) names.push_back(std::move(*name));
    return names.size() < kMaxNamespaces;
  };
  TRY(viewer.upstream().for_each(kube::resources::kNamespaces, "", stop, kube::kMetadataListAccept,
                                 take));
  return names;
}

// A 403 is an answer; any other problem is a failure.
bool is_refusal(const Problem& problem) { return problem.status == 403; }

std::vector<Candidate> with_source(std::vector<std::string> names, const std::string& source) {
  std::vector<Candidate> candidates;
  for (auto& name : names) candidates.push_back({std::move(name), source});
  return candidates;
}

}  // namespace

std::vector<Candidate> without_repetitions(std::vector<Candidate> candidates) {
  std::set<std::string> seen;
  std::erase_if(candidates, [&seen](const Candidate& one) {
    return !is_namespace(one.name) || !seen.insert(one.name).second;
  });
  if (candidates.size() > kMaxNamespaces) candidates.resize(kMaxNamespaces);
  return candidates;
}

Namespaces allowed_of(const std::vector<Candidate>& candidates,
                      const std::vector<Verdict>& verdicts) {
  Namespaces found;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (!verdicts[i].allowed) continue;
    if (found.source.empty()) found.source = candidates[i].source;
    found.names.push_back(candidates[i].name);
  }
  std::ranges::sort(found.names);
  return found;
}

Expected<Namespaces> find_namespaces(Viewer& viewer, Door& door,
                                     const std::vector<std::string>& typed, std::stop_token stop) {
  const auto everywhere =
      TRY(viewer.permissions().ask(may_list(""), Permissions::kNamespacesFresh, stop));
  auto listed = list_names(viewer, stop);
  if (!listed && !is_refusal(listed.error())) return refuse(std::move(listed.error()));
  if (everywhere.allowed) {
    auto names = std::move(listed).value_or(std::vector<std::string>());
    std::ranges::sort(names);
    return Namespaces{true, std::move(names), "cluster"};
  }
  std::vector<Candidate> candidates;
  if (listed) {
    candidates = with_source(std::move(*listed), "list");
  } else {
    auto known = door.known_namespaces(viewer, stop);
    auto own = with_source(std::move(known.names), known.source);
    // Typed names come before the kubeconfig's, and after the portal's list.
    candidates = with_source(typed, "typed");
    candidates.insert(known.source == "portal" ? candidates.begin() : candidates.end(), own.begin(),
                      own.end());
  }
  candidates = without_repetitions(std::move(candidates));
  std::vector<Question> questions;
  for (const auto& one : candidates) questions.push_back(may_list(one.name));
  const auto verdicts =
      TRY(viewer.permissions().ask(questions, Permissions::kNamespacesFresh, stop));
  return allowed_of(candidates, verdicts);
}

}  // namespace apitoken::portal
