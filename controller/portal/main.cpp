// apitoken-portal: reads the flags, runs the PortalApp.
#include "portal/config.hpp"
#include "portal/portal_app.hpp"

namespace {

int run(const apitoken::portal::Config& config) {
  return apitoken::portal::PortalApp(config, APITOKEN_VERSION).run();
}

}  // namespace

int main(int argc, char** argv) {
  using namespace apitoken::portal;
  return apitoken::run_server<Config>(
      {"apitoken-portal", APITOKEN_VERSION, parse_flags, help_text, run}, argc, argv);
}
