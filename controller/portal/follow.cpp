// LIST, then WATCH.
#include "portal/follow.hpp"

#include <fmt/format.h>

#include <atomic>
#include <random>

#include "base/backoff.hpp"
#include "base/mutex.hpp"
#include "kube/watch_decoder.hpp"
#include "portal/rows.hpp"

namespace apitoken::portal {
namespace {

using std::chrono::steady_clock;

constexpr Backoff kBackoff{std::chrono::seconds(1), std::chrono::seconds(30)};
constexpr std::chrono::seconds kTooShort{1};  // a watch that ends so soon is not tried at once
constexpr std::size_t kRowsOfLine = 100;
const std::string kAllNamespaces;

std::string selector_of(const std::string& user) {
  if (user.empty()) return {};
  std::string escaped;
  for (const char c : user) {
    if (c == '\\' || c == ',' || c == '=') escaped += '\\';
    escaped += c;
  }
  return "&fieldSelector=" + kube::percent_encode("spec.user=" + escaped);
}

std::string_view version_of(api::Json object) {
  std::string_view version;
  return object["metadata"]["resourceVersion"].get(version) == simdjson::SUCCESS
             ? version
             : std::string_view();
}

Problem unreadable(std::string_view what) {
  return {502, "BadAnswer", fmt::format("The API server's answer cannot be read: {}", what)};
}

std::string error_line(const Problem& problem) {
  return dump(nlohmann::json{{"error", to_json(problem)}});
}

}  // namespace

bool Refusals::is_final(const Problem& problem) {
  const bool refused = problem.status == 400 || problem.status == 401 || problem.status == 403 ||
                       problem.status == 404;
  count_ = refused ? count_ + 1 : 0;
  return count_ == kMax;
}

std::optional<Problem> watch_from(Viewer& viewer, const kube::Resource& resource,
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
      if (const auto seen = version_of(event.object); !seen.empty()) version = seen;
      if (event.type != kube::EventType::Bookmark)
        enough = !tell(event.type == kube::EventType::Deleted, event.object);
    };
    const auto began = steady_clock::now();
    const auto answer = viewer.client().watch(
        resource, ns,
        fmt::format("allowWatchBookmarks=true&timeoutSeconds={}&resourceVersion={}{}",
                    240 + random() % 61, kube::percent_encode(version), selector),
        kube::kJsonAccept, stop, [&](std::string_view bytes) {
          if (const auto fed = decoder.feed(bytes, take); !fed) broken = problem_of(fed.error());
          return !broken && !enough && !stop.stop_requested();
        });
    if (enough || stop.stop_requested()) return {};
    // The version is too old by now: nothing is broken.
    if (broken) return broken->status == 410 ? std::nullopt : broken;
    if (!answer && answer.error().kind == ErrorKind::Gone) return {};
    if (!answer) return problem_of(answer.error());
    if (decoder.mid_line()) return unreadable("a watch broke off in the middle of an event");
    if (steady_clock::now() - began < kTooShort)
      return Problem{503, "Unreachable", "The API server ends each watch at once."};
  }
  return {};
}

TokenFollow::TokenFollow(Viewer& viewer, TokenScope scope)
    : viewer_(viewer), scope_(std::move(scope)), selector_(selector_of(scope_.user)) {}

Expected<std::string> TokenFollow::page(const std::string& ns, std::string_view continue_token,
                                        std::stop_token stop) {
  std::string query = fmt::format("limit={}{}", kPageSize, selector_);
  if (!continue_token.empty()) query += "&continue=" + kube::percent_encode(continue_token);
  return viewer_.upstream().list(kube::resources::kApiTokens, ns, query, std::move(stop));
}

Expected<void> TokenFollow::begin(std::stop_token stop) {
  auto first =
      page(scope_.namespaces.empty() ? kAllNamespaces : scope_.namespaces.front(), "", stop);
  if (!first) return refuse(std::move(first.error()));
  first_page_ = std::move(*first);
  return {};
}

