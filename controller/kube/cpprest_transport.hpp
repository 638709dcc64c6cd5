// The transport over cpprestsdk. main() prepares the library once and makes one transport; clients
// and reflectors use it from their own threads, while all input and output happens on one thread
// ("kube-io"). Never decides what an answer means.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "kube/credentials.hpp"
#include "kube/transport.hpp"

namespace apitoken::kube {

// To be called first thing in main(), before any other thread exists: sets up OpenSSL, the
// library's one I/O thread and its scheduler. Later calls do nothing. It points SSL_CERT_FILE at
// /dev/null (the library would parse the system's CAs for each connection otherwise), so whatever
// else uses OpenSSL's default CAs must be given a bundle by path.
void prepare_cpprest();

struct TransportLimits {
  std::chrono::milliseconds request = std::chrono::seconds(30);  // a whole request
  std::chrono::milliseconds silence = std::chrono::seconds(90);  // of a stream, without a byte
  std::size_t body = 64 << 20;       // an answer's body; also one piece of a stream
  std::size_t error_body = 1 << 20;  // the body of a stream refused with another status than 200
  std::size_t unread = 1 << 20;      // read ahead of a slow receiver; then the server waits
};

class AnswerListener;

// The credentials outlive the transport, and so does `listener`, which may be null. No call may be
// in flight when it is destroyed. A server's address that cannot be used makes every call fail with
// Invalid; load_kubeconfig() and in_cluster_credentials() give none such.
std::unique_ptr<Transport> make_cpprest_transport(Credentials& credentials, std::string user_agent,
                                                  TransportLimits limits = {},
                                                  AnswerListener* listener = nullptr);

}  // namespace apitoken::kube
