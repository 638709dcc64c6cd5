// Cluster: the requests of the plugin's commands, for ApiTokens, TokenExpiryConfigs, Secrets,
// Events and the user's own name and permissions. One connection, for the main thread. Each Failure
// has a message of one line that names the object and the remedy.
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
#include "kube/credentials.hpp"

namespace apitoken::cli {

// An ApiToken and the JSON that it was decoded from.
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
  // Reads the kubeconfig. Does not connect: the first request does. `stop` cancels requests.
  static Outcome<std::unique_ptr<Cluster>> connect(const Options& options, std::stop_token stop);
  ~Cluster();

  const std::string& name_space() const;

  // The user's name, by SelfSubjectReview.
  Outcome<std::string> who_am_i();
  Outcome<ShownToken> get(const std::string& name);
  // The ApiTokens of one namespace and one user that match a label selector, in no order. An empty
  // text selects all.
  Outcome<std::vector<ShownToken>> list(const std::string& name_space, const std::string& user,
                                        const std::string& selector = "");
  Outcome<ShownToken> create(const std::string& name, const std::string& body);
  Outcome<ShownToken> merge_patch(const std::string& name, const std::string& body);
  Outcome<api::TokenExpiryConfig> get_config(const std::string& name);
  Outcome<void> patch_config(const std::string& name, const std::string& body);
  Outcome<std::vector<std::string>> config_names();
  Outcome<std::vector<api::TokenExpiryConfig>> configs();
  // Deletes the ApiToken with that uid. Succeeds if it does not exist.
  Outcome<void> remove(const std::string& name, const std::string& uid);
  // Whether the user may read the Secret of that name, which need not exist.
  Outcome<bool> may_read_secret(const std::string& name);
  // Whether the user may do this in the namespace, by SelfSubjectAccessReview. An empty name: to
  // any object.
  Outcome<bool> may(std::string_view verb, const kube::Resource& resource,
                    const std::string& name = "");
  // The same for another user or service account, in all namespaces.
  Outcome<bool> may_other(const std::string& user, std::string_view verb,
                          const kube::Resource& resource, std::string_view subresource);
  // The answer to a GET of this path, with its query: a document, or text such as a log.
  Outcome<std::string> read_path(const std::string& path);
  // The JSON of one object; empty if it does not exist.
  Outcome<std::string> read(const kube::Resource& resource, const api::ObjectKey& key);
  // The value in the Secret of `token`. Empty if the Secret or its key does not exist.
  Outcome<SecretString> value_of(const api::ApiToken& token);
  // The Events about the ApiToken, oldest first.
  Outcome<std::vector<TokenEvent>> events_of(const std::string& name);

 private:
  struct Parts;
  explicit Cluster(std::unique_ptr<Parts> parts);
  std::unexpected<Failure> refuse(const Error& error) const;
  // The parsed answer, valid until the next one.
  Outcome<api::Json> answer(const Result<std::string>& body) const;
  std::unexpected<Failure> refuse_write(const std::string& name, const Error& error) const;
  Outcome<ShownToken> shown(Result<std::string> body) const;

  const std::unique_ptr<Parts> parts_;
};

// Finds the credentials that the flags name: kubeconfig, context, cluster, another user.
Outcome<std::unique_ptr<kube::Credentials>> find_credentials(const Options& options);

}  // namespace apitoken::cli
