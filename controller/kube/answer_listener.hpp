// AnswerListener: learns of each answer of the API server when its head comes, long before a
// watch's last byte, and of requests that were left without any; and has the last word before a
// body is sent. Implementations are quick and safe on any thread: the transport calls them on its
// I/O thread.
#pragma once

#include <functional>
#include <optional>

#include "base/clock.hpp"
#include "kube/transport.hpp"

namespace apitoken::kube {

struct AnswerHead {
  int status = 0;
  std::optional<WallTime> date{};  // the header Date, if it could be read
  SteadyTime asked{};              // when the request was sent
  SteadyTime came{};               // when the head came
};

class AnswerListener {
 public:
  virtual ~AnswerListener() = default;
  virtual void answered(const AnswerHead&) {}
  // No connection, or it ended before a head came.
  virtual void unanswered() {}
  // What is asked just before the body of this request leaves the process; false keeps it back.
  // Empty: nothing is asked.
  virtual std::function<bool()> permission(const HttpRequest&) { return {}; }
};

}  // namespace apitoken::kube
