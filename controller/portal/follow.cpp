// LIST, then WATCH.
#include "portal/follow.hpp"

#include <fmt/format.h>

#include "base/backoff.hpp"
#include "kube/watch_decoder.hpp"
#include "portal/rows.hpp"
#include "portal/watch_from.hpp"

namespace apitoken::portal {
namespace {

constexpr Backoff kBackoff{std::chrono::seconds(1), std::chrono::seconds(30)};
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

// Not moved, because `root` refers to the parser.
struct TokenFollow::Page {
  simdjson::dom::parser parser;
  api::Json root;

  std::string version() const { return std::string(kube::version_of(root)); }
  // The token of the next page; empty: this is the last.
  std::string next() const {
    const auto metadata = api::member(root, "metadata");
    return metadata ? api::read_string(*metadata, "continue", "").value_or("") : std::string();
  }
};

TokenFollow::TokenFollow(std::shared_ptr<Viewer> viewer, TokenScope scope)
    : viewer_(std::move(viewer)), scope_(std::move(scope)), selector_(selector_of(scope_.user)) {}

TokenFollow::~TokenFollow() = default;

Expected<std::unique_ptr<TokenFollow::Page>> TokenFollow::page(const std::string& ns,
                                                               std::string_view continue_token,
                                                               const std::stop_token& stop) const {
  std::string query = fmt::format("limit={}{}", kPageSize, selector_);
  if (!continue_token.empty()) query += "&continue=" + kube::percent_encode(continue_token);
  const auto text = TRY(viewer_->upstream().list(kube::resources::kApiTokens, ns, query, stop));
  auto page = std::make_unique<Page>();
  if (const auto error = api::parse_document(page->parser, text, false).get(page->root))
    return refuse(unreadable_answer(simdjson::error_message(error)));
  return page;
}

Expected<std::unique_ptr<TokenFollow::Page>> TokenFollow::first_page(const std::string& ns,
                                                                     const std::stop_token& stop) {
  if (is_polled() || !scope_.hash.empty()) return page(ns, "", stop);
  if (!subscriber_) subscriber_ = std::make_shared<Subscriber>();
  const Watched watched{ns, selector_};
  std::unique_ptr<Page> first;
  const auto list_first = [&]() -> Expected<std::string> {
    first = TRY(page(ns, "", stop));
    return first->version();
  };
  watches_.push_back(TRY(viewer_->watches().join(watched, subscriber_, list_first, stop)));
  subscriber_->listed(watched, first->version());
  return first;
}

Expected<void> TokenFollow::begin(const std::stop_token& stop) {
  first_page_ =
      TRY(first_page(scope_.namespaces.empty() ? kAllNamespaces : scope_.namespaces.front(), stop));
  return {};
}

void TokenFollow::send(const Page& page, Sending& sending) const {
  RowsLine line;
  for (const api::Json object : api::read_array(page.root, "items")) {
    if (!scope_.hash.empty() && token_hash_of(object) != scope_.hash) continue;
    line.add(object);
    if (line.size() == kRowsOfLine && !sending.line(line.take())) return;
  }
  if (line.size() > 0) sending.line(line.take());
}

Expected<void> TokenFollow::list(const std::string& ns, Sending& sending) {
  auto now = first_page_ ? Expected<std::unique_ptr<Page>>(std::move(first_page_))
                         : first_page(ns, sending.stop());
  while (now) {
    send(**now, sending);
    const auto next = (*now)->next();
    if (next.empty() || !sending.is_open()) return {};
    now->reset();  // before the next page is read
    now = page(ns, next, sending.stop());
  }
  return refuse(std::move(now.error()));
}

Expected<void> TokenFollow::list_all(Sending& sending) {
  if (scope_.namespaces.empty()) return list(kAllNamespaces, sending);
  for (const auto& ns : scope_.namespaces) {
    TRY(list(ns, sending));
  }
  return {};
}

bool TokenFollow::recover(const std::optional<Problem>& problem, Sending& sending) {
  is_live_ = false;
  watches_.clear();
  subscriber_.reset();
  if (!problem) return sending.pause(kTooShort);  // a server may call each version too old
  if (!sending.is_open() || !sending.line(error_line(*problem)) || refusals_.is_final(*problem))
    return false;
  return sending.pause(kBackoff.jittered(failures_++, static_cast<std::uint32_t>(random_())));
}

Next TokenFollow::run(Sending& sending) {
  if (!has_columns_ && !sending.line(columns_line())) return Next::End;
  has_columns_ = true;
  while (sending.is_open()) {
    if (is_live_ && !recover(subscriber_->problem(), sending)) break;
    if (has_listed_ && !sending.line("{\"restart\":true}")) break;
    has_listed_ = true;
    if (const auto done = list_all(sending); !done) {
      if (!recover(done.error(), sending)) break;
      continue;
    }
    failures_ = 0;
    refusals_ = {};
    if (!sending.line("{\"synced\":true}") || !scope_.hash.empty()) break;
    if (is_polled()) {
      sending.pause(kListEvery);
      continue;
    }
    is_live_ = true;
    if (subscriber_->go_live(sending)) return Next::Wait;
  }
  return Next::End;
}

}  // namespace apitoken::portal
