// Call: one request of a viewer to a route below /api, with its own copies of what the handler
// reads: the request itself is gone when a worker serves it.
#pragma once

#include <functional>
#include <stop_token>

#include "base/secret_string.hpp"
#include "portal/door.hpp"
#include "portal/names.hpp"
#include "portal/viewer.hpp"

namespace apitoken::portal {

class Streams;

// The parts of the portal that all handlers use.
struct Backend {
  Door& door;
  Streams& streams;
  const Clock& clock;
  std::string version;  // of the portal
};

struct Call {
  ~Call() { wipe(body); }

  Backend& backend;
  std::shared_ptr<Viewer> viewer;
  std::string ns{};    // from the path; checked
  std::string name{};  // from the path; checked
  Query query{};
  std::string body{};  // may hold a private thing that was pasted; wiped
  std::string peer{};
  std::stop_token stop{};

  // Members of the body. Errors: 400.
  Expected<nlohmann::json> form() const;
};

using CallHandler = Expected<serve::HttpReply> (*)(Call& call);

// One route below /api. In `path`, "{ns}" and "{name}" stand for checked names.
struct CallRoute {
  const char* method;
  const char* path;
  CallHandler handler;
  bool writes = false;  // refused by --read-only
};

// The tables, each in the file that implements it.
std::span<const CallRoute> session_routes();
std::span<const CallRoute> token_routes();
std::span<const CallRoute> token_write_routes();
std::span<const CallRoute> settings_routes();

}  // namespace apitoken::portal
