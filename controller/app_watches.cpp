// App's reading half, in every replica: the watches that fill the stores, whether they are filled,
// and the thread that follows the clocks.
#include <fmt/format.h>

#include <algorithm>

#include "api/names.hpp"
#include "app_parts.hpp"
#include "base/duration.hpp"
#include "base/heap_trimmer.hpp"
#include "base/sleep.hpp"
#include "base/thread_name.hpp"

namespace apitoken {
namespace {

// Between two checks of the clocks for the log. Each pass of a worker checks them too.
constexpr std::chrono::seconds kClockCheckInterval{5};

std::string describe_skew(Seconds skew) {
  return fmt::format("ClockSkew: the clock of this machine is {} {} that of the API server",
                     format_duration(std::chrono::abs(skew)),
                     skew > Seconds(0) ? "ahead of" : "behind");
}

}  // namespace

template <typename T>
void App::Parts::reflect(kube::Watched watched, std::string name, kube::Store<T>& store,
                         typename kube::Reflector<T>::Decode decode,
                         void (reconcile::EventHandlers::*on_change)(const kube::Change<T>&)) {
  auto reflector = std::make_shared<kube::Reflector<T>>(
      client, clock, std::move(watched), store, std::move(decode),
      [this, on_change](const kube::Change<T>& change) { (event_handlers.*on_change)(change); },
      &outage);
  watches.push_back({std::move(name), reflector->watched().ns,
                     [reflector](std::stop_token stop) { reflector->run(std::move(stop)); },
                     [reflector] { return reflector->has_synced(); },
                     [reflector] { return reflector->last_activity(); },
                     [reflector] { reflector->relist(); }});
}

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

void App::Parts::relist(std::initializer_list<std::string_view> names, std::string_view ns) {
  for (const Watch& watch : watches) {
    const bool is_named = std::ranges::find(names, watch.name) != names.end();
    if (is_named && (watch.ns.empty() || watch.ns == ns)) watch.relist();
  }
}

void App::Parts::start_watches() {
  for (const Watch& watch : watches) {
    watching.emplace_back([&watch](std::stop_token stop) { watch.run(std::move(stop)); });
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
      log::info(
          "ClockSkew has ended: the clocks of this machine and of the API server agree again");
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

}  // namespace apitoken
