// The parts of apitoken-portal and their order.
#include "portal/portal_app.hpp"

#include <optional>
#include <thread>

#include "base/log.hpp"
#include "kube/cpprest_transport.hpp"
#include "kube/in_cluster.hpp"
#include "kube/read_file.hpp"
#include "portal/guards.hpp"
#include "portal/portal_metrics.hpp"
#include "portal/routes.hpp"
#include "portal/streams.hpp"
#include "program/process.hpp"
#include "serve/health.hpp"
#include "serve/http_server.hpp"
#include "serve/metrics_page.hpp"
#include "serve/process_collector.hpp"

namespace apitoken::portal {
namespace {

constexpr std::size_t kWorkers = 8;
// Threads of their own: an issuer that does not answer must not delay people who are signed in.
constexpr std::size_t kSignInWorkers = 4;
// Behind an ingress controller all connections come from a few addresses.
constexpr serve::Limits kLimits{.connections = 4096, .connections_per_address = 4096};

Result<ApiServer> find_api_server(const Config& config) {
  const auto url = TRY(config.kube_apiserver.empty()
                           ? kube::in_cluster_server()
                           : kube::parse_server_url(config.kube_apiserver, "--kube-apiserver"));
  TRY(kube::proxy_of_environment(url));  // a proxy that cannot be used is worth a word at once
  std::string ca_file = config.kube_ca_file;
  if (ca_file.empty() && config.kube_apiserver.empty())
    ca_file = std::string(kube::kServiceAccountFolder) + "/ca.crt";
  // A missing file is reported at the start, before anybody signs in.
  if (!ca_file.empty()) TRY(kube::read_file(ca_file));
  return ApiServer{url.text, url.host, ca_file};
}

Result<std::optional<OidcSettings>> oidc_settings(const Config& config) {
  if (!config.ways.oidc) return std::nullopt;
  OidcSettings settings{config.oidc_issuer,
                        {config.oidc_client_id, {}, config.public_url + "/signin/callback"},
                        config.oidc_scopes,
                        config.oidc_ca_file,
                        config.public_url};
  if (config.oidc_client_secret_file.empty()) return settings;
  auto text = TRY(kube::read_file(config.oidc_client_secret_file));
  const SecretString read(std::move(text));
  auto secret = read.reveal();
  while (!secret.empty() && (secret.back() == '\n' || secret.back() == '\r'))
    secret.remove_suffix(1);
  if (secret.empty())
    return fail(ErrorKind::Invalid,
                "--oidc-client-secret-file " + config.oidc_client_secret_file + " is empty");
  settings.client.secret = SecretString(std::string(secret));
  return settings;
}

}  // namespace

struct PortalApp::Parts {
  Parts(const Config& config, const std::string& version, SessionDoor::Setup setup,
        SignInCookies cookies, std::unique_ptr<kube::Credentials> own)
      : metrics(version),
        certificate({config.tls_cert_file, config.tls_key_file, {}},
                    "--tls-cert-file and --tls-private-key-file", clock),
        assets(config.portal_assets),
        door(std::move(setup), std::move(cookies),
             {sign_in_workers, own ? &directory.emplace(std::move(own), metrics, clock) : nullptr,
              metrics, clock}),
        routes({.door = door,
                .assets = assets,
                .workers = workers,
                .streams = streams,
                .clock = clock,
                .version = version,
                .answered = [this](const Answered& request) { note(request); }}),
        server({.limits = kLimits,
                .threads = 2,
                .certificate = config.plain_http ? nullptr : &certificate,
                .loopback_only = config.plain_http,
                .headers = security_headers(!config.plain_http || !config.public_url.empty())},
               std::ref(routes)),
        metrics_server({.limits = serve::kMetricsLimits},
                       serve::metrics_routes({{&metrics, &process}})),
        health_server({.limits = serve::kProbeLimits},
                      serve::health_routes([] { return std::vector<std::string>(); })) {
    metrics.watch_levels([this] { return door.sessions().size(); },
                         [this] { return streams.size(); });
  }

  void note(const Answered& request) {
    metrics.answered(request.route, request.status);
    log::info("answered", {{"method", request.method},
                           {"route", request.route},
                           {"code", request.status},
                           {"user", request.user}});
  }

  Status start(const Config& config) {
    workers.start();
    sign_in_workers.start();
    streams.start();
    sweeping = std::jthread([this](std::stop_token stop) { door.sessions().sweep(stop); });
    if (auto on = server.start("--bind-address", config.bind_address); !on) return on;
    if (auto on = metrics_server.start("--metrics-bind-address", config.metrics_bind_address); !on)
      return on;
    return health_server.start("--health-probe-bind-address", config.health_probe_bind_address);
  }

  void stop() {
    streams.stop();
    sign_in_workers.stop();
    workers.stop();
    server.stop();
    sweeping = {};
    metrics_server.stop();
    health_server.stop();
  }

  const SystemClock clock;
  PortalMetrics metrics;
  const serve::ProcessCollector process;
  serve::ServerCertificate certificate;
  Assets assets;
  Workers workers{kWorkers};
  Workers sign_in_workers{kSignInWorkers};
  std::optional<NamespaceDirectory> directory;
  SessionDoor door;
  Streams streams{clock};
  Routes routes;
  serve::HttpServer server;
  serve::HttpServer metrics_server;
  serve::HttpServer health_server;
  std::jthread sweeping;
};

PortalApp::PortalApp(const Config& config, std::string version)
    : config_(config), version_(std::move(version)) {}

PortalApp::~PortalApp() = default;

Status PortalApp::build() {
  auto server = TRY(find_api_server(config_));
  auto oidc = TRY(oidc_settings(config_));
  auto cookies = TRY(SignInCookies::make());
  std::unique_ptr<kube::Credentials> own;
  if (config_.discover_namespaces) own = TRY(kube::in_cluster_credentials());
  parts_ = std::make_unique<Parts>(config_, version_,
                                   SessionDoor::Setup{.server = std::move(server),
                                                      .ways = config_.ways,
                                                      .public_url = config_.public_url,
                                                      .plain_http = config_.plain_http,
                                                      .cluster = config_.cluster_name,
                                                      .home_namespaces = config_.home_namespaces,
                                                      .temporary_token = config_.temporary_token,
                                                      .version = version_,
                                                      .limits = config_.limits,
                                                      .oidc = std::move(oidc)},
                                   std::move(cookies), std::move(own));
  return {};
}

int PortalApp::run() {
  Status started = build();
  const std::string server = started ? parts_->door.api_server().url : "";
  if (started) started = parts_->start(config_);
  if (!started) {
    log::error(started.error().message);
    if (parts_) parts_->stop();
    return 1;
  }
  log::info("serving", {{"version", version_},
                        {"address", parts_->server.address()},
                        {"server", server},
                        {"auth", parts_->door.about()["features"]["signIn"].dump()}});
  wait_for_signal();
  parts_->stop();
  log::info("stopped");
  return 0;
}

}  // namespace apitoken::portal
