// test-mail: requests a test mail by the annotation of a TokenExpiryConfig, waits for the answer in
// its status, and prints the mail server's reply for each address.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "api/names.hpp"
#include "base/duration.hpp"
#include "base/rfc3339.hpp"
#include "cli/await.hpp"
#include "cli/cluster.hpp"
#include "cli/commands.hpp"
#include "core/plain_text.hpp"
#include "core/plan_expiry_config.hpp"

namespace apitoken::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kPause{500};

Outcome<ExitCode> show(const Terminal& terminal, const std::string& name,
                       const api::TestMail& mail) {
  if (mail.accepted > 0) {
    terminal.out(
        fmt::format("test mail of tokenexpiryconfig/{}: the mail server accepted it for {} {}\n",
                    name, mail.accepted, mail.accepted == 1 ? "recipient" : "recipients"));
  }
  for (const auto& [address, reason] : mail.refused)
    terminal.out(
        fmt::format("refused: {}: {}\n", core::plain_text(address), core::plain_text(reason)));
  if (!mail.error.empty())
    return give_up(ExitCode::Failed,
                   fmt::format("the test mail of tokenexpiryconfig/{} was not sent: {}", name,
                               core::plain_text(mail.error)));
  if (!mail.refused.empty())
    return give_up(ExitCode::Failed,
                   fmt::format("the mail server refused {} of {} recipients", mail.refused.size(),
                               mail.refused.size() + std::size_t(mail.accepted)));
  return ExitCode::Ok;
}

Outcome<ExitCode> await_answer(Cluster& cluster, const Terminal& terminal, const std::string& name,
                               const std::string& request, Seconds timeout) {
  const auto deadline = steady_clock::now() + timeout;
  Progress progress(terminal);
  while (true) {
    const auto config = cluster.get_config(name);
    const bool gone = !config && config.error().code != ExitCode::Unreachable;
    if (gone) return std::unexpected(config.error());
    if (config && config->status.test_mail && config->status.test_mail->requested_at == request)
      return show(terminal, name, *config->status.test_mail);
    if (steady_clock::now() >= deadline) {
      return give_up(
          ExitCode::TimedOut,
          fmt::format("no answer about the test mail of tokenexpiryconfig/{} within {}; is "
                      "apitoken-operator running? The request stays; look: kubectl get "
                      "tokenexpiryconfig {} -o jsonpath='{{.status.testMail}}'",
                      name, format_duration_short(timeout), name));
    }
    progress.show("asked apitoken-operator for a test mail");
    if (!terminal.pause(kPause))
      return give_up(ExitCode::Interrupted, "interrupted; the request stays");
  }
}

}  // namespace

Outcome<ExitCode> run_test_mail(const Invocation& invocation, const Terminal& terminal) {
  const Options& options = invocation.options;
  const std::string& name = invocation.arguments.front();
  const auto cluster = TRY(Cluster::connect(options, terminal.stop()));
  const auto config = TRY(cluster->get_config(name));
  const WallTime now = SystemClock{}.wall();
  const auto request = format_rfc3339(next_request(config.meta, api::kTestMailAnnotation, now));
  const nlohmann::json patch = {
      {"metadata",
       {{"uid", config.meta.uid}, {"annotations", {{api::kTestMailAnnotation, request}}}}}};
  TRY(cluster->patch_config(name, patch.dump()));
  if (!options.wait) {
    terminal.out(fmt::format("test mail of tokenexpiryconfig/{} requested\n", name));
    return ExitCode::Ok;
  }
  const Seconds delay = core::test_mail_delay(config.status.test_mail, now);
  if (delay > Seconds(0))
    terminal.note(
        fmt::format("waiting: the last test mail is less than a minute old; this one is sent in {}",
                    format_duration_short(delay)));
  return await_answer(*cluster, terminal, name, request, options.timeout + delay);
}

}  // namespace apitoken::cli
