// Configures an OpenSSL context for a connection to the API server: CAs, server name and client
// certificate. No other file decides how the server is verified. The transport calls it for each
// new connection, on the thread that opens it. Opens no connection.
#pragma once

#include <openssl/ssl.h>

#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "kube/credentials.hpp"

namespace apitoken::kube {

// Allows TLS 1.2 or newer and the CAs of `material` (the system's if it has none). The server's
// certificate must name the server's host or IP address as subjectAltName. A host name is announced
// to the server (SNI), an IP address is not. Errors: Unauthorized, saying which part of the
// credentials cannot be used.
Status configure_tls(SSL_CTX* context, const TlsMaterial& material);

// Takes note of SSL_CERT_FILE and SSL_CERT_DIR (folders with colons between them), whose CAs count
// like the system's, as with Go. Call it once, before the first connection and before anybody
// changes them.
void read_trust_variables();

// Whether configure_tls() would succeed, for an error at start before anything connects.
Status check_tls(const TlsMaterial& material);

// The end of validity of the first certificate in a PEM text; empty if there is no certificate.
std::optional<WallTime> certificate_end(const std::string& pem);

// Returns and clears the reason for which this thread last refused a server certificate; empty if
// there is none.
std::string take_verification_failure();

// The same of one connection, whose handshake has failed on this thread.
std::string take_verification_failure(const SSL* connection);

}  // namespace apitoken::kube
