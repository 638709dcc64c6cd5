// Server verification and client certificate, through OpenSSL's own verifier alone: the verify
// callbacks that an HTTP library installs (and their weaker name checks) are not consulted.
#include "kube/tls_context.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "base/freed_by.hpp"
#include "kube/server_url.hpp"

namespace apitoken::kube {
namespace {

using Bio = std::unique_ptr<BIO, FreedBy<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, FreedBy<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, FreedBy<EVP_PKEY_free>>;
using Store = std::unique_ptr<X509_STORE, FreedBy<X509_STORE_free>>;

constexpr std::array kSystemBundles = {"/etc/ssl/certs/ca-certificates.crt",
                                       "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
                                       "/etc/ssl/cert.pem"};

// SSL_CERT_FILE and SSL_CERT_DIR as the program found them. Written once, before any connection.
struct TrustVariables {
  std::string file, folders;
} trust_variables;

thread_local std::string verification_failure;  // of the thread that runs the handshakes

Bio memory(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// The newest of OpenSSL's errors in words; empties its queue.
std::string openssl_reason() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  return reason != nullptr ? reason : "no PEM block";
}

std::unexpected<Error> unusable(std::string_view part, std::string_view why) {
  return fail(ErrorKind::Unauthorized,
              fmt::format("cannot use the {} of the credentials: {}", part, why));
}

// Trusts the CAs that the environment names, and the system's. The system's are left out only if
// both SSL_CERT_FILE and SSL_CERT_DIR are set: as with Go, each replaces its own kind, and the
// system has its CAs in a file and in a directory.
void trust_system(X509_STORE* store) {
  if (!trust_variables.file.empty()) X509_STORE_load_file(store, trust_variables.file.c_str());
  std::string_view folders = trust_variables.folders;
  while (!folders.empty()) {
    const std::string folder(folders.substr(0, folders.find(':')));
    folders.remove_prefix(std::min(folders.size(), folder.size() + 1));
    std::error_code unreadable;
    for (const auto& entry : std::filesystem::directory_iterator(folder, unreadable))
      X509_STORE_load_file(store, entry.path().c_str());
  }
  if (!trust_variables.file.empty() && !trust_variables.folders.empty()) return;
  for (const char* path : kSystemBundles) {
    if (access(path, R_OK) == 0 && X509_STORE_load_file(store, path) == 1) break;
  }
}

Status trust(SSL_CTX* context, const std::string& ca) {
  Store store(X509_STORE_new());
  if (ca.empty()) trust_system(store.get());
  const Bio source = memory(ca);
  int count = 0;
  while (Certificate authority{PEM_read_bio_X509(source.get(), nullptr, nullptr, nullptr)}) {
    X509_STORE_add_cert(store.get(), authority.get());
    ++count;
  }
  const std::string reason =
      openssl_reason();  // the loop always ends in an error: the end of the text
  if (!ca.empty() && count == 0) return unusable("certificate authority", reason);
  // A certificate in the list is trusted even where it is no self-signed root, as Go's clients do.
  X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN);
  SSL_CTX_set_cert_store(context, store.release());
  return {};
}

Status expect_name(SSL_CTX* context, const std::string& name) {
  X509_VERIFY_PARAM* const rules = SSL_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_hostflags(
      rules, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const int set = is_ip_address(name)
                      ? X509_VERIFY_PARAM_set1_ip_asc(rules, name.c_str())
                      : X509_VERIFY_PARAM_set1_host(rules, name.data(), name.size());
  if (name.empty() || set != 1)
    return unusable("server name",
                    fmt::format("\"{}\" is neither a host name nor an IP address", name));
  return {};
}

int verify_server(X509_STORE_CTX* chain, void* /*argument*/) {
  X509_STORE_CTX_set_verify_cb(chain, [](int ok, X509_STORE_CTX*) { return ok; });
  const int verdict = X509_verify_cert(chain);
  if (verdict == 1) return 1;
  verification_failure = X509_verify_cert_error_string(X509_STORE_CTX_get_error(chain));
  return 0;
}

// Announces the expected name. OpenSSL calls it at each step of a connection; only at the first is
// there a greeting to come.
void announce_name(const SSL* connection, int step, int /*value*/) {
  if (step != SSL_CB_HANDSHAKE_START) return;
  auto* const ours = const_cast<SSL*>(connection);
  const char* name = X509_VERIFY_PARAM_get0_host(SSL_get0_param(ours), 0);
  if (name != nullptr && SSL_in_before(ours)) SSL_set_tlsext_host_name(ours, name);
}

int accept_any_server(X509_STORE_CTX* /*chain*/, void* /*argument*/) { return 1; }

Status show(SSL_CTX* context, const TlsMaterial& material) {
  const Bio chain = memory(material.certificate);
  const Certificate own{PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr)};
  if (!own || SSL_CTX_use_certificate(context, own.get()) != 1)
    return unusable("client certificate", openssl_reason());
  while (Certificate issuer{PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr)}) {
    SSL_CTX_add1_chain_cert(context, issuer.get());
  }
  ERR_clear_error();
  // The password callback answers nothing: without one, OpenSSL would ask on the terminal.
  const auto no_password = [](char*, int, int, void*) { return 0; };
  const Key key{
      PEM_read_bio_PrivateKey(memory(material.key.reveal()).get(), nullptr, no_password, nullptr)};
  if (!key) return unusable("client key", openssl_reason());
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    return unusable("client key", openssl_reason());
  }
  return {};
}

}  // namespace

Status configure_tls(SSL_CTX* context, const TlsMaterial& material) {
  ERR_clear_error();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  TRY(expect_name(context, material.server_name));
  SSL_CTX_set_info_callback(context, announce_name);
  if (material.insecure) {
    SSL_CTX_set_cert_verify_callback(context, accept_any_server, nullptr);
  } else {
    TRY(trust(context, material.ca));
    SSL_CTX_set_cert_verify_callback(context, verify_server, nullptr);
  }
  return material.certificate.empty() ? Status{} : show(context, material);
}

void read_trust_variables() {
  const auto value = [](const char* name) {
    const char* found = std::getenv(name);
    return std::string(found != nullptr ? found : "");
  };
  trust_variables = {value("SSL_CERT_FILE"), value("SSL_CERT_DIR")};
}

Status check_tls(const TlsMaterial& material) {
  const std::unique_ptr<SSL_CTX, FreedBy<SSL_CTX_free>> context(SSL_CTX_new(TLS_client_method()));
  return configure_tls(context.get(), material);
}

std::optional<WallTime> certificate_end(const std::string& pem) {
  const Certificate certificate{PEM_read_bio_X509(memory(pem).get(), nullptr, nullptr, nullptr)};
  ERR_clear_error();
  int days = 0, seconds = 0;
  if (!certificate ||
      ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(certificate.get())) != 1)
    return {};
  return kSystemClock.wall() + std::chrono::days(days) + Seconds(seconds);
}

std::string take_verification_failure() { return std::exchange(verification_failure, {}); }

std::string take_verification_failure(const SSL* connection) {
  const long result = SSL_get_verify_result(connection);
  if (result == X509_V_OK) return "";
  verification_failure.clear();
  return X509_verify_cert_error_string(result);
}

}  // namespace apitoken::kube
