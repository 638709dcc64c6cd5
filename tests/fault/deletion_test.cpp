// A token or config is deleted while its writes fail: nothing that passes remember of it stays.
#include <gtest/gtest.h>

#include <thread>

#include "fault/testbed.hpp"
#include "reconcile/event_handlers.hpp"
#include "support/fake_transport.hpp"

namespace apitoken::reconcile {
namespace {

class Deletion : public ::testing::Test {
 protected:
  Testbed testbed_;
  prometheus::Registry registry_;
  serve::ControllerMetrics token_metrics_{registry_, "apitoken"};
  serve::ControllerMetrics config_metrics_{registry_, "tokenexpiryconfig"};
  Queues queues_{{testbed_.clock, token_metrics_}, {testbed_.clock, config_metrics_}};
  Stores stores_;
  ConfigTable table_;
  OwnWrites own_writes_;
  NullNotifications null_{testbed_.events};
  kube::Client client_{testbed_.server, null_};
  notify::Dispatcher dispatcher_{{null_, null_, null_, null_, null_, null_, testbed_.clock}};
  JwtKeys jwt_keys_{
      client_, testbed_.clock, dispatcher_, {"system", "https://issuer.example.com"}, [] {
        return std::size_t{0};
      }};
  EventHandlers handlers_{stores_,     table_,    own_writes_,   queues_,
                          dispatcher_, jwt_keys_, testbed_.clock};
};

TEST_F(Deletion, OfATokenMeansOneMorePass) {
  api::ApiToken token;
  token.meta.ns = "team-a";
  token.meta.name = "ci";
  handlers_.on_token({std::make_shared<const api::ApiToken>(token), nullptr});
  EXPECT_EQ(queues_.tokens.get({}), (api::ObjectKey{"team-a", "ci"}));
}

TEST_F(Deletion, OfAConfigMeansOneMorePass) {
  api::TokenExpiryConfig config;
  config.meta.name = "default";
  handlers_.on_config({std::make_shared<const api::TokenExpiryConfig>(config), nullptr});
  EXPECT_EQ(queues_.configs.get({}), (api::ObjectKey{"", "default"}));
}

TEST_F(Deletion, ThePassRemovesTheBackoffAndTheTimers) {
  const api::ObjectKey key{"team-a", "ci"};
  testbed_.server.objects.erase(kToken);
  testbed_.process->observe();
  auto& queue = queues_.tokens;
  queue.add_rate_limited(key);
  queue.add_at(key, testbed_.clock.wall() + 24h);
  queue.add(key);
  std::jthread worker([&] { testbed_.process->work(queue, token_metrics_); });
  const auto passes = [&] {
    double sum = 0;
    for (const auto& family : registry_.Collect()) {
      if (family.name != "controller_runtime_reconcile_total") continue;
      for (const auto& metric : family.metric) sum += metric.counter.value;
    }
    return sum;
  };
  EXPECT_TRUE(kube::eventually([&] { return passes() == 1; }));
  EXPECT_EQ(queue.failures(key), 0u);
  testbed_.clock.advance(48h);
  queue.add({"team-a", "other"});  // the worker looks at the timers before it takes this
  EXPECT_TRUE(kube::eventually([&] { return passes() >= 2 && queue.depth() == 0; }));
  EXPECT_EQ(passes(), 2) << "a timer of the deleted token was left";
  queue.shut_down();
}

}  // namespace
}  // namespace apitoken::reconcile
