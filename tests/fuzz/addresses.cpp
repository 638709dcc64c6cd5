// Mail addresses, mailboxes, mail servers and names of a TokenExpiryConfig. What passes can stand
// in a header.
#include "core/addresses.hpp"

#include "core/dns_name.hpp"
#include "fuzz/fuzz.hpp"

namespace apitoken::fuzz {
namespace {

void check(std::string_view address) {
  require(address.find_first_of(std::string_view("\r\n\0", 3)) == address.npos,
          "an address is one line");
  const auto quoted = address.starts_with('"') ? address.rfind('"') + 1 : 0;
  require(address.find_first_of("<>; \"", quoted) == address.npos, "an address holds no delimiter");
  require(core::parse_address(address) == std::string(address),
          "an address that passed passes again");
}

}  // namespace

void fuzz(std::string_view input) {
  for (const auto& address : core::parse_address_list(input).addresses) check(address);
  while (!input.empty()) {
    const std::size_t end = input.find('\n');
    const std::string_view line = input.substr(0, end);
    if (const auto mailbox = core::parse_mailbox(line)) {
      check(mailbox->address);
      require(mailbox->display.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos,
              "a name is one line");
    }
    if (const auto server = core::parse_server(line))
      require(core::parse_server(server->text()) == *server, "a server that passed passes again");
    (void)core::parse_tls_mode(line);
    (void)core::may_go_without_tls(line);
    (void)core::is_dns_subdomain(line);
    input.remove_prefix(end == input.npos ? input.size() : end + 1);
  }
}

}  // namespace apitoken::fuzz
