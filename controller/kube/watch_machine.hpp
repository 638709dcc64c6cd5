// WatchMachine: decides what a reflector does next: list, watch or wait; from which version; how
// long. Pure: outcomes, durations and random numbers go in, a step comes out. The reflector's
// thread owns it.
//
//   list --ok--> watch --clean end--> watch (from the last version seen)
//                      --broken off, refused--> wait, watch
//                      --410, no longer decodable, ERROR event--> [wait,] list
//   list --failed--> wait, list
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/backoff.hpp"
#include "base/result.hpp"

namespace apitoken::kube {

// What the reflector tells people about it.
enum class Report { Nothing, Began, Over };

class WatchMachine {
 public:
  static constexpr Backoff kBackoff{std::chrono::milliseconds(800), std::chrono::seconds(30)};
  static constexpr std::chrono::minutes kMaxRetryAfter{5};
  static constexpr std::chrono::seconds kTooShort{
      1};  // a watch that ends so soon did not want to be watched
  static constexpr std::chrono::seconds kStable{
      5};  // one that lived so long has left former failures behind

  enum class Step { List, Watch };
  struct Next {
    Step step;
    std::chrono::milliseconds delay;  // to wait before it
  };
  using Lived = std::chrono::steady_clock::duration;

  Next next() const { return {step_, delay_}; }
  const std::string& resource_version() const { return version_; }

  Report listed(std::string_view resource_version);
  Report list_failed(const Error& error, std::uint32_t random);

  // An outage is over: what fails from now on begins with the shortest wait.
  void forget_failures() { list_failures_ = watch_failures_ = 0; }

  // An event or a bookmark, `lived` after the watch began.
  Report saw(std::string_view resource_version, Lived lived);
  Report watch_ended(Lived lived, std::uint32_t random);
  Report watch_failed(const Error& error, Lived lived, std::uint32_t random);
  // An ERROR event: the server says that this watch cannot go on.
  Report watch_refused(const Error& error, Lived lived, std::uint32_t random);

 private:
  void wait_after(std::uint32_t& failures, const Error* error, std::uint32_t random);
  Report began(ErrorKind kind);
  Report over();

  Step step_ = Step::List;
  std::chrono::milliseconds delay_{0};
  std::string version_;
  std::uint32_t list_failures_ = 0;
  std::uint32_t watch_failures_ = 0;
  std::uint32_t short_ends_ = 0;
  std::uint32_t reported_ = 0;  // bit set of ErrorKinds told since all was well
};

}  // namespace apitoken::kube
