// Viewers of the portal for tests: credentials of nobody, and an observer that counts nothing.
#pragma once

#include <memory>

#include "portal/viewer.hpp"
#include "support/fake_transport.hpp"

namespace apitoken::portal {

class Nobody final : public kube::Credentials {
 public:
  const std::string& server() const override { return server_; }
  const std::string& default_namespace() const override { return namespace_; }
  Result<kube::TlsMaterial> tls() override { return kube::TlsMaterial{}; }
  Result<std::optional<SecretString>> bearer_token() override {
    return std::optional<SecretString>();
  }
  void reject() override {}

 private:
  const std::string server_ = "http://127.0.0.1:1";
  const std::string namespace_ = "default";
};

class Quiet final : public UpstreamObserver {
  void request_done(std::string_view, std::string_view) override {}
};

}  // namespace apitoken::portal
