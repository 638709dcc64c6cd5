// Limits: the time, room and number of connections that a port of the operator gives to its peers.
// The limits of every port are in this file only. Plain values.
#pragma once

#include <chrono>
#include <cstddef>

namespace apitoken::serve {

struct Limits {
  // The time for each step, after which the connection is closed even if the peer sends bytes.
  std::chrono::milliseconds handshake{3'000};        // accepted -> TLS is up
  std::chrono::milliseconds head{5'000};             // TLS is up -> the request's head is complete
  std::chrono::milliseconds request{30'000};         // TLS is up -> the answer is sent
  std::chrono::milliseconds idle{30'000};            // an answer is sent -> the next first line
  std::chrono::milliseconds stream_stalled{60'000};  // the peer of a stream reads nothing

  // One more connection closes the oldest unused one, of the same address or of the address that
  // has most.
  std::size_t connections = 2048;
  std::size_t connections_per_address = 1024;

  // Size of a request. A larger head is answered 431 (414 if the target is too long), a larger body
  // 413.
  std::size_t target_bytes = 8 * 1024;
  std::size_t head_bytes = 16 * 1024;
  std::size_t headers = 100;
  std::size_t body_bytes = 64 * 1024;

  // Size of an answer's head. A larger one is a bug in the operator and becomes 500.
  std::size_t answer_head_bytes = 16 * 1024;
};

// A slower probe has failed already: the kubelet waits one second by default.
inline constexpr Limits kProbeLimits{
    .request = std::chrono::seconds(5), .connections = 512, .connections_per_address = 256};
inline constexpr Limits kMetricsLimits{.connections = 512, .connections_per_address = 256};
inline constexpr Limits kVerifyLimits{};

}  // namespace apitoken::serve
