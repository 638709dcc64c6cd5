// LocalDoor: the way into the portal of `kubectl apitoken web`: one viewer, whose credentials are
// those of the kubeconfig, and a key of this run that every request must bring. The key is in
// the fragment of the address that is printed: browsers send it to nobody, and no cookie exists.
#pragma once

#include <atomic>
#include <string>

#include "portal/door.hpp"

namespace apitoken::cli {

class LocalDoor final : public portal::Door {
 public:
  struct Setup {
    SecretString key;
    std::string cluster{};  // as the page names it
    bool read_only = false;
    std::string name_space{};  // to try first
  };

  // The viewer and the clock outlive the door.
  LocalDoor(Setup setup, std::shared_ptr<portal::Viewer> viewer, const Clock& clock)
      : setup_(std::move(setup)), viewer_(std::move(viewer)), clock_(clock), used_(now()) {}

  // Sets the port that the server listens on. Call it before the first request.
  void set_port(std::uint16_t port) { port_ = port; }
  std::string_view key() const { return setup_.key.reveal(); }
  // When the last request with the key came.
  SteadyTime last_use() const { return SteadyTime(SteadyDuration(used_)); }

  bool is_our_host(std::string_view host) const override;
  bool is_our_origin(std::string_view origin, std::string_view host) const override;
  std::variant<std::shared_ptr<portal::Viewer>, portal::Problem> admit(
      const serve::HttpRequest& request) override;
  nlohmann::json about() const override;
  bool is_read_only() const override { return setup_.read_only; }
  KnownNamespaces known_namespaces(portal::Viewer& viewer, std::stop_token stop) override;
  serve::HttpAnswer sign_out(portal::Viewer& viewer, std::stop_token stop) override;

 private:
  SteadyDuration::rep now() const { return clock_.steady().time_since_epoch().count(); }

  const Setup setup_;
  const std::shared_ptr<portal::Viewer> viewer_;
  const Clock& clock_;
  std::uint16_t port_ = 0;
  std::atomic<SteadyDuration::rep> used_;
};

// 256 random bits as base64url: the key of a run.
SecretString make_portal_key();

}  // namespace apitoken::cli
