// The only file of the portal that includes libcurl.
#include "portal/oidc_http.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <array>
#include <memory>

#include "base/sigpipe.hpp"
#include "core/plain_text.hpp"

namespace apitoken::portal {
namespace {

constexpr std::size_t kMaxDetail = 200;

struct FreeHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Handle = std::unique_ptr<CURL, FreeHandle>;
using Headers = std::unique_ptr<curl_slist, FreeList>;

// One call of curl_easy_perform.
struct Exchange {
  std::string body{};
  bool too_large = false;
  const std::stop_token& stop;
  std::array<char, CURL_ERROR_SIZE> error{};
};

std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  exchange.too_large = exchange.body.size() + size * count > OidcHttp::kMaxAnswer;
  if (exchange.too_large) return 0;
  exchange.body.append(bytes, size * count);
  return size * count;
}

// Called at least once a second.
int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Exchange*>(user)->stop.stop_requested() ? 1 : 0;
}

Handle make_handle() {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  return Handle(ready == CURLE_OK ? curl_easy_init() : nullptr);
}

void set_up(CURL* handle, const std::string& url, const std::string& ca_file, Exchange& exchange) {
  const auto set = [handle](CURLoption option, auto value) {
    curl_easy_setopt(handle, option, value);
  };
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "https");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_PROXY, "");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_QUICK_EXIT, 1L);  // a name server that does not answer holds up nobody
  set(CURLOPT_TIMEOUT_MS, long(std::chrono::milliseconds(OidcHttp::kTimeout).count()));
  set(CURLOPT_SSLVERSION, long(CURL_SSLVERSION_TLSv1_2));
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
  set(CURLOPT_CAINFO, ca_file.c_str());
  set(CURLOPT_USERAGENT, "apitoken-portal");
  set(CURLOPT_WRITEFUNCTION, &on_body);
  set(CURLOPT_WRITEDATA, &exchange);
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &on_progress);
  set(CURLOPT_XFERINFODATA, &exchange);
  set(CURLOPT_ERRORBUFFER, exchange.error.data());
}

// The scheme and host of a URL: messages show no more of it.
std::string origin_of(std::string_view url) {
  const auto scheme = url.find("://");
  return std::string(url.substr(0, scheme == url.npos ? scheme : url.find('/', scheme + 3)));
}

Error explain(CURLcode code, const std::string& url, const Exchange& exchange) {
  if (code == CURLE_ABORTED_BY_CALLBACK) return {ErrorKind::Canceled, "stopped", {}};
  const std::string reason =
      exchange.too_large ? fmt::format("its answer is larger than {} bytes", OidcHttp::kMaxAnswer)
                         : std::string(exchange.error[0] != '\0' ? exchange.error.data()
                                                                 : curl_easy_strerror(code));
  return {
      ErrorKind::Unavailable,
      fmt::format("{}: {}", origin_of(url), core::cut_text(core::plain_text(reason), kMaxDetail)),
      {}};
}

}  // namespace

Result<OidcHttp::Answer> OidcHttp::get(const std::string& url, const std::stop_token& stop) const {
  return perform(url, nullptr, stop);
}

Result<OidcHttp::Answer> OidcHttp::post(const std::string& url, const TokenRequest& request,
                                        const std::stop_token& stop) const {
  return perform(url, &request, stop);
}

Result<OidcHttp::Answer> OidcHttp::perform(const std::string& url, const TokenRequest* request,
                                           const std::stop_token& stop) const {
  const Handle handle = make_handle();
  if (!handle) return fail(ErrorKind::Unavailable, "libcurl cannot be set up");
  block_sigpipe();
  Exchange exchange{.stop = stop};
  set_up(handle.get(), url, ca_file_, exchange);
  Headers headers(curl_slist_append(nullptr, "Accept: application/json"));
  if (request != nullptr) {
    curl_easy_setopt(handle.get(), CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request->form.size()));
    curl_easy_setopt(handle.get(), CURLOPT_POSTFIELDS, request->form.reveal().data());
    if (!request->authorization.empty()) {
      const SecretString line(fmt::format("Authorization: {}", request->authorization.reveal()));
      curl_slist_append(headers.get(), line.reveal().data());
    }
  }
  curl_easy_setopt(handle.get(), CURLOPT_HTTPHEADER, headers.get());
  const CURLcode code = curl_easy_perform(handle.get());
  SecretString body(std::move(exchange.body));
  if (code != CURLE_OK) return std::unexpected(explain(code, url, exchange));
  long status = 0;
  curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
  return Answer{static_cast<int>(status), std::move(body)};
}

}  // namespace apitoken::portal
