// Lists connections by phase and address; closes those past their limits.
#include "serve/connections.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <cstring>

#include "base/thread_name.hpp"

namespace apitoken::serve {
namespace {

constexpr std::chrono::milliseconds kSweepEvery{250};

struct Named {
  std::array<std::uint8_t, 16> group{};
  std::string text;
};

Named name_of(const sockaddr* address) {
  Named named;
  char text[INET6_ADDRSTRLEN] = "";
  in6_addr ip{};
  if (address != nullptr && address->sa_family == AF_INET) {
    const auto& four = reinterpret_cast<const sockaddr_in*>(address)->sin_addr;
    ip.s6_addr[10] = ip.s6_addr[11] = 0xFF;
    std::memcpy(&ip.s6_addr[12], &four, sizeof four);
  } else if (address != nullptr && address->sa_family == AF_INET6) {
    ip = reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
  }
  const bool is_four = IN6_IS_ADDR_V4MAPPED(&ip);
  inet_ntop(is_four ? AF_INET : AF_INET6, is_four ? &ip.s6_addr[12] : &ip.s6_addr[0], text,
            sizeof text);
  named.text = text;
  std::memcpy(named.group.data(), &ip, is_four ? 16 : 8);
  return named;
}

}  // namespace

Connection::Connection(Connections& owner, int socket, const sockaddr* address, bool tls)
    : owner_(owner),
      socket_(socket),
      phase_(tls ? Phase::Handshake : Phase::Head),
      began_(Clock::now()),
      changed_(began_.load()) {
  auto named = name_of(address);
  address_ = named.group;
  peer_ = std::move(named.text);
}

void Connection::handshake_done() {
  if (phase_ != Phase::Handshake) return;
  began_ = changed_ = Clock::now();
  enter(Phase::Head);
}

void Connection::head_begins() {
  if (phase_ != Phase::Idle) return;
  began_ = changed_ = Clock::now();
  enter(Phase::Head);
}

void Connection::head_complete() { enter(Phase::Request); }

void Connection::answered() {
  if (!proven_) owner_.prove(*this);
  if (stream_) owner_.keep(*this, nullptr);
  changed_ = Clock::now();
  enter(Phase::Idle);
}

void Connection::streams(std::shared_ptr<Stream> stream) {
  // For a peer that vanished while few bytes were on their way: they all fit into the socket, so
  // our own stall limit would not notice.
  const auto stalled = static_cast<unsigned>(owner_.limits().stream_stalled.count());
  setsockopt(socket_, IPPROTO_TCP, TCP_USER_TIMEOUT, &stalled, sizeof stalled);
  if (!proven_) owner_.prove(*this);
  owner_.keep(*this, std::move(stream));
  enter(Phase::Stream);
}

bool Connection::is_past(Clock::time_point now, const Limits& limits) const {
  switch (phase_.load(std::memory_order_acquire)) {
    case Phase::Handshake:
      return now - began_.load() > limits.handshake;
    case Phase::Head:
      return now - began_.load() > std::min(limits.head, limits.request);
    case Phase::Request:
      return now - began_.load() > limits.request;
    case Phase::Idle:
      return now - changed_.load() > limits.idle;
    case Phase::Stream:
      return stream_ && stream_->stalled() > limits.stream_stalled;
  }
  return false;
}

void Connections::start() {
  sweeper_ = std::jthread([this](std::stop_token stop) { sweep(std::move(stop)); });
}

void Connections::stop() {
  sweeper_.request_stop();
  if (sweeper_.joinable()) sweeper_.join();
}

Connection& Connections::add(int socket, const sockaddr* address, bool tls) {
  auto* connection = new Connection(*this, socket, address, tls);
  const MutexLock lock(mutex_);
  auto& peer = peers_[connection->address_];
  connection->list_ = &peer.fresh;
  connection->place_ = peer.fresh.insert(peer.fresh.end(), connection);
  ++accepted_;
  if (++size_ == 1) came_.notify_one();
  make_room(peer);
  return *connection;
}

void Connections::remove(Connection& connection) {
  const std::unique_ptr<Connection> owned(&connection);
  const MutexLock lock(mutex_);
  const auto peer = peers_.find(connection.address_);
  if (connection.list_ != &peer->second.closing) --size_;
  connection.list_->erase(connection.place_);
  if (peer->second.size() == 0 && peer->second.closing.empty()) peers_.erase(peer);
}

std::size_t Connections::size() const {
  const MutexLock lock(mutex_);
  return size_;
}

void Connections::prove(Connection& connection) {
  connection.proven_ = true;
  const MutexLock lock(mutex_);
  auto& peer = peers_.find(connection.address_)->second;
  if (connection.list_ != &peer.fresh) return;
  peer.proven.splice(peer.proven.end(), peer.fresh, connection.place_);
  connection.list_ = &peer.proven;
}

void Connections::keep(Connection& connection, std::shared_ptr<Stream> stream) {
  const MutexLock lock(mutex_);
  connection.stream_.swap(stream);
}

void Connections::make_room(Peer& newcomers) {
  auto* peer = &newcomers;
  if (peer->size() <= limits_.connections_per_address) {
    if (size_ <= limits_.connections) return;
    const auto most =
        std::ranges::max_element(peers_, {}, [](const auto& entry) { return entry.second.size(); });
    peer = &most->second;
  }
  if (auto* one = dispensable(*peer)) close(*peer, *one);
}

// Null only if all connections stream or serve a request on a kept connection.
Connection* Connections::dispensable(const Peer& peer) {
  using Phase = Connection::Phase;
  const auto longest_idle = [&peer]() -> Connection* {
    Connection* found = nullptr;
    for (auto* one : peer.proven) {
      if (one->phase_ == Phase::Idle && (!found || one->changed_.load() < found->changed_.load()))
        found = one;
    }
    return found;
  };
  // Idle connections may take three quarters, so that new ones have room to complete a request.
  if (peer.fresh.size() < peer.size() / 4) {
    if (auto* idle = longest_idle()) return idle;
  }
  // Not the newest, which may be about to send its request.
  const auto newest = peer.fresh.empty() ? peer.fresh.end() : std::prev(peer.fresh.end());
  const auto unfinished = std::find_if(
      peer.fresh.begin(), newest, [](const auto* one) { return one->phase_ != Phase::Request; });
  if (unfinished != newest) return *unfinished;
  if (auto* idle = longest_idle()) return idle;
  return peer.fresh.empty() ? nullptr : peer.fresh.front();
}

// Called under the mutex on purpose: the descriptor stays open while the connection is in a list.
void Connections::close(Peer& peer, Connection& connection) {
  shutdown(connection.socket_, SHUT_RDWR);
  peer.closing.splice(peer.closing.end(), *connection.list_, connection.place_);
  connection.list_ = &peer.closing;
  --size_;
}

void Connections::sweep(std::stop_token stop) {
  name_thread("http sweeps");
  MutexLock lock(mutex_);
  while (came_.wait(lock, stop, [this]() REQUIRES(mutex_) { return size_ != 0; }) &&
         !stop.stop_requested()) {
    const auto now = Connection::Clock::now();
    for (auto& [address, peer] : peers_) {
      for (auto* list : {&peer.fresh, &peer.proven}) {
        for (auto at = list->begin(); at != list->end();) {
          auto& one = **at++;
          if (one.is_past(now, limits_)) close(peer, one);
        }
      }
    }
    came_.wait_for(lock, stop, kSweepEvery, [] { return false; });
  }
}

}  // namespace apitoken::serve
