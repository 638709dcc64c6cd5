// AnswerListener: gets each answer of the API server as soon as its head arrives (for a watch, long
// before its last byte) and each request that got no answer, and may stop a request before its body
// is sent. The transport calls implementations on its I/O thread: they are quick and thread-safe.
#pragma once

#include <functional>
#include <optional>

#include "base/clock.hpp"
#include "kube/transport.hpp"

namespace apitoken::kube {

struct AnswerHead {
  int status = 0;
  std::optional<WallTime> date{};  // the header Date, if it can be parsed
  SteadyTime asked{};              // when the request was sent
  SteadyTime came{};               // when the head arrived
};

class AnswerListener {
 public:
  virtual ~AnswerListener() = default;
  virtual void answered(const AnswerHead&) {}
  // There was no connection, or it ended before a head arrived.
  virtual void unanswered() {}
  // A check that the transport runs just before it sends the body of `request`; if the check
  // returns false, the request is canceled. Empty: no check.
  virtual std::function<bool()> permission(const HttpRequest&) { return {}; }
};

}  // namespace apitoken::kube
