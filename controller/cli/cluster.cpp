// Sends the requests of the commands.
#include "cli/cluster.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "api/secret.hpp"
#include "cli/cluster_failure.hpp"
#include "kube/cpprest_transport.hpp"
#include "kube/find_credentials.hpp"

namespace apitoken::cli {
namespace {

constexpr kube::Resource kSelfSubjectReviews{"authentication.k8s.io", "v1", "selfsubjectreviews",
                                             false};
constexpr kube::Resource kSelfSubjectAccessReviews{"authorization.k8s.io", "v1",
                                                   "selfsubjectaccessreviews", false};
constexpr std::string_view kPage = "500";
constexpr Seconds kMaxRequestTime{20};

// All requests of a command share the deadline of --timeout.
Seconds request_limit(const Options& options) {
  if (options.request_timeout) return std::max(*options.request_timeout, Seconds(1));
  return std::clamp(options.timeout, Seconds(1), kMaxRequestTime);
}

// With Strict, an operator that is too old for a field refuses the field; otherwise the API server
// would drop it silently.
std::string write_query(const Options& options) {
  std::string query = "fieldManager=kubectl-apitoken&fieldValidation=Strict";
  if (options.dry_run == DryRun::Server) query += "&dryRun=All";
  return query;
}

// Escapes a value for a field selector.
std::string selector_value(std::string_view value) {
  std::string escaped;
  for (const char c : value) {
    if (c == '\\' || c == ',' || c == '=') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

// The value of `decoded`, or a Failure that says why the answer cannot be read.
template <typename T>
Outcome<T> readable(Result<T> decoded) {
  if (decoded) return std::move(*decoded);
  return give_up(ExitCode::Failed,
                 "the API server's answer cannot be read: " + decoded.error().message);
}

}  // namespace

Outcome<std::unique_ptr<kube::Credentials>> find_credentials(const Options& options) {
  const bool person = options.may_ask && isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
  auto found = kube::find_credentials(
      options.kubeconfig,
      {.overrides = {.context = options.context,
                     .cluster = options.cluster,
                     .as = {options.as_user, options.as_uid, options.as_groups, {}},
                     .terminal = person},
       .home_first = true});
  if (!found) return give_up(ExitCode::Unreachable, found.error().message);
  return std::move(*found);
}

struct Cluster::Parts {
  Parts(std::unique_ptr<kube::Credentials> given, const Options& options,
        std::stop_token stop_token)
      : credentials(std::move(given)),
        name_space(options.name_space.empty() ? credentials->default_namespace()
                                              : options.name_space),
        transport(kube::make_cpprest_transport(*credentials, "kubectl-apitoken",
                                               {.request = request_limit(options)})),
        client(*transport, observer, write_query(options)),
        dry_run(options.dry_run == DryRun::Server),
        stop(std::move(stop_token)) {}

  struct NoObserver final : kube::RequestObserver {
    void request_done(std::string_view, std::string_view) override {}
  };

  const std::unique_ptr<kube::Credentials> credentials;
  const std::string name_space;
  NoObserver observer;
  const std::unique_ptr<kube::Transport> transport;
  kube::Client client;
  const bool dry_run;
  const std::stop_token stop;
  api::JsonParser parser;
};

Cluster::Cluster(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Cluster::~Cluster() = default;

Outcome<std::unique_ptr<Cluster>> Cluster::connect(const Options& options, std::stop_token stop) {
  auto credentials = TRY(find_credentials(options));
  return std::unique_ptr<Cluster>(
      new Cluster(std::make_unique<Parts>(std::move(credentials), options, std::move(stop))));
}

const std::string& Cluster::name_space() const { return parts_->name_space; }

std::unexpected<Failure> Cluster::refuse(const Error& error) const {
  return std::unexpected(failure_of(error, *parts_->credentials, parts_->name_space));
}

// Without an answer, the server may still have carried out the request.
std::unexpected<Failure> Cluster::refuse_write(const std::string& name, const Error& error) const {
  Failure failure = refuse(error).error();
  if (failure.code == ExitCode::Interrupted || failure.message.contains(" within "))
    failure.message +=
        fmt::format("; to see whether it was done: kubectl apitoken describe {}", name);
  return std::unexpected(std::move(failure));
}

Outcome<api::Json> Cluster::answer(const Result<std::string>& body) const {
  if (!body) return refuse(body.error());
  return readable(parts_->parser.parse(*body));
}

Outcome<ShownToken> Cluster::shown(Result<std::string> body) const {
  const auto object = TRY(answer(body));
  auto token = TRY(readable(api::decode_api_token(object)));
  return ShownToken{std::move(token), std::move(*body)};
}

Outcome<std::string> Cluster::who_am_i() {
  const std::string review =
      R"({"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"})";
  const auto object =
      TRY(answer(parts_->client.create(kSelfSubjectReviews, "", review, parts_->stop)));
  const auto status = api::member(object, "status");
  const auto user = status ? api::member(*status, "userInfo") : std::nullopt;
  const auto name = user ? api::read_string(*user, "username", "") : std::nullopt;
  if (!name || name->empty())
    return give_up(ExitCode::Failed,
                   "the API server does not say who you are; name a user with --user");
  return *name;
}

Outcome<ShownToken> Cluster::get(const std::string& name) {
  return shown(
      parts_->client.get(kube::resources::kApiTokens, {parts_->name_space, name}, parts_->stop));
}

Outcome<std::vector<ShownToken>> Cluster::list(const std::string& name_space,
                                               const std::string& user,
                                               const std::string& selector) {
  std::vector<ShownToken> tokens;
  std::string query = fmt::format("limit={}", kPage);
  if (!user.empty())
    query += "&fieldSelector=" + kube::percent_encode("spec.user=" + selector_value(user));
  if (!selector.empty()) query += "&labelSelector=" + kube::percent_encode(selector);
  std::string next;
  do {
    const std::string page =
        next.empty() ? query : query + "&continue=" + kube::percent_encode(next);
    const auto found = parts_->client.list(kube::resources::kApiTokens, name_space, page,
                                           kube::kJsonAccept, parts_->stop);
    if (!found && found.error().kind == ErrorKind::Invalid && !selector.empty())
      return give_up(ExitCode::Usage, fmt::format("--selector \"{}\": {}; write it as team=shop",
                                                  selector, server_words(found.error())));
    const auto object = TRY(answer(found));
    const auto meta = api::member(object, "metadata");
    next = meta ? api::read_string(*meta, "continue", "").value_or("") : "";
    for (const api::Json item : api::read_array(object, "items")) {
      auto token = TRY(readable(api::decode_api_token(item)));
      tokens.push_back({std::move(token), simdjson::minify(item)});
    }
  } while (!next.empty());
  return tokens;
}

Outcome<ShownToken> Cluster::create(const std::string& name, const std::string& body) {
  auto made =
      parts_->client.create(kube::resources::kApiTokens, parts_->name_space, body, parts_->stop);
  if (!made && made.error().kind == ErrorKind::AlreadyExists) {
    return give_up(
        ExitCode::Failed,
        fmt::format(
            "apitoken \"{0}\" already exists in namespace {1}; choose another name, or look at it: "
            "kubectl apitoken describe {0} -n {1}",
            name, parts_->name_space));
  }
  if (!made) return refuse_write(name, made.error());
  if (!parts_->dry_run) return shown(std::move(made));
  // The answer to a dry run has no resourceVersion, without which it cannot be decoded.
  ShownToken not_stored{{}, std::move(*made)};
  not_stored.token.meta.name = name;
  return not_stored;
}

Outcome<ShownToken> Cluster::merge_patch(const std::string& name, const std::string& body) {
  auto patched = parts_->client.merge_patch(kube::resources::kApiTokens, {parts_->name_space, name},
                                            "", body, parts_->stop);
  if (!patched) return refuse_write(name, patched.error());
  return shown(std::move(patched));
}

Outcome<api::TokenExpiryConfig> Cluster::get_config(const std::string& name) {
  const auto object = TRY(
      answer(parts_->client.get(kube::resources::kTokenExpiryConfigs, {"", name}, parts_->stop)));
  return readable(api::decode_token_expiry_config(object));
}

Outcome<void> Cluster::patch_config(const std::string& name, const std::string& body) {
  const auto patched = parts_->client.merge_patch(kube::resources::kTokenExpiryConfigs, {"", name},
                                                  "", body, parts_->stop);
  if (!patched) return refuse(patched.error());
  return {};
}

Outcome<std::vector<std::string>> Cluster::config_names() {
  std::vector<std::string> names;
  for (const auto& config : TRY(configs())) names.push_back(config.meta.name);
  return names;
}

Outcome<std::vector<api::TokenExpiryConfig>> Cluster::configs() {
  const auto object = TRY(answer(parts_->client.list(kube::resources::kTokenExpiryConfigs, "", "",
                                                     kube::kJsonAccept, parts_->stop)));
  std::vector<api::TokenExpiryConfig> configs;
  for (const api::Json item : api::read_array(object, "items")) {
    if (auto config = api::decode_token_expiry_config(item)) configs.push_back(std::move(*config));
  }
  return configs;
}

Outcome<void> Cluster::remove(const std::string& name, const std::string& uid) {
  const auto gone = parts_->client.remove(kube::resources::kApiTokens, {parts_->name_space, name},
                                          uid, "", parts_->stop);
  if (!gone && gone.error().kind != ErrorKind::NotFound) return refuse(gone.error());
  return {};
}

Outcome<bool> Cluster::may_read_secret(const std::string& name) {
  return may("get", kube::resources::kSecrets, name);
}

Outcome<std::string> Cluster::read(const kube::Resource& resource, const api::ObjectKey& key) {
  auto body = parts_->client.get(resource, key, parts_->stop);
  if (body) return std::move(*body);
  if (body.error().kind == ErrorKind::NotFound) return std::string();
  return refuse(body.error());
}

Outcome<bool> Cluster::may(std::string_view verb, const kube::Resource& resource,
                           const std::string& name) {
  const nlohmann::json review = {
      {"apiVersion", "authorization.k8s.io/v1"},
      {"kind", "SelfSubjectAccessReview"},
      {"spec",
       {{"resourceAttributes",
         {{"namespace", resource.namespaced ? parts_->name_space : std::string()},
          {"verb", verb},
          {"group", resource.group},
          {"resource", resource.plural},
          {"name", name}}}}}};
  const auto object = TRY(
      answer(parts_->client.create(kSelfSubjectAccessReviews, "", review.dump(), parts_->stop)));
  const auto status = api::member(object, "status");
  return status && api::read_bool(*status, "allowed", "status.allowed").value_or(false);
}

Outcome<bool> Cluster::may_other(const std::string& user, std::string_view verb,
                                 const kube::Resource& resource, std::string_view subresource) {
  const nlohmann::json review = {{"apiVersion", "authorization.k8s.io/v1"},
                                 {"kind", "SubjectAccessReview"},
                                 {"spec",
                                  {{"user", user},
                                   {"resourceAttributes",
                                    {{"verb", verb},
                                     {"group", resource.group},
                                     {"resource", resource.plural},
                                     {"subresource", subresource}}}}}};
  const auto object = TRY(answer(parts_->client.create(kube::resources::kSubjectAccessReviews, "",
                                                       review.dump(), parts_->stop)));
  const auto status = api::member(object, "status");
  return status && api::read_bool(*status, "allowed", "status.allowed").value_or(false);
}

Outcome<std::string> Cluster::read_path(const std::string& path) {
  auto got =
      parts_->transport->send({.target = path, .accept = "application/json, */*"}, parts_->stop);
  const std::string what = "get " + path.substr(0, path.find('?'));
  if (!got) {
    got.error().message = fmt::format("{}: {}", what, got.error().message);
    return refuse(got.error());
  }
  if (got->status < 200 || got->status > 299) return refuse(kube::error_of(*got, what));
  return std::move(got->body);
}

Outcome<SecretString> Cluster::value_of(const api::ApiToken& token) {
  auto body = parts_->client.get(kube::resources::kSecrets,
                                 {token.meta.ns, std::string(token.secret_name())}, parts_->stop);
  if (!body && body.error().kind == ErrorKind::NotFound) return SecretString();
  if (!body) return refuse(body.error());
  api::JsonParser parser;
  const auto secret = parser.parse(*body);
  wipe(*body);
  auto value = secret ? api::decode_secret_value(*secret, token.secret_key()) : std::nullopt;
  return value ? std::move(*value) : SecretString();
}

Outcome<std::vector<TokenEvent>> Cluster::events_of(const std::string& name) {
  const auto selector = kube::percent_encode("regarding.kind=ApiToken,regarding.name=" + name);
  const auto object = TRY(
      answer(parts_->client.list(kube::resources::kEvents, parts_->name_space,
                                 "fieldSelector=" + selector, kube::kJsonAccept, parts_->stop)));
  std::vector<TokenEvent> events;
  for (const api::Json item : api::read_array(object, "items")) {
    const auto text = [&](std::string_view field) {
      return api::read_string(item, field, "").value_or("");
    };
    events.push_back(
        {text("type"), text("reason"), text("note"), api::read_time(item, "eventTime")});
  }
  std::ranges::stable_sort(events, {}, &TokenEvent::at);
  return events;
}

}  // namespace apitoken::cli
