// Reads the files into TlsMaterial; detects changes by stat().
#include "serve/server_certificate.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.hpp"
#include "kube/read_file.hpp"

namespace apitoken::serve {
namespace {

constexpr std::chrono::seconds kLookEvery{1};

// Changes whenever the path leads to another file or the file is written.
std::string fingerprint_of(const std::string& path) {
  struct stat file{};
  if (path.empty() || stat(path.c_str(), &file) != 0) return "-";
  return fmt::format("{}:{}:{}:{}.{}", file.st_dev, file.st_ino, file.st_size, file.st_mtim.tv_sec,
                     file.st_mtim.tv_nsec);
}

std::string host_name() {
  char name[256] = "apitoken-operator";
  gethostname(name, sizeof name - 1);
  return name;
}

}  // namespace

std::string ServerCertificate::fingerprint_of_files() const {
  return fmt::format("{} {} {}", fingerprint_of(files_.certificate), fingerprint_of(files_.key),
                     fingerprint_of(files_.client_ca));
}

Status ServerCertificate::fill_pair(TlsMaterial& material) const {
  if (self_signed_)
    return material.take_pair(self_signed_->certificate, self_signed_->key.reveal());
  const auto certificate = TRY(kube::read_file(files_.certificate));
  auto text = TRY(kube::read_file(files_.key));
  const SecretString key(std::move(text));
  const Status taken = material.take_pair(certificate, key.reveal());
  if (taken) return {};
  return fail(ErrorKind::Invalid,
              fmt::format("{}, {}: {}", files_.certificate, files_.key, taken.error().message));
}

Status ServerCertificate::fill_client_ca(TlsMaterial& material) const {
  if (files_.client_ca.empty()) return {};
  const auto text = TRY(kube::read_file(files_.client_ca));
  const Status taken = material.take_client_ca(text);
  if (taken) return {};
  return fail(ErrorKind::Invalid, fmt::format("{}: {}", files_.client_ca, taken.error().message));
}

Result<ServerCertificate::Material> ServerCertificate::read() const {
  auto material = std::make_shared<TlsMaterial>();
  TRY(fill_pair(*material));
  TRY(fill_client_ca(*material));
  return material;
}

Status ServerCertificate::load() {
  if (files_.certificate.empty()) {
    auto made = TRY(make_self_signed(host_name(), clock_.wall()));
    log::warn("serving with a certificate made for this run, which nobody trusts",
              {{"remedy", "give " + flags_}, {"sha256", made.fingerprint}});
    self_signed_ = std::move(made);
  }
  if (!files_.client_ca.empty()) {
    client_ca_ = TRY(kube::read_file(files_.client_ca));
  }
  const MutexLock lock(mutex_);
  fingerprint_ = fingerprint_of_files();
  looked_ = clock_.steady();
  material_ = TRY(read());
  return {};
}

// Reads under the mutex on purpose: the files are small and local, and every thread that waits
// needs the result.
ServerCertificate::Material ServerCertificate::current() {
  const MutexLock lock(mutex_);
  if (clock_.steady() - looked_ < kLookEvery) return material_;
  looked_ = clock_.steady();
  auto fingerprint = fingerprint_of_files();
  if (fingerprint == fingerprint_) return material_;
  auto fresh = read();
  if (!fresh) {  // half changed, perhaps: the next look tries again
    if (complaint_ != fresh.error().message)
      log::error(fresh.error().message + "; the previous certificate stays in use");
    complaint_ = fresh.error().message;
    return material_;
  }
  log::info("certificate files changed and were read again");
  material_ = std::move(*fresh);
  fingerprint_ = std::move(fingerprint);
  complaint_.clear();
  return material_;
}

}  // namespace apitoken::serve
