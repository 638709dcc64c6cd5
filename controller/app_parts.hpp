// App::Parts: every part of the operator, built in the order in which they need each other, and the
// threads that run them. For App's own files, one a duty: app_watches.cpp reads the cluster and
// follows the clocks, app_servers.cpp serves, app_leading.cpp writes while this replica leads.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "app.hpp"
#include "base/log.hpp"
#include "kube/lease.hpp"
#include "kube/reflector.hpp"
#include "notify/email_channel.hpp"
#include "notify/kube_event_sink.hpp"
#include "reconcile/config_worker.hpp"
#include "reconcile/delivery_requeue.hpp"
#include "reconcile/event_handlers.hpp"
#include "reconcile/jwt_keys.hpp"
#include "reconcile/last_use_writer.hpp"
#include "reconcile/mint_policy.hpp"
#include "reconcile/smtp_settings_reader.hpp"
#include "reconcile/token_worker.hpp"
#include "serve/expiry_collector.hpp"
#include "serve/http_server.hpp"
#include "serve/metrics.hpp"
#include "server_contact.hpp"
#include "verify/verification.hpp"

namespace apitoken {

// Counts attempts to deliver notices in the metrics.
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

// A reflector of any type, as functions.
struct Watch {
  std::string name;  // of the resource, for metrics and /readyz
  std::string ns;    // empty: all namespaces
  std::function<void(std::stop_token)> run;
  std::function<bool()> has_synced;
  std::function<WallTime()> last_activity;
  std::function<void()> relist;
};

struct App::Parts {
  Parts(const Config& settings, std::unique_ptr<kube::Credentials> creds);

  // app_parts.cpp
  std::size_t live_jwts() const;
  // "node-1_0000abcd, which serves all namespaces"
  std::string describe_self() const;

  // app_watches.cpp
  template <typename T>
  void reflect(kube::Watched watched, std::string name, kube::Store<T>& store,
               typename kube::Reflector<T>::Decode decode,
               void (reconcile::EventHandlers::*on_change)(const kube::Change<T>&));
  void set_up_watches();
  void start_watches();
  void watch_clock(std::stop_token stop);
  // Has the watches of these names that cover namespace `ns` list again.
  void relist(std::initializer_list<std::string_view> names, std::string_view ns);
  // Why this replica cannot answer yet: the lists that it has not read. Empty: it can.
  std::vector<std::string> unreadiness() const;
  // As unreadiness(), and a clock that is in doubt.
  std::vector<std::string> unfitness() const;

  // app_servers.cpp
  void set_up_metrics();
  Status start_metrics();
  Status start_servers();

  // app_leading.cpp
  void start_leading();
  void stop_leading();
  // Runs the threads that write. When it returns, none of them runs.
  void lead(std::stop_token stop);
  std::vector<std::jthread> start_services();
  // Each worker releases `finished` once, at its end.
  std::vector<std::jthread> start_workers(std::counting_semaphore<>& finished);
  void elect(std::stop_token stop);

  const Config config;
  const core::ReservedNames reserved;
  const std::unique_ptr<kube::Credentials> credentials;
  const std::string operator_namespace;
  const std::string identity;  // in Leases and Events
  const serve::CallerAudiences audiences;
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
                                 delivery_requeue, notice_counter, clock, config.installation,
                                 static_cast<std::size_t>(std::max(config.workers - 2, 1))}};

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
      audiences,
      [this] { return unreadiness().empty(); },
      [this] { return live_view.may_lack_a_value(); },
      clock,
      reserved};

  reconcile::LastUseWriter last_use_writer{client, stores.tokens, verification.used_tokens(),
                                           clock};
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
      },
      [this](const api::ObjectKey& token) { queues.tokens.add(token); }};
  reconcile::DuplicateHashes duplicates{verification.index(), dispatcher};
  reconcile::StaleViews stale_tokens{
      metrics.api_tokens(), [this](std::string_view ns) { relist({"apitokens", "secrets"}, ns); }};
  reconcile::TokenWorker token_worker{
      queues.tokens,  gatherer,     executor,
      dispatcher,     duplicates,   metrics.api_tokens(),
      config.dry_run, stale_tokens, [this] { return clock.doubt(); }};
  reconcile::StaleViews stale_configs{
      metrics.expiry_configs(), [this](std::string_view) { relist({"tokenexpiryconfigs"}, ""); }};
  reconcile::ConfigWorker config_worker{queues.configs,  client,
                                        stores,          table,
                                        dispatcher,      metrics.expiry_configs(),
                                        clock,           operator_namespace,
                                        describe_self(), config.dry_run,
                                        stale_configs};

  reconcile::MintPolicy mint_policy{
      client, clock, [this](reconcile::MintPolicy::State state) {
        using State = reconcile::MintPolicy::State;
        metrics.set_mint_policy(state == State::Unknown ? std::nullopt
                                                        : std::optional(state == State::Present));
      }};

  std::vector<Watch> watches;
  std::vector<std::unique_ptr<prometheus::Collectable>> collectors;
  std::vector<std::unique_ptr<serve::TokenCollector>> token_collectors;
  serve::CallerReviews metrics_caller_reviews{client, serve::kMayReadMetrics, audiences, clock};
  serve::CallerAuthorization reading_metrics{metrics_caller_reviews};
  serve::ServerCertificate metrics_certificate{
      {config.verify_tls_cert_file, config.verify_tls_key_file, {}},
      std::string(verify::kCertificateFlags),
      clock};
  std::optional<serve::HttpServer> metrics_server;
  std::optional<serve::HttpServer> health_server;

  // Kept after its run, because the I/O thread may still ask it.
  std::optional<kube::LeaderElector> elector;
  std::atomic<bool> lost = false;  // leadership was lost
  std::vector<std::jthread> watching;
  std::jthread leading;  // waits for the stores, then works
  std::jthread electing;
};

}  // namespace apitoken
