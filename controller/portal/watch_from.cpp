// Watches again until something broke.
#include "portal/watch_from.hpp"

#include <fmt/format.h>

#include <random>

#include "kube/watch_decoder.hpp"

namespace apitoken::portal {

using std::chrono::steady_clock;

Problem unreadable_answer(std::string_view what) {
  return {502, "BadAnswer", fmt::format("The API server's answer cannot be read: {}", what)};
}

std::optional<Problem> watch_from(kube::Client& client, const kube::Resource& resource,
                                  const std::string& ns, std::string version,
                                  const std::string& selector, const std::stop_token& stop,
                                  const std::function<bool(bool, api::Json)>& tell) {
  kube::WatchDecoder decoder;
  std::minstd_rand random(std::random_device{}());
  while (!stop.stop_requested()) {
    decoder.reset();
    std::optional<Problem> broken;
    bool enough = false;
    const auto take = [&](const kube::WatchEvent& event) {
      if (broken || enough) return;
      if (event.type == kube::EventType::Error) {
        const auto code = api::read_integer(event.object, "code", "").value_or(500);
        broken = problem_of(static_cast<int>(code), simdjson::to_string(event.object));
        return;
      }
      if (const auto seen = kube::version_of(event.object); !seen.empty()) version = seen;
      if (event.type != kube::EventType::Bookmark)
        enough = !tell(event.type == kube::EventType::Deleted, event.object);
    };
    const auto began = steady_clock::now();
    const std::string from = version;
    const auto answer =
        client.watch(resource, ns,
                     fmt::format("allowWatchBookmarks=true&timeoutSeconds={}&resourceVersion={}{}",
                                 240 + random() % 61, kube::percent_encode(version), selector),
                     kube::kJsonAccept, stop, [&](std::string_view bytes) {
                       if (const auto fed = decoder.feed(bytes, take); !fed)
                         broken = problem_of(fed.error());
                       return !broken && !enough && !stop.stop_requested();
                     });
    if (enough || stop.stop_requested()) return {};
    // The version is too old by now: nothing is broken.
    if (broken) return broken->status == 410 ? std::nullopt : broken;
    if (!answer && answer.error().kind == ErrorKind::Gone) return {};
    if (!answer) return problem_of(answer.error());
    if (decoder.mid_line()) return unreadable_answer("a watch broke off in the middle of an event");
    if (version == from && steady_clock::now() - began < kTooShort)
      return Problem{503, "Unreachable", "The API server ends each watch at once."};
  }
  return {};
}

}  // namespace apitoken::portal