Expected<std::string> TokenFollow::take(const std::string& page, std::string& version,
                                        Sending& sending) {
  simdjson::dom::parser parser;
  api::Json root;
  if (const auto error = api::parse_document(parser, page, false).get(root))
    return refuse(unreadable(simdjson::error_message(error)));
  version = version_of(root);
  RowsLine line;
  for (const api::Json object : api::read_array(root, "items")) {
    if (!scope_.hash.empty() && token_hash_of(object) != scope_.hash) continue;
    line.add(object);
    if (line.size() == kRowsOfLine && !sending.line(line.take())) break;
  }
  if (line.size() > 0) sending.line(line.take());
  const auto metadata = api::member(root, "metadata");
  return metadata ? api::read_string(*metadata, "continue", "").value_or("") : std::string();
}

Expected<std::vector<TokenFollow::Listed>> TokenFollow::list(Sending& sending) {
  std::vector<Listed> listed;
  const auto list_one = [&](const std::string& ns) -> Expected<void> {
    Listed one{ns, {}};
    std::string next;
    do {
      auto text = first_page_ ? Expected<std::string>(std::move(*first_page_))
                              : page(ns, next, sending.stop());
      first_page_.reset();
      if (!text) return refuse(std::move(text.error()));
      auto more = take(*text, one.version, sending);
      if (!more) return refuse(std::move(more.error()));
      next = std::move(*more);
    } while (!next.empty() && sending.is_open());
    listed.push_back(std::move(one));
    return {};
  };
  if (scope_.namespaces.empty()) {
    if (auto done = list_one(kAllNamespaces); !done) return refuse(std::move(done.error()));
  }
  for (const auto& ns : scope_.namespaces) {
    if (auto done = list_one(ns); !done) return refuse(std::move(done.error()));
  }
  return listed;
}

std::optional<Problem> TokenFollow::watch_one(const Listed& listed, Sending& sending,
                                              const std::stop_token& stop) {
  RowsLine line;
  return watch_from(viewer_, kube::resources::kApiTokens, listed.ns, listed.version, selector_,
                    stop, [&](bool removed, api::Json object) {
                      if (removed) return sending.line(gone_line(object));
                      line.add(object);
                      return sending.line(line.take());
                    });
}

std::optional<Problem> TokenFollow::watch(const std::vector<Listed>& listed, Sending& sending) {
  if (is_polled()) {
    sending.pause(kListEvery);
    return {};
  }
  std::stop_source round;
  const std::stop_callback ended(sending.stop(), [&round] { round.request_stop(); });
  Mutex mutex;
  std::optional<Problem> broken;  // guarded by mutex
  const auto follow = [&](const Listed& one) {
    auto ended_by = watch_one(one, sending, round.get_token());
    if (!round.request_stop()) return;  // asked to end
    const MutexLock lock(mutex);
    broken = std::move(ended_by);
  };
  {
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < listed.size(); ++i)
      others.emplace_back([&follow, &listed, i] { follow(listed[i]); });
    follow(listed.front());
  }
  return broken;
}

void TokenFollow::run(Sending& sending) {
  if (!sending.line(columns_line())) return;
  std::uint32_t failures = 0;
  Refusals refusals;
  std::minstd_rand random(std::random_device{}());
  for (bool again = false; sending.is_open(); again = true) {
    if (again && !sending.line("{\"restart\":true}")) return;
    auto listed = list(sending);
    std::optional<Problem> broken;
    if (listed) {
      failures = 0;
      refusals = {};
      if (!sending.line("{\"synced\":true}") || !scope_.hash.empty()) return;
      broken = watch(*listed, sending);
    } else {
      broken = std::move(listed.error());
    }
    if (!broken) {
      if (!is_polled()) sending.pause(kTooShort);  // a server may call each version too old
      continue;
    }
    if (!sending.is_open()) return;
    if (!sending.line(error_line(*broken)) || refusals.is_final(*broken)) return;
    sending.pause(kBackoff.jittered(failures++, static_cast<std::uint32_t>(random())));
  }
}

}  // namespace apitoken::portal
