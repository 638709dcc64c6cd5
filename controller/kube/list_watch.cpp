// Lists, watches, waits and logs for a reflector.
#include "kube/list_watch.hpp"

#include <fmt/format.h>
#include <malloc.h>

#include <future>

#include "base/log.hpp"
#include "base/sleep.hpp"
#include "base/thread_name.hpp"
#include "kube/list_page.hpp"

namespace apitoken::kube {
namespace {

// Whether a list may go on at the page that failed: the connection failed, not the page.
bool can_go_on(ErrorKind kind) {
  return kind == ErrorKind::Unavailable || kind == ErrorKind::Internal ||
         kind == ErrorKind::Throttled;
}

// A flood of broken objects must not become a flood of log lines.
constexpr std::size_t kMaxComplaints = 100;

std::string_view scope_of(const Watched& watched) {
  return watched.ns.empty() ? "all" : std::string_view(watched.ns);
}

Error error_of_event(api::Json status) {
  const auto code = api::read_integer(status, "code", "code").value_or(500);
  return error_of({static_cast<int>(code), simdjson::to_string(status)},
                  "watch ended by the server");
}

// `text` is a part of `page`.
Result<api::Json> parse(simdjson::dom::parser& parser, std::string_view text,
                        std::string_view page) {
  const bool padded =
      text.data() + text.size() + simdjson::SIMDJSON_PADDING <= page.data() + page.size();
  api::Json json;
  if (const auto error = api::parse_document(parser, text, padded).get(json))
    return fail(ErrorKind::Decode, simdjson::error_message(error));
  return json;
}

struct PageHead {
  std::string version;
  std::string continue_token;  // empty on the last page
};

Result<PageHead> read_head(simdjson::dom::parser& parser, const ListPage& parts,
                           std::string_view page) {
  std::optional<std::string> version;
  std::string continue_token;
  if (!parts.metadata.empty()) {
    const auto metadata = TRY(parse(parser, parts.metadata, page));
    version = api::read_string(metadata, "resourceVersion", "metadata.resourceVersion");
    continue_token = api::read_string(metadata, "continue", "metadata.continue").value_or("");
  }
  if (!version || version->empty()) return fail(ErrorKind::Decode, "no metadata.resourceVersion");
  return PageHead{std::move(*version), std::move(continue_token)};
}

Result<std::string> version_of_page(std::string_view page) {
  const auto parts = TRY(split_page(page));
  simdjson::dom::parser parser;
  auto head = TRY(read_head(parser, parts, page));
  return std::move(head.version);
}

void append_selectors(std::string& query, const Watched& watched) {
  if (!watched.label_selector.empty())
    query += "&labelSelector=" + percent_encode(watched.label_selector);
  if (!watched.field_selector.empty())
    query += "&fieldSelector=" + percent_encode(watched.field_selector);
}

}  // namespace

ListWatch::ListWatch(Client& client, const Clock& clock, Watched watched, ObjectSink& sink,
                     Outage* outage)
    : client_(client), clock_(clock), watched_(std::move(watched)), sink_(sink), outage_(outage) {}

void ListWatch::run(std::stop_token stop) {
  name_thread(fmt::format("watch {}", watched_.resource.plural).c_str());
  while (!stop.stop_requested()) {
    if (take_relist()) {
      continue_token_.clear();
      machine_.relist();
    }
    const auto next = machine_.next();
    wait(stop, next.delay);
    if (stop.stop_requested()) return;
    switch (next.step) {
      case WatchMachine::Step::List:
        list(stop);
        break;
      case WatchMachine::Step::Check:
        check(stop);
        break;
      case WatchMachine::Step::Watch:
        watch(stop);
        break;
    }
  }
}

void ListWatch::relist() {
  std::stop_source present(std::nostopstate);
  {
    const MutexLock lock(mutex_);
    const auto now = clock_.steady();
    if (last_relist_ && now - *last_relist_ < kRelistInterval) return;
    last_relist_ = now;
    relist_wanted_ = true;
    present = watch_end_;
  }
  present.request_stop();
}

bool ListWatch::take_relist() {
  const MutexLock lock(mutex_);
  return std::exchange(relist_wanted_, false);
}

// After an outage the backoff starts again at its shortest delay.
void ListWatch::note_failure() {
  const bool away = outage_ != nullptr && outage_->away();
  if (std::exchange(was_away_, away) && !away) machine_.reset_failures();
}

void ListWatch::wait(std::stop_token stop, std::chrono::milliseconds delay) {
  if (was_away_) return outage_->wait(delay, std::move(stop));
  sleep_until(clock_, stop, clock_.steady() + delay);
}

void ListWatch::list(std::stop_token stop) {
  if (continue_token_.empty()) list_begun_ = false;
  const auto version = list_pages(stop);
  if (!version) {
    note_failure();
    if (!can_go_on(version.error().kind)) continue_token_.clear();
    if (!stop.stop_requested())
      report(machine_.list_failed(version.error(), random_()), "list", version.error());
    return;
  }
  was_away_ = false;
  page_size_ = kPageSize;
  sink_.list_ends(*version);
  malloc_trim(0);  // gives back the memory of pages, parser and replaced objects
  synced_ = true;
  log::debug("listed", {{"resource", name_of(watched_.resource)},
                        {"namespace", scope_of(watched_)},
                        {"resource_version", *version}});
  report_over(machine_.listed(*version));
}

// Returns the list's version, which all its pages have. While one page is decoded, the next is on
// its way.
Result<std::string> ListWatch::list_pages(std::stop_token stop) {
  auto page = fetch_page(stop);
  for (;;) {
    if (!page) return std::unexpected(page.error());
    touch();
    std::future<Result<std::string>> next;
    auto version = take_page(*page, [&] {
      next = std::async(std::launch::async, [&] {
        name_thread("next page");
        return fetch_page(stop);
      });
    });
    if (!version) {
      version.error().message =
          fmt::format("list {}: a page of {} bytes: {}", name_of(watched_.resource), page->size(),
                      version.error().message);
    }
    if (!version || !next.valid()) return version;
    page = next.get();
  }
}

Result<std::string> ListWatch::fetch_page(std::stop_token stop) {
  const auto accept = watched_.metadata_only ? kMetadataListAccept : kJsonAccept;
  const auto began = clock_.steady();
  auto page = client_.list(watched_.resource, watched_.ns, list_query(), accept, std::move(stop));
  if (!page && clock_.steady() - began > kSlowPage) page_size_ = kSmallPageSize;
  return page;
}

// Returns the page's version, and keeps the token for the next page. Calls `on_more`, if there is a
// next page, before it takes the objects.
Result<std::string> ListWatch::take_page(std::string_view page,
                                         const std::function<void()>& on_more) {
  const auto parts = TRY(split_page(page));
  simdjson::dom::parser parser;
  auto head = TRY(read_head(parser, parts, page));
  if (!std::exchange(list_begun_, true)) begin_list(head.version);
  continue_token_ = std::move(head.continue_token);
  if (!continue_token_.empty()) on_more();
  for (const auto text : parts.items) {
    const auto item = TRY(parse(parser, text, page));
    if (const auto taken = sink_.listed(item); !taken) complain(taken.error());
  }
  return std::move(head.version);
}

// A page of one object is the cheapest read that tells the server's present version.
void ListWatch::check(std::stop_token stop) {
  std::string query = "limit=1";
  append_selectors(query, watched_);
  const auto page = client_.list(watched_.resource, watched_.ns, query, kMetadataListAccept, stop);
  if (stop.stop_requested()) return;
  note_failure();
  const auto version = page ? version_of_page(*page) : std::unexpected(page.error());
  if (!version)
    return report(machine_.check_failed(version.error(), random_()), "list", version.error());
  machine_.checked(*version);
}

void ListWatch::begin_list(std::string_view version) {
  if (!sink_.list_begins(version)) return;
  log::warn("versions went back, all objects are read again: etcd was restored from a backup",
            {{"resource", name_of(watched_.resource)},
             {"namespace", scope_of(watched_)},
             {"resource_version", version}});
}

std::string ListWatch::list_query() const {
  std::string query = fmt::format("limit={}", page_size_);
  if (!continue_token_.empty()) query += "&continue=" + percent_encode(continue_token_);
  append_selectors(query, watched_);
  return query;
}

std::string ListWatch::watch_query() {
  // Random, so that the watches of all replicas do not reconnect at the same time.
  const unsigned seconds = 240 + random_() % 61;
  std::string query = fmt::format("allowWatchBookmarks=true&timeoutSeconds={}&resourceVersion={}",
                                  seconds, percent_encode(machine_.resource_version()));
  append_selectors(query, watched_);
  return query;
}

void ListWatch::watch(std::stop_token stop) {
  std::stop_source end;  // at `stop`, or when relist() asks for it
  const std::stop_callback at_stop(stop, [&] { end.request_stop(); });
  {
    const MutexLock lock(mutex_);
    if (relist_wanted_) return;
    watch_end_ = end;
  }
  decoder_.reset();
  event_error_.reset();
  Status decoded;
  const auto began = clock_.steady();
  const auto accept = watched_.metadata_only ? kMetadataAccept : kJsonAccept;
  const auto answer = client_.watch(
      watched_.resource, watched_.ns, watch_query(), accept, end.get_token(),
      [&](std::string_view bytes) {
        touch();
        decoded = decoder_.feed(bytes, [&](const WatchEvent& event) { take_event(event, began); });
        return decoded.has_value() && !event_error_ && !end.stop_requested();
      });
  if (end.stop_requested()) return;
  const auto lived = clock_.steady() - began;
  note_failure();
  if (!decoded) {
    report(machine_.watch_failed(decoded.error(), lived, random_()), "watch", decoded.error());
  } else if (event_error_) {
    report(machine_.watch_refused(*event_error_, lived, random_()), "watch", *event_error_);
  } else if (!answer) {
    report(machine_.watch_failed(answer.error(), lived, random_()), "watch", answer.error());
  } else if (decoder_.mid_line()) {
    const Error error{ErrorKind::Unavailable, "the watch broke off in the middle of an event", {}};
    report(machine_.watch_failed(error, lived, random_()), "watch", error);
  } else {
    const auto ended = machine_.watch_ended(lived, random_());
    const auto* what = ended == Report::Began ? "the server ends each watch at once"
                                              : "the server ended the watch";
    report(ended, "watch", {ErrorKind::Unavailable, what, {}});
  }
}

void ListWatch::take_event(const WatchEvent& event, SteadyTime began) {
  if (event_error_) return;  // events after an ERROR are ignored
  if (event.type == EventType::Error) {
    event_error_ = error_of_event(event.object);
    return;
  }
  const auto version = version_of(event.object);
  Status taken;
  if (event.type == EventType::Bookmark) {
    if (!version.empty()) sink_.seen(version);
  } else {
    taken = event.type == EventType::Deleted ? sink_.removed(event.object)
                                             : sink_.changed(event.object);
  }
  if (!taken) complain(taken.error());
  report_over(machine_.saw(version, clock_.steady() - began));
}

void ListWatch::report(Report report, std::string_view verb, const Error& error) {
  if (report == Report::Over) return report_over(report);
  if (report == Report::Nothing) {
    log::debug(fmt::format("{} ended", verb), {{"resource", name_of(watched_.resource)},
                                               {"namespace", scope_of(watched_)},
                                               {"error", error.message}});
    return;
  }
  const bool no_crds = error.kind == ErrorKind::NotFound && watched_.resource.group == api::kGroup;
  const char* remedy = no_crds ? "; the CRDs are not installed: kubectl apply -f crds/" : "";
  log::warn(fmt::format("{} failing, will keep trying", verb),
            {{"resource", name_of(watched_.resource)},
             {"namespace", scope_of(watched_)},
             {"kind", to_string(error.kind)},
             {"error", error.message + remedy}});
}

void ListWatch::report_over(Report report) {
  if (report != Report::Over) return;
  log::info("list and watch work again",
            {{"resource", name_of(watched_.resource)}, {"namespace", scope_of(watched_)}});
}

void ListWatch::complain(const Error& undecodable) {
  if (complaints_.size() >= kMaxComplaints || !complaints_.insert(undecodable.message).second)
    return;
  log::error("object skipped, it cannot be decoded", {{"resource", name_of(watched_.resource)},
                                                      {"namespace", scope_of(watched_)},
                                                      {"error", undecodable.message}});
}

}  // namespace apitoken::kube
