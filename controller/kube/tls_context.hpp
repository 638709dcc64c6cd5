// What one TLS connection to the API server accepts and shows, put into an OpenSSL context: the one
// place where the server is verified. Called by the transport for each new connection, on whichever
// thread opens it. Opens no connection itself.
#pragma once

#include <openssl/ssl.h>

#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "kube/credentials.hpp"

namespace apitoken::kube {

// TLS 1.2 or newer; only the CAs of `material` (the system's where it names none); the server's
// name or IP address must stand in its certificate's subjectAltName. Errors: Unauthorized, saying
// which part of the credentials is unusable.
Status configure_tls(SSL_CTX* context, const TlsMaterial& material);

// Whether configure_tls() would succeed: for a word at start, before anything connects.
Status check_tls(const TlsMaterial& material);

// When the first certificate of a PEM text stops being valid; nothing where there is none.
std::optional<WallTime> certificate_end(const std::string& pem);

// Sends the name that configure_tls() fixed as SNI (nothing for an IP address); for connections
// before their handshake.
void announce_server_name(SSL* connection);

// Why the last server certificate that this thread verified was refused, and forgets it; empty if
// none was.
std::string take_verification_failure();

}  // namespace apitoken::kube
