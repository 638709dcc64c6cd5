// Kubeconfig files. Plugins that one names are not run by loading it.
#include "kube/kubeconfig.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "fuzz/fuzz.hpp"

namespace apitoken::fuzz {

void fuzz(std::string_view input) {
  const int file = memfd_create("kubeconfig", MFD_CLOEXEC);
  require(
      file >= 0 && write(file, input.data(), input.size()) == static_cast<ssize_t>(input.size()),
      "a file");
  (void)kube::load_kubeconfig("/proc/self/fd/" + std::to_string(file));
  close(file);
}

}  // namespace apitoken::fuzz
