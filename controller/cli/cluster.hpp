// The cluster as the commands see it: ApiTokens, their Secrets and Events, and who is asking. One
// connection, made by connect(), used on the main thread. Every Failure names what was asked for
// and what to do about it.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "api/api_token.hpp"
#include "api/token_expiry_config.hpp"
#include "base/secret_string.hpp"
#include "cli/command_line.hpp"
#include "cli/exit_code.hpp"
#include "kube/client.hpp"

namespace apitoken::cli {

// An ApiToken, and the JSON that it came in.
struct ShownToken {
  api::ApiToken token;
  std::string json;
};

struct TokenEvent {
  std::string type;  // Normal or Warning
  std::string reason;
  std::string note;
  std::optional<WallTime> at;
};

class Cluster {
 public:
  // Reads the kubeconfig; connects only when asked for something. `stop` ends requests under way.
  static Outcome<std::unique_ptr<Cluster>> connect(const Options& options, std::stop_token stop);
  ~Cluster();

  const std::string& name_space() const;

  Outcome<std::string> who_am_i();
  Outcome<ShownToken> get(const std::string& name);
  // Of one namespace or (empty) all, of one user or (empty) all; in no order.
  Outcome<std::vector<ShownToken>> list(const std::string& name_space, const std::string& user);
  Outcome<ShownToken> create(const std::string& name, const std::string& body);
  Outcome<ShownToken> merge_patch(const std::string& name, const std::string& body);
  Outcome<api::TokenExpiryConfig> get_config(const std::string& name);
  Outcome<void> patch_config(const std::string& name, const std::string& body);
  Outcome<std::vector<std::string>> config_names();
  // Deletes it, unless another of that name has taken its place.
  Outcome<void> remove(const std::string& name, const std::string& uid);
  // Whether the user may read the Secret of that name, which need not be there.
  Outcome<bool> may_read_secret(const std::string& name);
  // The value that the Secret of `token` holds; empty while the Secret or its key is not there.
  Outcome<SecretString> value_of(const api::ApiToken& token);
  // Oldest first.
  Outcome<std::vector<TokenEvent>> events_of(const std::string& name);

 private:
  struct Parts;
  explicit Cluster(std::unique_ptr<Parts> parts);
  std::unexpected<Failure> refuse(const Error& error) const;
  std::unexpected<Failure> refuse_write(const std::string& name, const Error& error) const;
  Outcome<ShownToken> shown(Result<std::string> body) const;

  const std::unique_ptr<Parts> parts_;
};

// What the API server itself said: without the verb and the status that Client puts around it.
std::string server_words(const Error& error);

}  // namespace apitoken::cli
