// A transport without an API server: each request fails as Unavailable. For tests and benchmarks of
// what needs a Client and sends nothing.
#pragma once

#include "kube/client.hpp"
#include "kube/transport.hpp"

namespace apitoken {

class NoTransport final : public kube::Transport {
 public:
  Result<kube::HttpResponse> send(const kube::HttpRequest&, std::stop_token) override {
    return none();
  }
  Result<kube::HttpResponse> stream(const kube::HttpRequest&, std::stop_token,
                                    const std::function<bool(std::string_view)>&) override {
    return none();
  }

 private:
  static std::unexpected<Error> none() {
    return fail(ErrorKind::Unavailable, "there is no API server");
  }
};

class NoObserver final : public kube::RequestObserver {
 public:
  void request_done(std::string_view, std::string_view) override {}
};

}  // namespace apitoken
