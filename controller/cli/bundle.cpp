// Reads the parts of a support bundle, redacts them and puts them into the archive.
#include "cli/bundle.hpp"

#include <fmt/format.h>

#include "base/rfc3339.hpp"

namespace apitoken::cli {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxItems = 5000;
constexpr std::string_view kReadMe =
    R"(What somebody needs to help with apitoken-operator.

Users and mail addresses are replaced by pseudonyms, the same in all files. Token values, hashes,
hints, descriptions, values of environment variables and of annotations are removed. Names of
objects, namespaces, groups, labels and hosts are as they are: look through the files before you
hand them on.

)";

}  // namespace

Bundle::Bundle(Cluster& cluster, WallTime now)
    : cluster_(cluster), archive_("apitoken-support", now.time_since_epoch().count()) {}

void Bundle::add(const std::string& name, json content) {
  redaction_.apply(content);
  archive_.add(name, content.dump(2, ' ', false, json::error_handler_t::replace) + "\n");
}

void Bundle::add_text(const std::string& name, std::string_view content) {
  archive_.add(name, redaction_.text(content));
}

void Bundle::add_failure(const std::string& name, const Failure& failure) {
  const std::string why = redaction_.text(failure.message);
  archive_.add(name + ".error.txt", why + "\n");
  missing_.push_back(fmt::format("{}: {}", name, why));
}

void Bundle::add_list(const std::string& name, const std::string& path, const Change& change) {
  json items = json::array();
  const auto read = read_items(path, [&](json& item) {
    trim_metadata(item);
    if (change) change(item);
    items.push_back(std::move(item));
    return items.size() < kMaxItems;
  });
  if (!read) return add_failure(name, read.error());
  add(name, std::move(items));
}

void Bundle::add_objects(const std::string& name,
                         const std::vector<std::pair<std::string, std::string>>& paths,
                         const Change& change) {
  json objects = json::object();
  for (const auto& [key, path] : paths) {
    auto object = read(path);
    if (!object && object.error().code == ExitCode::NotFound) {
      objects[key] = nullptr;
    } else if (!object) {
      add_failure(fmt::format("{}: {}", name, key), object.error());
    } else {
      trim_metadata(*object);
      if (change) change(*object);
      objects[key] = std::move(*object);
    }
  }
  add(name, std::move(objects));
}

Outcome<json> Bundle::read(const std::string& path) {
  const std::string body = TRY(cluster_.read_path(path));
  json document = json::parse(body, nullptr, false);
  if (document.is_discarded())
    return give_up(ExitCode::Failed, fmt::format("the answer for {} is no JSON", path));
  return document;
}

Outcome<void> Bundle::read_items(const std::string& path, const std::function<bool(json&)>& take) {
  std::string next;
  do {
    json page = TRY(read(fmt::format("{}{}limit=500{}", path, path.contains('?') ? '&' : '?',
                                     next.empty() ? "" : "&continue=" + next)));
    for (json& item : page["items"]) {
      if (!take(item)) return {};
    }
    next = kube::percent_encode(page["metadata"].value("continue", ""));
  } while (!next.empty());
  return {};
}

Outcome<void> Bundle::write(const std::string& path, const std::string& version,
                            const std::string& operator_namespace) {
  std::string about(kReadMe);
  about += fmt::format("Collected at {} by kubectl-apitoken {}; the operator's namespace is {}.\n",
                       format_rfc3339(SystemClock{}.wall()), version, operator_namespace);
  about += missing_.empty() ? "Nothing is missing.\n" : "Missing:\n";
  for (const std::string& part : missing_) about += "- " + part + "\n";
  archive_.add("README.txt", about);
  return archive_.write(path);
}

}  // namespace apitoken::cli
