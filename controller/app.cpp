// Builds, starts and stops the parts of the operator.
#include "app.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <deque>
#include <random>
#include <semaphore>
#include <thread>

#include "api/names.hpp"
#include "base/duration.hpp"
#include "base/heap_trimmer.hpp"
#include "base/log.hpp"
#include "base/memory.hpp"
#include "base/sleep.hpp"
#include "base/thread_name.hpp"
#include "kube/cpprest_transport.hpp"
#include "kube/lease.hpp"
#include "kube/reflector.hpp"
#include "notify/email_channel.hpp"
#include "notify/kube_event_sink.hpp"
#include "reconcile/config_worker.hpp"
#include "reconcile/delivery_requeue.hpp"
#include "reconcile/event_handlers.hpp"
#include "reconcile/jwt_keys.hpp"
#include "reconcile/mint_policy.hpp"
#include "reconcile/smtp_settings_reader.hpp"
#include "reconcile/token_worker.hpp"
#include "serve/expiry_collector.hpp"
#include "serve/health.hpp"
#include "serve/http_server.hpp"
#include "serve/metrics.hpp"
#include "serve/metrics_page.hpp"
#include "serve/process_collector.hpp"
#include "server_contact.hpp"
#include "verify/verification.hpp"

namespace apitoken {
namespace {

// The time for writes in flight once the operator must stop writing. With the lease's renew
// deadline it is less than the lease's duration.
constexpr std::chrono::seconds kGrace{3};

// Between two checks of the clocks for the log. Each pass of a worker checks them too.
constexpr std::chrono::seconds kClockCheckInterval{5};

std::string describe_skew(Seconds skew) {
  return fmt::format("ClockSkew: the clock of this machine is {} {} that of the API server",
                     format_duration(std::chrono::abs(skew)),
                     skew > Seconds(0) ? "ahead of" : "behind");
}

std::string user_agent() {
  return fmt::format("apitoken-operator/{} (linux/amd64)", APITOKEN_VERSION);
}

// The identity in Leases and Events: unique to this process, and readable.
std::string make_identity() {
  char host[256] = "unknown";
  gethostname(host, sizeof host - 1);
  return fmt::format("{}_{:08x}", host, std::random_device{}());
}

serve::CallerAudiences caller_audiences(const Config& config) {
  if (config.caller_audiences.empty()) return {};
  return {config.caller_audiences, false};
}

core::ReservedNames reserved_names(const Config& config) {
  core::ReservedNames names;
  if (config.reserved_groups) names.groups = *config.reserved_groups;
  names.secret_metadata = config.reserved_secret_metadata;
  return names;
}

class NoticeCounter final : public notify::NotifyObserver {
 public:
  explicit NoticeCounter(serve::Metrics& metrics) : metrics_(metrics) {}
  void notices_attempted(std::string_view channel, std::string_view result,
                         std::size_t count) override {
    metrics_.notices_done(channel, result, count);
  }

 private:
  serve::Metrics& metrics_;
};

// One reflector, without its type.
struct Watch {
  std::string name;  // of the resource, for metrics and /readyz
  std::function<void(std::stop_token)> run;
  std::function<bool()> has_synced;
  std::function<WallTime()> last_activity;
};

}  // namespace

struct App::Parts {
  Parts(const Config& settings, std::unique_ptr<kube::Credentials> creds)
      : config(settings),
        credentials(std::move(creds)),
        operator_namespace(config.operator_namespace.value_or(credentials->default_namespace())),
        clock(machine_clock, config.clock_tolerance),
        transport(std::make_unique<kube::GuardedTransport>(
            kube::make_cpprest_transport(*credentials, user_agent(), {}, &contact),
            [this] { return leadership.holds(); }, machine_clock)) {
    if (config.leader_elect && !config.dry_run) leadership.require_election();
  }

  template <typename T>
  void reflect(kube::Watched watched, std::string name, kube::Store<T>& store,
               typename kube::Reflector<T>::Decode decode,
               void (reconcile::EventHandlers::*on_change)(const kube::Change<T>&)) {
    auto reflector = std::make_shared<kube::Reflector<T>>(
        client, clock, std::move(watched), store, std::move(decode),
        [this, on_change](const kube::Change<T>& change) { (event_handlers.*on_change)(change); },
        &outage);
    watches.push_back({std::move(name),
                       [reflector](std::stop_token stop) { reflector->run(std::move(stop)); },
                       [reflector] { return reflector->has_synced(); },
                       [reflector] { return reflector->last_activity(); }});
  }
  void set_up_watches();
  void set_up_metrics();
  std::size_t live_jwts() const;
  std::vector<std::string> unreadiness() const;
  // The same, and a clock that is in doubt.
  std::vector<std::string> unfitness() const;
  void watch_clock(std::stop_token stop);
  Status start_metrics();
  Status start_servers();
  void start_watches();

