// Limits: how much time, room and how many connections a port of the operator gives to its peers.
// Every port has them here and nowhere else. Plain values.
#pragma once

#include <chrono>
#include <cstddef>

namespace apitoken::serve {

struct Limits {
  // How long each step may take before the connection is closed, however busy the peer looks.
  std::chrono::milliseconds handshake{3'000};  // accepted -> TLS is up
  std::chrono::milliseconds head{5'000};       // TLS is up -> the request's head is complete
  std::chrono::milliseconds request{
      30'000};  // TLS is up -> the answer is sent; body and waiting included
  std::chrono::milliseconds idle{30'000};  // an answer is sent -> the next request's first line
  std::chrono::milliseconds stream_stalled{
      60'000};  // a streamed answer: the peer takes none of what waits for it

  // One more connection closes the oldest unused one: of the same address, or of the address that
  // has most.
  std::size_t connections = 2048;
  std::size_t connections_per_address = 1024;

  // A request. A larger head is answered 431, or 414 where the target is too long; a larger body
  // 413.
  std::size_t target_bytes = 8 * 1024;
  std::size_t head_bytes = 16 * 1024;
  std::size_t headers = 100;
  std::size_t body_bytes = 64 * 1024;

  // An answer. More headers than that are a bug of ours, answered 500.
  std::size_t answer_head_bytes = 16 * 1024;
};

// A probe that takes longer has failed anyway: kubelet waits one second by default.
inline constexpr Limits kProbeLimits{
    .request = std::chrono::seconds(5), .connections = 512, .connections_per_address = 256};
inline constexpr Limits kMetricsLimits{.connections = 512, .connections_per_address = 256};
inline constexpr Limits kVerifyLimits{};

}  // namespace apitoken::serve
