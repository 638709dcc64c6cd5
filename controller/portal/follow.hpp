// Following ApiTokens for one stream: LIST in pages, then WATCH, as lines of NDJSON for the browser
// (portal.md of the wire: columns, rows, gone, synced, restart, error). Where a watch breaks it
// lists again. One stream's thread, and one more for each further namespace. It keeps no objects:
// at most a page is in memory.
#pragma once

#include "portal/streams.hpp"

namespace apitoken::portal {

// Which ApiTokens.
struct TokenScope {
  std::vector<std::string> namespaces;  // checked; empty: all
  std::string user{};                   // empty: everybody's
  std::string hash{};                   // of a value; not empty: only what has it, and no watch
};

// Refusals in a row that trying again seldom mends. One alone may pass: an API server that has just
// started refuses everybody, as it does not know the roles yet.
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

  TokenFollow(Viewer& viewer, TokenScope scope);

  // Reads the first page, so that a refusal is the answer's own status. A worker's thread.
  Expected<void> begin(std::stop_token stop);
  // Until the stream ends.
  void run(Sending& sending);

 private:
  struct Listed {
    std::string ns;  // empty: all
    std::string version;
  };

  Expected<std::string> page(const std::string& ns, std::string_view continue_token,
                             std::stop_token stop);
  // Sends the rows of a page; returns the token of the next one.
  Expected<std::string> take(const std::string& page, std::string& version, Sending& sending);
  Expected<std::vector<Listed>> list(Sending& sending);
  // Returns once any namespace must be listed again; what broke, if the browser is to know.
  std::optional<Problem> watch(const std::vector<Listed>& listed, Sending& sending);
  std::optional<Problem> watch_one(const Listed& listed, Sending& sending,
                                   const std::stop_token& stop);
  bool is_polled() const { return scope_.namespaces.size() > kMaxWatched; }

  Viewer& viewer_;
  const TokenScope scope_;
  const std::string selector_;  // "&fieldSelector=…"; empty: none
  std::optional<std::string> first_page_;
};

// A watch of `resource` from `version` until it ends for good or `stop` comes. `tell` gets each
// change, and returns false to end it. What broke; nothing: asked to end, or to be listed again.
std::optional<Problem> watch_from(Viewer& viewer, const kube::Resource& resource,
                                  const std::string& ns, std::string version,
                                  const std::string& selector, const std::stop_token& stop,
                                  const std::function<bool(bool removed, api::Json)>& tell);

}  // namespace apitoken::portal