  void start_leading();
  void stop_leading();
  void lead(std::stop_token stop);
  void elect(std::stop_token stop);
  void wait_for_signal() const;

  const Config config;
  const core::ReservedNames reserved = reserved_names(config);
  const std::unique_ptr<kube::Credentials> credentials;
  const std::string operator_namespace;
  const std::string identity = make_identity();
  SystemClock machine_clock;
  kube::AgreedClock clock;
  kube::Outage outage{machine_clock};
  Leadership leadership;
  ServerContact contact{clock, outage, [this] { return leadership.holds(); }};
  serve::Metrics metrics{clock, APITOKEN_VERSION};
  const std::unique_ptr<kube::Transport> transport;
  kube::Client client{*transport, metrics};

  reconcile::Stores stores;
  reconcile::ConfigTable table;
  reconcile::OwnWrites own_writes;
  reconcile::Queues queues{{clock, metrics.api_tokens()}, {clock, metrics.expiry_configs()}};

  NoticeCounter notice_counter{metrics};
  notify::KubeEventSink event_sink{client, clock, identity};
  notify::EmailChannel email;
  reconcile::SmtpSettingsReader smtp_settings{client, table, operator_namespace};
  reconcile::DeliveryRequeue delivery_requeue{queues};
  notify::Dispatcher dispatcher{{event_sink, email, smtp_settings, delivery_requeue,
                                 delivery_requeue, notice_counter, clock, config.installation}};

  reconcile::JwtKeys jwt_keys{client,
                              clock,
                              dispatcher,
                              {operator_namespace,
                               config.issuer.value_or(fmt::format(
                                   "https://apitoken-operator.{}.svc:8443", operator_namespace)),
                               config.jwt_key_rotation},
                              [this] { return live_jwts(); }};
  verify::Verification verification{
      client,
      stores.tokens,
      {jwt_keys.issuer(), [this] { return jwt_keys.jwks(); },
       [this](std::string_view kid) { return jwt_keys.has(kid); }},
      {config.verify_tls_cert_file, config.verify_tls_key_file, config.verify_client_ca_file},
      caller_audiences(config),
      [this] { return unreadiness().empty(); },
      clock,
      reserved};

  reconcile::EventHandlers event_handlers{stores,     table,    own_writes, queues,
                                          dispatcher, jwt_keys, clock};
  reconcile::LiveView live_view{client, stores, own_writes};
  reconcile::Gatherer gatherer{client,    stores,     table, own_writes,
                               live_view, dispatcher, clock, reserved};
  reconcile::Executor executor{
      client,
      stores,
      own_writes,
      live_view,
      dispatcher,
      [this](const core::JwtClaims& claims, std::stop_token stop) {
        return jwt_keys.sign(claims, std::move(stop));
      },
      [this](bool rotated) {
        metrics.minted(rotated ? serve::MintKind::Rotate : serve::MintKind::Issue);
      }};
  reconcile::DuplicateHashes duplicates{verification.index(), dispatcher};
  reconcile::TokenWorker token_worker{queues.tokens,  gatherer,
                                      executor,       dispatcher,
                                      duplicates,     metrics.api_tokens(),
                                      config.dry_run, [this] { return clock.doubt(); }};
  reconcile::ConfigWorker config_worker{
      queues.configs,     client,        stores, table, dispatcher, metrics.expiry_configs(), clock,
      operator_namespace, config.dry_run};

  reconcile::MintPolicy mint_policy{
      client, clock, [this](reconcile::MintPolicy::State state) {
        using State = reconcile::MintPolicy::State;
        metrics.set_mint_policy(state == State::Unknown ? std::nullopt
                                                        : std::optional(state == State::Present));
      }};

