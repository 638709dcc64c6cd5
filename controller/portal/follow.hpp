// Following ApiTokens for one stream: LIST in pages, then a shared WATCH, as lines of NDJSON for
// the browser (columns, rows, gone, synced, restart, error). If the watch breaks, it lists again.
// It runs on the stream's thread while it lists, and needs none while it watches. It keeps no
// objects: at most a page is in memory.
#pragma once

#include <random>

#include "portal/subscriber.hpp"

namespace apitoken::portal {

// Which ApiTokens.
struct TokenScope {
  std::vector<std::string> namespaces;  // checked; empty: all
  std::string user{};                   // empty: everybody's
  std::string hash{};                   // of a value; not empty: only what has it, and no watch
};

// Counts refusals in a row, which a retry seldom mends. A single one may pass: an API server that
// has just started refuses everybody, because it does not know the roles yet.
class Refusals {
 public:
  static constexpr int kMax = 4;
  // Whether to give up after this problem.
  bool is_final(const Problem& problem);

 private:
  int count_ = 0;
};

class TokenFollow {
 public:
  static constexpr std::size_t kMaxWatched = 4;  // namespaces; more are listed every kListEvery
  static constexpr std::chrono::seconds kListEvery{30};
  static constexpr int kPageSize = 250;

  TokenFollow(std::shared_ptr<Viewer> viewer, TokenScope scope);
  ~TokenFollow();  // leaves the watches
  TokenFollow(const TokenFollow&) = delete;
  TokenFollow& operator=(const TokenFollow&) = delete;

  // Reads the first page, so that a refusal is the answer's own status. A worker's thread.
  Expected<void> begin(const std::stop_token& stop);
  // A producer of Streams: until the stream ends, or waits for a change.
  Next run(Sending& sending);

 private:
  struct Page;

  bool is_polled() const { return scope_.namespaces.size() > kMaxWatched; }
  Expected<std::unique_ptr<Page>> page(const std::string& ns, std::string_view continue_token,
                                       const std::stop_token& stop) const;
  // The first page of a namespace, whose watch is joined before.
  Expected<std::unique_ptr<Page>> first_page(const std::string& ns, const std::stop_token& stop);
  void send(const Page& page, Sending& sending) const;
  Expected<void> list(const std::string& ns, Sending& sending);
  Expected<void> list_all(Sending& sending);
  // Leaves the watches, tells the browser what broke and waits. False: the stream must end.
  bool recover(const std::optional<Problem>& problem, Sending& sending);

  const std::shared_ptr<Viewer> viewer_;
  const TokenScope scope_;
  const std::string selector_;  // "&fieldSelector=…"; empty: none
  std::unique_ptr<Page> first_page_;
  std::shared_ptr<Subscriber> subscriber_;
  std::vector<std::shared_ptr<SharedWatch>> watches_;  // go before the viewer
  bool has_columns_ = false, has_listed_ = false, is_live_ = false;
  std::uint32_t failures_ = 0;
  Refusals refusals_;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace apitoken::portal
