// apitoken-operator: reads the flags, finds the cluster, runs the App.
#include "app.hpp"
#include "base/log.hpp"
#include "config.hpp"
#include "kube/find_credentials.hpp"

namespace {

int run(const apitoken::Config& config) {
  auto credentials = apitoken::kube::find_credentials(config.kubeconfig.value_or(""));
  if (!credentials) {
    apitoken::log::error(credentials.error().message);
    return 1;
  }
  return apitoken::App(config, std::move(*credentials)).run();
}

}  // namespace

int main(int argc, char** argv) {
  using namespace apitoken;
  return run_server<Config>({"apitoken-operator", APITOKEN_VERSION, parse_flags, help_text, run},
                            argc, argv);
}
