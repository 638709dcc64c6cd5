// The Transport over cpprestsdk. main() prepares the library once and makes one transport. Clients
// and reflectors call it on their own threads; all input and output happens on the thread
// "kube-io". It does not interpret answers.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "kube/credentials.hpp"
#include "kube/transport.hpp"

namespace apitoken::kube {

// Sets up OpenSSL, the library's I/O thread and its scheduler. main() calls it before any other
// thread exists; later calls do nothing. It points SSL_CERT_FILE at /dev/null, because the library
// would otherwise parse the system's CAs for each connection. Other users of OpenSSL's default CAs
// must therefore name a bundle by path.
void prepare_cpprest();

struct TransportLimits {
  std::chrono::milliseconds request = std::chrono::seconds(30);  // a whole request
  std::chrono::milliseconds silence = std::chrono::seconds(90);  // a stream without a byte
  std::size_t body = 64 << 20;       // bytes of an answer's body, or of one piece of a stream
  std::size_t error_body = 1 << 20;  // bytes of the body if a stream's status is not 200
  std::size_t unread = 1 << 20;      // bytes read ahead of a slow receiver
};

class AnswerListener;

// `credentials` and `listener`, which may be null, outlive the transport. No call may be in flight
// when the transport is destroyed. Every call fails with Invalid if the server's address cannot be
// used; load_kubeconfig() and in_cluster_credentials() check it before.
std::unique_ptr<Transport> make_cpprest_transport(Credentials& credentials, std::string user_agent,
                                                  TransportLimits limits = {},
                                                  AnswerListener* listener = nullptr);

}  // namespace apitoken::kube
