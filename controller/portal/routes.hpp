// Routes: everything that a portal answers: pages, assets, /healthz, and the table of routes below
// /api. Requests come on the serving threads; those below /api are served by Workers. Each is
// served with the credentials of the Viewer that the Door admits, and with no others.
//
//   Workers workers(8);
//   Streams streams(clock);
//   Routes routes({.door = door, .assets = assets, .workers = workers, .streams = streams,
//                  .clock = clock, .version = "0.1.0"});
//   HttpServer server({.threads = 2, .headers = security_headers(false)}, std::ref(routes));
#pragma once

#include "portal/assets.hpp"
#include "portal/call.hpp"
#include "portal/workers.hpp"

namespace apitoken::portal {

// A request below /api that was answered, without a name or value that it holds.
struct Answered {
  std::string_view method;
  std::string_view route{};  // its pattern; empty: no route, or refused before one was looked for
  int status = 0;
  std::string user{};  // empty: nobody is signed in, or the API server was not asked yet
};

class Routes {
 public:
  struct Parts {
    Door& door;
    const Assets& assets;
    Workers& workers;
    Streams& streams;
    const Clock& clock;
    std::string version;
    // Called for each answer below /api. Any thread.
    std::function<void(const Answered&)> answered = [](const auto&) {};
  };

  // Everything that `parts` refers to outlives the routes.
  explicit Routes(Parts parts);

  serve::HttpReply serve(const serve::HttpRequest& request);
  serve::HttpReply operator()(const serve::HttpRequest& request) { return serve(request); }

 private:
  serve::HttpReply serve_api(const serve::HttpRequest& request);
  serve::HttpReply serve_session(const serve::HttpRequest& request);
  serve::HttpReply dispatch(const serve::HttpRequest& request, std::shared_ptr<Viewer> viewer);
  serve::HttpReply run(const CallRoute& route, std::shared_ptr<Call> call);
  // The answer to a request that no handler sees.
  serve::HttpReply refuse(const serve::HttpRequest& request, const Viewer* viewer,
                          serve::HttpAnswer answer, std::string_view route = {});

  Parts parts_;
  Backend backend_;
};

// Whether a path is one of the front end's pages. Pure.
bool is_page(std::string_view path);

}  // namespace apitoken::portal
