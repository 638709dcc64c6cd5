// Connections: every accepted connection of one port, how far each is, and which goes when there
// are too many or one takes too long. Serving threads add, remove and mark; a thread of its own
// looks for those past their time. It closes by shutdown(2), which the serving thread sees as the
// peer's end, so nobody is ever waited for.
//
// When an address has more than its share, or the port is full, one goes: first the oldest that
// never completed a request, so that neither silent nor trickling peers can crowd out the others;
// then the one idle for longest.
#pragma once

#include <sys/socket.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "serve/limits.hpp"
#include "serve/stream.hpp"

namespace apitoken::serve {

class Connection {
 public:
  using Clock = std::chrono::steady_clock;

  const std::string& peer() const { return peer_; }  // the IP address

  // What the serving thread says of its connection.
  void handshake_done();
  void head_begins();  // a request's first line is there
  void head_complete();
  void answered();  // the connection waits for the next request
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
  std::atomic<Clock::time_point> began_;    // the handshake; then the request
  std::atomic<Clock::time_point> changed_;  // when the phase began
  bool proven_ = false;             // completed a request, or streams; the serving thread's alone
  std::shared_ptr<Stream> stream_;  // written by the serving thread, under the owner's mutex
  std::list<Connection*>* list_ = nullptr;  // that it is in; guarded by the owner's mutex
  std::list<Connection*>::iterator place_;  // there; guarded by the owner's mutex
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

  // Takes in a new connection, and closes another one if there are too many.
  Connection& add(int socket, const sockaddr* address, bool tls);
  // Before the socket is closed.
  void remove(Connection& connection);

  std::size_t size() const;
  std::size_t accepted() const { return accepted_; }  // ever

 private:
  friend class Connection;
  using List = std::list<Connection*>;
  struct Peer {
    List fresh;    // no request completed yet; the oldest first
    List proven;   // in the order of their first answer
    List closing;  // shut down; their serving thread has not noticed yet
    std::size_t size() const { return fresh.size() + proven.size(); }
  };

  void prove(Connection& connection);
  void keep(Connection& connection, std::shared_ptr<Stream> stream);
  void sweep(std::stop_token stop);
  // The callers of these hold mutex_.
  void make_room(Peer& newcomers);
  static Connection* dispensable(const Peer& peer);
  void close(Peer& peer, Connection& connection);

  const Limits limits_;
  mutable std::mutex mutex_;
  std::condition_variable_any came_;
  std::map<Connection::Address, Peer> peers_;  // guarded by mutex_
  std::size_t size_ = 0;                       // of all fresh and proven; guarded by mutex_
  std::atomic<std::size_t> accepted_ = 0;
  std::jthread sweeper_;
};

}  // namespace apitoken::serve