  std::vector<Watch> watches;
  std::vector<std::unique_ptr<prometheus::Collectable>> collectors;
  std::vector<std::unique_ptr<serve::TokenCollector>> token_collectors;
  serve::CallerReviews metrics_caller_reviews{client, serve::kMayReadMetrics,
                                              caller_audiences(config), clock};
  serve::CallerAuthorization reading_metrics{metrics_caller_reviews};
  serve::ServerCertificate metrics_certificate{
      {config.verify_tls_cert_file, config.verify_tls_key_file, {}}, clock};
  std::optional<serve::HttpServer> metrics_server;
  std::optional<serve::HttpServer> health_server;

  // Kept after its run, because the I/O thread may still ask it.
  std::optional<kube::LeaderElector> elector;
  std::atomic<bool> lost = false;  // leadership was lost
  std::vector<std::jthread> watching;
  std::jthread leading;  // waits for the stores, then works
  std::jthread electing;
};

void App::Parts::set_up_watches() {
  const std::string ours = fmt::format("{}={}", api::kManagedByLabel, api::kManagedBy);
  const auto namespaces =
      config.namespaces.empty() ? std::vector<std::string>{""} : config.namespaces;
  namespace resources = kube::resources;
  for (const std::string& ns : namespaces) {
    reflect<api::ApiToken>({resources::kApiTokens, ns}, "apitokens", stores.tokens,
                           api::decode_api_token, &reconcile::EventHandlers::on_token);
    reflect<api::SecretMeta>({resources::kSecrets, ns, true, ours}, "secrets", stores.secrets,
                             api::decode_secret_meta, &reconcile::EventHandlers::on_secret);
  }
  reflect<api::TokenExpiryConfig>({resources::kTokenExpiryConfigs}, "tokenexpiryconfigs",
                                  stores.configs, api::decode_token_expiry_config,
                                  &reconcile::EventHandlers::on_config);
  reflect<api::PartialObject>({resources::kNamespaces, "", true}, "namespaces", stores.namespaces,
                              api::decode_partial_object, &reconcile::EventHandlers::on_namespace);
  reflect<api::PartialObject>({resources::kSecrets, operator_namespace, true}, "operator_secrets",
                              stores.operator_secrets, api::decode_partial_object,
                              &reconcile::EventHandlers::on_operator_secret);
}

std::size_t App::Parts::live_jwts() const {
  std::size_t count = 0;
  const WallTime now = clock.wall();
  stores.tokens.for_each([&](const api::ApiToken& token) {
    const bool live = !token.status.token_hash.empty() && token.status.expires_at &&
                      now < *token.status.expires_at;
    if (live && token.spec.format == api::kJwt) ++count;
  });
  return count;
}

void App::Parts::set_up_metrics() {
  metrics.api_tokens().set_workers(config.workers);
  metrics.expiry_configs().set_workers(1);
  metrics.watch_queue(metrics.api_tokens(), queues.tokens);
  metrics.watch_queue(metrics.expiry_configs(), queues.configs);
  metrics.watch_clock_skew([this] { return clock.skew(); });
  metrics.watch_oldest_pending([this] { return dispatcher.oldest_pending(); });
  std::map<std::string, std::vector<std::function<WallTime()>>> by_resource;
  for (const Watch& watch : watches) by_resource[watch.name].push_back(watch.last_activity);
  for (auto& [resource, all] : by_resource) {
    metrics.watch_activity(resource, [all = std::move(all)] {
      WallTime oldest = all.front()();
      for (const auto& last : all) oldest = std::min(oldest, last());
      return oldest;
    });
  }
  collectors.push_back(std::make_unique<serve::ProcessCollector>());
  collectors.push_back(std::make_unique<serve::FleetCollector>(
      clock, [this](const serve::VisitToken& visit) { stores.tokens.for_each_unlocked(visit); }));
  if (!config.per_token_metrics) return;
  const serve::VisitTokensAfter visit_after = [this](const api::ObjectKey& key, std::size_t most,
                                                     const serve::VisitToken& visit) {
    return stores.tokens.visit_after(key, most, visit);
  };
  for (const auto family : {serve::TokenFamily::Expiration, serve::TokenFamily::Warning,
                            serve::TokenFamily::Rotation, serve::TokenFamily::About}) {
    token_collectors.push_back(std::make_unique<serve::TokenCollector>(family, visit_after));
  }
}

std::vector<std::string> App::Parts::unreadiness() const {
  std::vector<std::string> reasons;
  for (const Watch& watch : watches) {
    if (!watch.has_synced()) reasons.push_back(watch.name + " not listed yet");
  }
  return reasons;
}

std::vector<std::string> App::Parts::unfitness() const {
  auto reasons = unreadiness();
  if (const auto skew = clock.doubt()) reasons.push_back(describe_skew(*skew));
  return reasons;
}

Status App::Parts::start_metrics() {
  serve::MetricSources sources{{&metrics, &verification.metrics()}};
  for (const auto& collector : collectors) sources.small.push_back(collector.get());
  for (const auto& collector : token_collectors) sources.large.push_back(collector.get());
  const bool secure = config.metrics_secure;
  if (secure) reading_metrics.start();
  metrics_server.emplace(
      serve::HttpServer::Settings{.limits = serve::kMetricsLimits,
                                  .certificate = secure ? &metrics_certificate : nullptr},
      serve::metrics_routes(std::move(sources), secure ? &reading_metrics : nullptr));
  return metrics_server->start("--metrics-bind-address", config.metrics_bind_address);
}

Status App::Parts::start_servers() {
  if (const auto started = start_metrics(); !started) return started;
  health_server.emplace(serve::HttpServer::Settings{.limits = serve::kProbeLimits},
                        serve::health_routes([this] { return unfitness(); }));
  if (const auto started =
          health_server->start("--health-probe-bind-address", config.health_probe_bind_address);
      !started)
    return started;
  if (const auto started = verification.start(config.verify_bind_address); !started) return started;
  if (!metrics_server->address().empty()) {
    log::info("serving metrics",
              {{"address", metrics_server->address()}, {"secure", config.metrics_secure}});
  }
  if (!health_server->address().empty())
    log::info("serving health probes", {{"address", health_server->address()}});
  if (!verification.address().empty())
    log::info("verifying tokens", {{"address", verification.address()}});
  return {};
}

void App::Parts::start_watches() {
  for (const Watch& watch : watches) {
    watching.emplace_back([&watch](std::stop_token stop) {
      name_thread(("watch " + watch.name).c_str());
      watch.run(std::move(stop));
    });
  }
  watching.emplace_back([this](std::stop_token stop) {
    name_thread("clock");
    watch_clock(std::move(stop));
  });
  watching.emplace_back([this](std::stop_token stop) {
    name_thread("jwt keys");
    jwt_keys.follow(std::move(stop));
  });
  watching.emplace_back([this](std::stop_token stop) { mint_policy.run(std::move(stop)); });
}

// Logs when the clocks begin and end to disagree. While they do, sends a request now and then,
// because after a sleep of this machine the last answer is too old. When they agree again, enqueues
// everything that waited. Between two looks at the clocks it gives free memory back.
void App::Parts::watch_clock(std::stop_token stop) {
  bool in_doubt = false;
  HeapTrimmer heap;
  while (!stop.stop_requested()) {
    const auto doubt = clock.doubt();
    if (doubt && !in_doubt) {
      log::error(describe_skew(*doubt) + ": nothing is minted, rotated or deleted until they agree",
                 {{"tolerance", format_duration(config.clock_tolerance)}});
    } else if (!doubt && in_doubt) {
      log::info("ClockSkew is over: the clocks of this machine and of the API server agree again");
      event_handlers.enqueue_all();
    }
    in_doubt = doubt.has_value();
    if (in_doubt) {
      (void)client.list(kube::resources::kTokenExpiryConfigs, "", "limit=1",
                        kube::kMetadataListAccept, stop);
    }
    heap.look();
    sleep_until(clock, stop, clock.steady() + kClockCheckInterval);
  }
}

void App::Parts::start_leading() {
  metrics.set_leader(true);
  leading = std::jthread([this](std::stop_token stop) { lead(std::move(stop)); });
}

void App::Parts::stop_leading() {
  leading.request_stop();
  if (leading.joinable()) leading.join();
  metrics.set_leader(false);
}

// Runs the threads that write. When it returns, none of them runs.
void App::Parts::lead(std::stop_token stop) {
  name_thread("lead");
  while (!stop.stop_requested() && !unreadiness().empty())
    sleep_until(clock, stop, clock.steady() + std::chrono::milliseconds(50));
  if (stop.stop_requested()) return;
  release_startup_memory();
  log::info("reconciling", {{"tokens", stores.tokens.size()},
                            {"configs", stores.configs.size()},
                            {"workers", config.workers}});
  event_handlers.enqueue_all();
  std::jthread dispatching;
  std::jthread keeping;
  if (!config.dry_run) {
    keeping = std::jthread([this](std::stop_token own) {
      name_thread("keep jwt keys");
      jwt_keys.keep(std::move(own));
    });
    dispatching = std::jthread([this](std::stop_token own) {
      name_thread("events");
      dispatcher.run(std::move(own));
    });
  }
  std::jthread noting_uses;
  if (!config.dry_run)
    noting_uses = std::jthread([this](std::stop_token own) { verification.lead(std::move(own)); });
  std::counting_semaphore<> finished(0);
  std::vector<std::jthread> workers;
  const auto start = [&](std::string name, auto body) {
    workers.emplace_back([&finished, name = std::move(name), body](std::stop_token own) {
      name_thread(name.c_str());
      body(std::move(own));
      finished.release();
    });
  };
  start("config worker", [this](std::stop_token own) { config_worker.run(std::move(own)); });
  for (int i = 0; i < config.workers; ++i) {
    start(fmt::format("worker {}", i),
          [this](std::stop_token own) { token_worker.run(std::move(own)); });
  }
  while (!stop.stop_requested()) sleep_until(clock, stop, clock.steady() + std::chrono::hours(1));
  // Workers may finish their present pass within kGrace, so that no Secret is left whose hash is in
  // no status; then they are interrupted.
  dispatching.request_stop();
  keeping.request_stop();
  noting_uses.request_stop();
  queues.tokens.shut_down();
  queues.configs.shut_down();
  const auto deadline = std::chrono::steady_clock::now() + kGrace;
  for (std::size_t i = 0; i < workers.size(); ++i) {
    if (!finished.try_acquire_until(deadline)) break;
  }
  for (auto& worker : workers) worker.request_stop();
}

void App::Parts::elect(std::stop_token stop) {
  name_thread("lease");
  elector.emplace(client, clock,
                  kube::Candidate{operator_namespace, "apitoken-operator", identity, {}});
  leadership.follow(&*elector);
  const auto end = elector->run(
      stop,
      [this] {
        log::info("leading", {{"identity", identity}});
        start_leading();
      },
      [this] { stop_leading(); });
  leadership.follow(nullptr);
  if (end != kube::LeaderElector::End::Lost) return;
  log::error("leadership lost: stopping, so that a restart begins anew", {{"identity", identity}});
  lost = true;
  kill(getpid(), SIGTERM);
}

void App::Parts::wait_for_signal() const {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  int signal = 0;
  sigwait(&signals, &signal);
  log::info("stopping", {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"}});
}

App::App(const Config& config, std::unique_ptr<kube::Credentials> credentials)
    : parts_(std::make_unique<Parts>(config, std::move(credentials))) {}

App::~App() = default;

int App::run() {
  Parts& parts = *parts_;
  parts.set_up_watches();
  parts.set_up_metrics();
  if (const auto started = parts.start_servers(); !started) {
    log::error(started.error().message);
    return 1;
  }
  const auto& namespaces = parts.config.namespaces;
  log::info(
      "starting",
      {{"version", APITOKEN_VERSION},
       {"server", parts.credentials->server()},
       {"namespaces", namespaces.empty() ? "all" : fmt::format("{}", fmt::join(namespaces, ","))},
       {"operator_namespace", parts.operator_namespace},
       {"dry_run", parts.config.dry_run}});
  release_startup_memory();  // before the lists are read; again after that
  parts.start_watches();
  const bool elects = parts.config.leader_elect && !parts.config.dry_run;
  if (elects) {
    parts.metrics.set_leader(false);
    parts.electing = std::jthread([&parts](std::stop_token stop) { parts.elect(std::move(stop)); });
  } else {
    parts.start_leading();
  }
  parts.wait_for_signal();
  if (elects) {
    parts.electing.request_stop();
    parts.electing.join();
  } else {
    parts.stop_leading();
  }
  parts.verification.stop();
  for (auto& thread : parts.watching) thread.request_stop();
  parts.watching.clear();
  parts.reading_metrics.stop();
  parts.metrics_server->stop();
  parts.health_server->stop();
  log::info("stopped");
  return parts.lost ? 1 : 0;
}

}  // namespace apitoken
