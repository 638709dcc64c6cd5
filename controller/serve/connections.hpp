// Connections: the accepted connections of one port and the phase of each. It closes connections
// that exceed a time limit, and one connection if there are too many. Serving threads add, remove
// and mark connections; a thread of its own looks for those past their time. It closes with
// shutdown(2), which the serving thread sees as the peer's end, so it waits for no thread.
//
// If an address has more than its share, or the port is full, one connection is closed: first the
// oldest that never completed a request, so that silent or slow peers cannot crowd out the others;
// then the one that has been idle longest.
#pragma once

#include <sys/socket.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "base/mutex.hpp"
#include "serve/limits.hpp"
#include "serve/stream.hpp"

namespace apitoken::serve {

class Connection {
 public:
  using Clock = std::chrono::steady_clock;

  const std::string& peer() const { return peer_; }  // the IP address

  // The serving thread reports the phases of its connection.
  void handshake_done();
  void head_begins();  // a request's first line has arrived
  void head_complete();
  void answered();  // the connection waits for its next request
  void streams(std::shared_ptr<Stream> stream);

 private:
  friend class Connections;
  enum class Phase : std::uint8_t { Handshake, Head, Request, Idle, Stream };
  // An IPv4 address as IPv6 maps it, or the first half of an IPv6 address: a peer usually has a
  // whole /64.
  using Address = std::array<std::uint8_t, 16>;

  Connection(class Connections& owner, int socket, const sockaddr* address, bool tls);
  bool is_past(Clock::time_point now, const Limits& limits) const;
  void enter(Phase phase) { phase_.store(phase, std::memory_order_release); }

  class Connections& owner_;
  const int socket_;
  Address address_{};
  std::string peer_;
  std::atomic<Phase> phase_;
  std::atomic<Clock::time_point> began_;    // begin of the handshake, then of the request
  std::atomic<Clock::time_point> changed_;  // begin of the phase
  bool proven_ = false;             // has completed a request, or streams; serving thread only
  std::shared_ptr<Stream> stream_;  // written by the serving thread, under the owner's mutex
  std::list<Connection*>* list_ = nullptr;  // contains it; guarded by the owner's mutex
  std::list<Connection*>::iterator place_;  // in list_; guarded by the owner's mutex
};

class Connections {
 public:
  explicit Connections(Limits limits) : limits_(limits) {}
  ~Connections() { stop(); }
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  const Limits& limits() const { return limits_; }

  void start();
  void stop();

  // Adds a new connection, and closes another one if there are too many.
  Connection& add(int socket, const sockaddr* address, bool tls);
  // Called before the socket is closed.
  void remove(Connection& connection);

  std::size_t size() const;
  std::size_t accepted() const { return accepted_; }  // since the start

 private:
  friend class Connection;
  using List = std::list<Connection*>;
  struct Peer {
    List fresh;    // has not completed a request; the oldest first
    List proven;   // in the order of their first answer
    List closing;  // shut down, but the serving thread has not noticed yet
    std::size_t size() const { return fresh.size() + proven.size(); }
  };

  void prove(Connection& connection);
  void keep(Connection& connection, std::shared_ptr<Stream> stream);
  void sweep(std::stop_token stop);
  void make_room(Peer& newcomers) REQUIRES(mutex_);
  static Connection* dispensable(const Peer& peer);
  void close(Peer& peer, Connection& connection) REQUIRES(mutex_);

  const Limits limits_;
  mutable Mutex mutex_;
  std::condition_variable_any came_;
  std::map<Connection::Address, Peer> peers_ GUARDED_BY(mutex_);
  std::size_t size_ GUARDED_BY(mutex_) = 0;  // all fresh and proven ones
  std::atomic<std::size_t> accepted_ = 0;
  std::jthread sweeper_;
};

}  // namespace apitoken::serve
