// What a credential plugin prints.
#include "fuzz/fuzz.hpp"
#include "kube/exec_plugin.hpp"

namespace apitoken::fuzz {

void fuzz(std::string_view input) {
  const auto credential = kube::decode_exec_credential(input, "client.authentication.k8s.io/v1");
  if (!credential) return;
  require(!credential->token.empty() || !credential->certificate.empty(),
          "a credential is not empty");
  require(credential->token.reveal().find_first_of("\r\n") == std::string_view::npos,
          "a token can stand in a header");
}

}  // namespace apitoken::fuzz
