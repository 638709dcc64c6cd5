// WatchMachine: decides a reflector's next step: list or watch, from which version, after which
// delay. Pure: results, durations and random numbers go in, a step comes out. ListWatch owns one,
// on the reflector's thread.
//
//   list --ok--> watch --clean end--> watch (from the last version seen)
//                      --broken off, refused--> wait, check
//                      --410, no longer decodable, ERROR event--> [wait,] list
//   check --the server is at that version or a newer one--> watch
//         --the server is older, or was away--> [wait,] list
//   list --failed--> wait, list
//   asked to list again --> list
//
// A server whose etcd was restored from a backup is older than the last version seen. A watch from
// that version is silent, and misses what is written until the server reaches the version. A server
// that was away may have passed the version again by the time it is back, so then a list decides.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/backoff.hpp"
#include "base/result.hpp"

namespace apitoken::kube {

// Whether the reflector logs the failure's begin, its end, or nothing.
enum class Report { Nothing, Began, Over };

class WatchMachine {
 public:
  static constexpr Backoff kBackoff{std::chrono::milliseconds(800), std::chrono::seconds(30)};
  static constexpr std::chrono::minutes kMaxRetryAfter{5};
  // A watch that ends sooner and brought nothing new counts as refused. One that brought something
  // goes on at once: a server ends the watch of a reader that cannot keep up with very many
  // changes.
  static constexpr std::chrono::seconds kTooShort{1};
  static constexpr std::chrono::seconds kStable{5};  // lived so long, the failure is logged as over

  // Check: ask the server which version it is at.
  enum class Step { List, Check, Watch };
  struct Next {
    Step step;
    std::chrono::milliseconds delay;  // before the step
  };
  using Lived = std::chrono::steady_clock::duration;

  Next next() const { return {step_, delay_}; }
  const std::string& resource_version() const { return version_; }

  Report listed(std::string_view resource_version);
  Report list_failed(const Error& error, std::uint32_t random);

  // After an outage: the next failure waits for the shortest delay.
  void reset_failures() { list_failures_ = watch_failures_ = 0; }

  // Our objects may be out of date although no watch failed.
  void relist();

  // The server is at `server_version`.
  void checked(std::string_view server_version);
  Report check_failed(const Error& error, std::uint32_t random);

  // An event or a bookmark, `lived` after the watch began.
  Report saw(std::string_view resource_version, Lived lived);
  Report watch_ended(Lived lived, std::uint32_t random);
  Report watch_failed(const Error& error, Lived lived, std::uint32_t random);
  // An ERROR event: the server ends this watch.
  Report watch_refused(const Error& error, Lived lived, std::uint32_t random);

 private:
  // Ends the failures if the watch lived long or brought something; returns whether it did.
  bool end_watch(Lived lived);
  void wait_after(std::uint32_t& failures, const Error* error, std::uint32_t random);
  Report began(ErrorKind kind);
  Report over();

  Step step_ = Step::List;
  std::chrono::milliseconds delay_{0};
  std::string version_;
  std::uint32_t list_failures_ = 0;
  std::uint32_t watch_failures_ = 0;
  std::uint32_t short_ends_ = 0;
  bool has_moved_ = false;      // the present watch brought a newer version
  std::uint32_t reported_ = 0;  // bit set of the ErrorKinds logged since the failures began
};

}  // namespace apitoken::kube
