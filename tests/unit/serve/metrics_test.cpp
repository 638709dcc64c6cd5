#include "serve/metrics.hpp"

#include <gmock/gmock.h>

#include <cstdio>
#include <fstream>
#include <thread>

#include "serve/expiry_collector.hpp"
#include "serve/http_get.hpp"
#include "serve/http_server.hpp"
#include "serve/page.hpp"
#include "serve/process_collector.hpp"
#include "support/manual_clock.hpp"

namespace apitoken::serve {
namespace {

using test::lines_with;
using test::page_of;
using testing::HasSubstr;

constexpr WallTime kNow{Seconds(1'800'000'000)};

class MetricsTest : public testing::Test {
 protected:
  std::string page() const { return page_of({{&metrics_}}); }

  ManualClock clock_{kNow};
  Metrics metrics_{clock_, "1.2.3"};
};

TEST_F(MetricsTest, TheMintPolicyHasASeriesWhileItsStateIsKnown) {
  const std::string name = "apitoken_mint_policy_present";
  EXPECT_THAT(page(), testing::Not(HasSubstr("\n" + name + " ")));
  metrics_.set_mint_policy(false);
  EXPECT_THAT(page(), HasSubstr("\n" + name + " 0\n"));
  metrics_.set_mint_policy(true);
  EXPECT_THAT(page(), HasSubstr("\n" + name + " 1\n"));
  metrics_.set_mint_policy({});
  metrics_.set_mint_policy({});
  EXPECT_THAT(page(), testing::Not(HasSubstr("\n" + name + " ")));
}

TEST_F(MetricsTest, SeriesWithFixedLabelsExistFromTheStart) {
  const auto text = page();
  for (const std::string controller : {"apitoken", "tokenexpiryconfig"}) {
    for (const std::string result : {"success", "error", "requeue", "requeue_after"}) {
      EXPECT_THAT(text, HasSubstr("controller_runtime_reconcile_total{controller=\"" + controller +
                                  "\",result=\"" + result + "\"} 0\n"));
    }
    for (const std::string name :
         {"workqueue_depth", "workqueue_adds_total", "workqueue_retries_total",
          "workqueue_unfinished_work_seconds", "workqueue_longest_running_processor_seconds",
          "workqueue_queue_duration_seconds_count", "workqueue_work_duration_seconds_count"}) {
      EXPECT_THAT(text, HasSubstr(name + "{name=\"" + controller + "\"} 0\n"));
    }
    for (const std::string name : {"errors_total", "time_seconds_count"}) {
      EXPECT_THAT(text, HasSubstr("controller_runtime_reconcile_" + name + "{controller=\"" +
                                  controller + "\"} 0\n"));
    }
  }
  for (const std::string series :
       {"apitoken_minted_total{kind=\"issue\"} 0", "apitoken_minted_total{kind=\"rotate\"} 0",
        "apitoken_notices_total{channel=\"email\",result=\"error\"} 0",
        "apitoken_notices_total{channel=\"event\",result=\"sent\"} 0",
        "apitoken_notice_oldest_pending_seconds 0",
        "leader_election_master_status{name=\"apitoken-operator\"} 0",
        "apitoken_build_info{version=\"1.2.3\"} 1"}) {
    EXPECT_THAT(text, HasSubstr(series + "\n"));
  }
  EXPECT_EQ(lines_with(text, "apitoken_notices_total{"), 4);
}

TEST_F(MetricsTest, CountsEachEvent) {
  metrics_.request_done("GET", "200");
  metrics_.request_done("GET", "200");
  metrics_.request_done("POST", "<error>");
  metrics_.minted(MintKind::Issue);
  metrics_.notices_done("email", "sent", 3);
  metrics_.notices_done("pigeon", "sent", 1);
  metrics_.set_leader(true);
  const auto text = page();
  EXPECT_THAT(text, HasSubstr("rest_client_requests_total{code=\"200\",method=\"GET\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("rest_client_requests_total{code=\"<error>\",method=\"POST\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("apitoken_minted_total{kind=\"issue\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("apitoken_notices_total{channel=\"email\",result=\"sent\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("leader_election_master_status{name=\"apitoken-operator\"} 1\n"));
  EXPECT_THAT(text, testing::Not(HasSubstr("pigeon")));
}

TEST_F(MetricsTest, AReconcileIsActiveThenCountedByItsResult) {
  auto& controller = metrics_.api_tokens();
  controller.set_workers(8);
  controller.reconcile_started();
  EXPECT_THAT(page(), HasSubstr("controller_runtime_active_workers{controller=\"apitoken\"} 1\n"));
  controller.reconcile_finished(ReconcileResult::Error, std::chrono::milliseconds(20));
  controller.view_stayed_stale();
  const auto text = page();
  EXPECT_THAT(text, HasSubstr("apitoken_stale_views_total{controller=\"apitoken\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("apitoken_stale_views_total{controller=\"tokenexpiryconfig\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("controller_runtime_active_workers{controller=\"apitoken\"} 0\n"));
  EXPECT_THAT(
      text, HasSubstr("controller_runtime_max_concurrent_reconciles{controller=\"apitoken\"} 8\n"));
  EXPECT_THAT(
      text,
      HasSubstr(
          "controller_runtime_reconcile_total{controller=\"apitoken\",result=\"error\"} 1\n"));
  EXPECT_THAT(text,
              HasSubstr("controller_runtime_reconcile_errors_total{controller=\"apitoken\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("controller_runtime_reconcile_time_seconds_bucket{controller="
                              "\"apitoken\",le=\"0.025\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("controller_runtime_reconcile_total{controller=\"tokenexpiryconfig\","
                              "result=\"error\"} 0\n"));
}

TEST_F(MetricsTest, AQueueIsCountedByTheQueueItself) {
  kube::Workqueue queue(clock_, metrics_.expiry_configs());
  metrics_.watch_queue(metrics_.expiry_configs(), queue);
  queue.add({"", "a"});
  queue.add({"", "b"});
  const auto key = queue.get({});
  ASSERT_TRUE(key);
  clock_.advance(std::chrono::seconds(7));
  auto text = page();
  EXPECT_THAT(text, HasSubstr("workqueue_adds_total{name=\"tokenexpiryconfig\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("workqueue_depth{name=\"tokenexpiryconfig\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("workqueue_unfinished_work_seconds{name=\"tokenexpiryconfig\"} 7\n"));
  EXPECT_THAT(
      text,
      HasSubstr("workqueue_longest_running_processor_seconds{name=\"tokenexpiryconfig\"} 7\n"));
  queue.done(*key);
  text = page();
  EXPECT_THAT(
      text,
      HasSubstr("workqueue_longest_running_processor_seconds{name=\"tokenexpiryconfig\"} 0\n"));
  EXPECT_THAT(text,
              HasSubstr("workqueue_work_duration_seconds_sum{name=\"tokenexpiryconfig\"} 7\n"));
}

TEST_F(MetricsTest, LevelsAreReadAtEachScrape) {
  std::optional<WallTime> since;
  metrics_.watch_oldest_pending([&] { return since; });
  metrics_.watch_activity("secrets", [] { return kNow; });
  EXPECT_THAT(page(), HasSubstr("apitoken_notice_oldest_pending_seconds 0\n"));
  since = kNow - Seconds(90);
  const auto text = page();
  EXPECT_THAT(text, HasSubstr("apitoken_notice_oldest_pending_seconds 90\n"));
  EXPECT_THAT(
      text,
      HasSubstr(
          "apitoken_watch_last_activity_timestamp_seconds{resource=\"secrets\"} 1800000000\n"));
}

TEST_F(MetricsTest, CountsFromManyThreadsAreNotLost) {
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([this, i] {
        for (int n = 0; n < 500; ++n) metrics_.request_done(i % 2 == 0 ? "GET" : "PATCH", "200");
      });
    }
    for (int n = 0; n < 20; ++n) page();
  }
  const auto text = page();
  EXPECT_THAT(text, HasSubstr("rest_client_requests_total{code=\"200\",method=\"GET\"} 1000\n"));
  EXPECT_THAT(text, HasSubstr("rest_client_requests_total{code=\"200\",method=\"PATCH\"} 1000\n"));
}

TEST(ProcessCollector, ReadsThisProcess) {
  const ProcessCollector collector;
  const auto families = collector.Collect();
  std::map<std::string, double> values;
  for (const auto& family : families) values[family.name] = family.metric.at(0).gauge.value;
  const double now = static_cast<double>(SystemClock().wall().time_since_epoch().count());
  EXPECT_GT(values["process_resident_memory_bytes"], 1e6);
  EXPECT_GE(values["process_open_fds"], 3);
  EXPECT_NEAR(values["process_start_time_seconds"], now, 600);
  EXPECT_TRUE(values.contains("process_cpu_seconds_total"));
}

// The whole page of a running server, with a value in every family, checked by Prometheus' linter.
TEST(MetricsPage, PassesPromtoolCheckMetrics) {
  const SystemClock clock;
  Metrics metrics(clock, "1.2.3");
  metrics.request_done("GET", "200");
  metrics.watch_activity("apitokens", [&clock] { return clock.wall(); });
  const VisitTokensAfter visit_after = [&clock](const auto&, std::size_t, const auto& visit) {
    api::ApiToken token;
    token.meta.ns = "team-a";
    token.meta.name = "odd \"name\"\\\n";
    token.status.expires_at = token.status.warn_at = clock.wall();
    visit(token);
    return std::size_t{1};
  };
  const ProcessCollector process;
  const FleetCollector fleet(clock, visit_after, [] { return std::uint64_t{0}; });
  const TokenCollector expiration(TokenFamily::Expiration, visit_after);
  const TokenCollector warning(TokenFamily::Warning, visit_after);
  const TokenCollector about(TokenFamily::About, visit_after);
  HttpServer server(
      {}, metrics_routes({{&metrics, &process, &fleet}, {&expiration, &warning, &about}}));
  ASSERT_TRUE(server.start("--metrics-bind-address", "127.0.0.1:0"));

  const auto reply = test::http_request("http://" + server.address() + "/metrics");
  ASSERT_EQ(reply.status, 200);
  EXPECT_EQ(reply.content_type, "text/plain; version=0.0.4; charset=utf-8");
  const auto file = testing::TempDir() + "metrics_page.txt";
  std::ofstream(file) << reply.body;
  const auto command = "promtool check metrics < '" + file + "' 2>&1";
  FILE* promtool = popen(command.c_str(), "r");
  ASSERT_NE(promtool, nullptr);
  std::string said(4096, '\0');
  said.resize(fread(said.data(), 1, said.size(), promtool));
  EXPECT_EQ(pclose(promtool), 0) << said;
  EXPECT_EQ(said, "");
}

}  // namespace
}  // namespace apitoken::serve
