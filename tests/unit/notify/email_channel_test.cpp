// The SMTP channel against real sessions: a scripted server (smtp_server.py) with STARTTLS,
// implicit TLS, AUTH, refusals, silence and broken connections.
#include "notify/email_channel.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

namespace apitoken::notify {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

// A directory that goes with the test.
class Scratch {
 public:
  Scratch() {
    std::string name = ::testing::TempDir() + "smtp-XXXXXX";
    if (!mkdtemp(name.data())) std::abort();
    path_ = name;
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

std::string read_file(const std::string& path) {
  std::ifstream stream(path);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// A CA and a certificate of it for localhost, by that name alone.
void make_certificates(const Scratch& scratch) {
  const std::string script =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "
      "'/CN=test CA' -keyout ca.key "
      "-out "
      "ca.crt && openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=mail' "
      "-keyout tls.key -out "
      "tls.csr "
      "&& printf 'subjectAltName=DNS:localhost' > san && openssl x509 -req -in tls.csr -CA ca.crt "
      "-CAkey "
      "ca.key "
      "-CAcreateserial -days 2 -extfile san -out tls.crt";
  const std::string command = "cd '" + scratch.file("") + "' && { " + script + "; } >log 2>&1";
  ASSERT_EQ(std::system(command.c_str()), 0) << read_file(scratch.file("log"));
}

// The scripted server as a process of its own; it ends with its standard input.
class Server {
 public:
  Server(const Scratch& scratch, std::string tls, std::string auth = "")
      : mails_(scratch.file("mails-" + tls + auth)) {
    std::vector<std::string> arguments{"/usr/bin/python3",
                                       APITOKEN_SOURCE_DIR "/tests/unit/notify/smtp_server.py",
                                       "--tls",
                                       std::move(tls),
                                       "--certificate",
                                       scratch.file("tls.crt"),
                                       "--key",
                                       scratch.file("tls.key"),
                                       "--mails",
                                       mails_};
    if (!auth.empty()) arguments.insert(arguments.end(), {"--auth", auth});
    start(arguments, scratch.file("server-log"));
  }
  ~Server() {
    ::close(input_);
    ::fclose(output_);
    ::waitpid(pid_, nullptr, 0);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port() const { return port_; }
  std::vector<nlohmann::json> mails() const {
    std::vector<nlohmann::json> result;
    std::ifstream stream(mails_);
    for (std::string line; std::getline(stream, line);)
      result.push_back(nlohmann::json::parse(line));
    return result;
  }

 private:
  void start(const std::vector<std::string>& arguments, const std::string& log) {
    int in[2];
    int out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) std::abort();
    std::vector<char*> argv;
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(in[0], STDIN_FILENO);
      ::dup2(out[1], STDOUT_FILENO);
      ::dup2(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), STDERR_FILENO);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    input_ = in[1];
    output_ = ::fdopen(out[0], "r");
    int port = 0;
    if (std::fscanf(output_, "port %d", &port) != 1) port = 0;
    port_ = static_cast<std::uint16_t>(port);
  }

  std::string mails_;
  pid_t pid_ = -1;
  int input_ = -1;
  FILE* output_ = nullptr;
  std::uint16_t port_ = 0;
};

// Takes connections (the kernel does) and never says a word.
class SilentServer {
 public:
  SilentServer() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(socket_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(socket_, 8) != 0)
      std::abort();
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  ~SilentServer() { ::close(socket_); }
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;
  std::uint16_t port() const { return port_; }

 private:
  int socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::uint16_t port_ = 0;
};

class EmailChannelTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    scratch_ = new Scratch;
    make_certificates(*scratch_);
    starttls_ = new Server(*scratch_, "StartTLS", "robot:s3cret-word");
    plain_ = new Server(*scratch_, "None");
    ASSERT_NE(starttls_->port(), 0) << "python3-aiosmtpd is needed";
    ASSERT_NE(plain_->port(), 0);
  }
  static void TearDownTestSuite() {
    delete starttls_;
    delete plain_;
    delete scratch_;
  }

  static MailSettings settings(std::uint16_t port, core::TlsMode tls) {
    MailSettings s;
    s.server = {"localhost", port};
    s.tls = tls;
    s.from = {"API tokens", "tokens@example.com"};
    if (tls != core::TlsMode::None) s.ca = read_file(scratch_->file("ca.crt"));
    return s;
  }
  static MailSettings secure(std::string password = "s3cret-word") {
    MailSettings s = settings(starttls_->port(), core::TlsMode::StartTls);
    s.username = "robot";
    s.password = SecretString(std::move(password));
    return s;
  }
  static MailSettings plain() { return settings(plain_->port(), core::TlsMode::None); }
  static Mail mail(std::vector<std::string> recipients) {
    return {"tokens@example.com", std::move(recipients),
            "Subject: hello\r\n\r\nbody\r\n.\r\n..dots\r\n"};
  }
  Result<SendResult> send(const MailSettings& s, const Mail& m) { return channel_.send(s, m, {}); }

  static Scratch* scratch_;
  static Server* starttls_;
  static Server* plain_;
  EmailChannel channel_;
};

Scratch* EmailChannelTest::scratch_ = nullptr;
Server* EmailChannelTest::starttls_ = nullptr;
Server* EmailChannelTest::plain_ = nullptr;

TEST_F(EmailChannelTest, SendsOverStartTlsWithAuthAndKeepsTheConnection) {
  const std::size_t before = starttls_->mails().size();
  for (int i = 0; i < 3; ++i) {
    const auto result = send(secure(), mail({"ops@example.com", "sec@example.com"}));
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_THAT(result->accepted, ElementsAre("ops@example.com", "sec@example.com"));
  }
  const auto mails = starttls_->mails();
  ASSERT_THAT(mails, SizeIs(before + 3));
  const auto& last = mails.back();
  EXPECT_EQ(last["user"], "robot");
  EXPECT_EQ(last["tls"], true);
  EXPECT_EQ(last["from"], "tokens@example.com");
  EXPECT_THAT(last["to"].get<std::vector<std::string>>(),
              ElementsAre("ops@example.com", "sec@example.com"));
  EXPECT_EQ(last["message"], "Subject: hello\r\n\r\nbody\r\n.\r\n..dots\r\n");
  EXPECT_EQ(last["peer"], mails[before]["peer"]) << "one connection for all";
  channel_.rest();
  ASSERT_TRUE(send(secure(), mail({"ops@example.com"})));
  EXPECT_NE(starttls_->mails().back()["peer"], last["peer"]);
}

TEST_F(EmailChannelTest, SendsOverImplicitTls) {
  const Server server(*scratch_, "Implicit");
  const auto result =
      send(settings(server.port(), core::TlsMode::Implicit), mail({"ops@example.com"}));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(server.mails().at(0)["tls"], true);
}

TEST_F(EmailChannelTest, ReturnsTheAnswerForEachRecipient) {
  const auto result = send(plain(), mail({"refused@example.com", "ops@example.com",
                                          "later@example.com", "sec@example.com"}));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_THAT(result->accepted, ElementsAre("ops@example.com", "sec@example.com"));
  EXPECT_THAT(
      result->refused,
      ElementsAre(Refusal{"refused@example.com", 550, "550 5.1.1 no such user", true},
                  Refusal{"later@example.com", 451, "451 4.7.1 greylisted, try again", false}));
  EXPECT_THAT(plain_->mails().back()["to"].get<std::vector<std::string>>(), SizeIs(2));
}

TEST_F(EmailChannelTest, QuotedLocalPartsReachTheServerAsTheyStand) {
  const std::vector<std::string> quoted{R"("quo ted"@example.com)", R"("a;b"@example.com)",
                                        R"("a@b>"@example.com)", R"("a\"b"@example.com)"};
  Mail m = mail(quoted);
  m.from = R"("API tokens"@example.com)";
  const auto result = send(plain(), m);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->accepted, quoted);
  EXPECT_EQ(plain_->mails().back()["to"], quoted);
  EXPECT_EQ(plain_->mails().back()["from"], m.from);
}

TEST_F(EmailChannelTest, UsesSizeAndSmtpUtf8WhereTheServerOffersThem) {
  const std::string address = "jürgen@example.com";
  auto result = send(secure(), mail({"ops@example.com", address}));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_THAT(result->accepted, ElementsAre("ops@example.com", address));
  auto last = starttls_->mails().back();
  EXPECT_EQ(last["to"][1], address);
  EXPECT_THAT(last["options"].get<std::vector<std::string>>(),
              UnorderedElementsAre("SIZE", "SMTPUTF8"));

  ASSERT_TRUE(send(secure(), mail({"ops@example.com"})));
  EXPECT_EQ(starttls_->mails().back()["options"], std::vector<std::string>{"SIZE"})
      << "no server needs SMTPUTF8 for ASCII";

  result = send(plain(), mail({"ops@example.com", address}));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_THAT(result->accepted, ElementsAre("ops@example.com"));
  ASSERT_THAT(result->refused, SizeIs(1));
  EXPECT_TRUE(result->refused[0].permanent) << result->refused[0].text;
  EXPECT_THAT(result->refused[0].text, HasSubstr("needs a server that offers SMTPUTF8"));
}

TEST_F(EmailChannelTest, ReturnsEachAnswerIfAllAreRefused) {
  for (const auto& s : {plain(), secure()}) {
    const auto result = send(s, mail({"refused@example.com", "later@example.com"}));
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_THAT(result->accepted, SizeIs(0));
    ASSERT_THAT(result->refused, SizeIs(2));
    EXPECT_EQ(result->refused[0].code, 550);
    EXPECT_FALSE(result->refused[1].permanent);
  }
}

TEST_F(EmailChannelTest, RefusedAuthenticationIsUnauthorizedAndDoesNotShowThePassword) {
  const auto result = send(secure("wrong-s3cret"), mail({"ops@example.com"}));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::Unauthorized);
  EXPECT_THAT(result.error().message, HasSubstr("authentication refused (AUTH "));
  EXPECT_THAT(result.error().message, Not(HasSubstr("wrong-s3cret")));
}

TEST_F(EmailChannelTest, RefusedSendersAndMessagesAreInvalid) {
  Mail m = mail({"ops@example.com"});
  m.from = "refused@example.com";
  auto result = send(plain(), m);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::Invalid);
  EXPECT_THAT(result.error().message,
              HasSubstr("the mail was refused: 550 5.7.1 sender not allowed"));
  m.from = "message-refused@example.com";
  result = send(plain(), m);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_THAT(result->accepted, SizeIs(0));
  ASSERT_TRUE(result->mail_refused);
  EXPECT_EQ(result->mail_refused->text, "554 5.6.0 message not wanted");
}

TEST_F(EmailChannelTest, UntrustedCertificatesAndWrongNamesAreRefused) {
  auto s = secure();
  s.ca.clear();  // the system's CAs do not know the test's
  auto result = send(s, mail({"ops@example.com"}));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::Invalid);
  EXPECT_THAT(result.error().message, HasSubstr("certificate is not trusted"));
  s = secure();
  s.server.host = "127.0.0.1";  // answers as well, but the certificate does not name it
  result = send(s, mail({"ops@example.com"}));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::Invalid);
}

TEST_F(EmailChannelTest, AKeptConnectionIsNotUsedUnderOtherSettings) {
  ASSERT_TRUE(send(secure(), mail({"ops@example.com"})));
  auto s = secure();
  s.ca = "no PEM at all";
  EXPECT_FALSE(send(s, mail({"ops@example.com"})));
  ASSERT_TRUE(send(secure(), mail({"ops@example.com"})));
  EXPECT_FALSE(send(secure("wrong"), mail({"ops@example.com"})));
}

TEST_F(EmailChannelTest, NothingIsSentWithoutTheTlsThatIsAskedFor) {
  const std::size_t before = plain_->mails().size();
  auto s = settings(plain_->port(), core::TlsMode::StartTls);
  s.username = "robot";
  s.password = SecretString(std::string("s3cret-word"));
  const auto result = send(s, mail({"ops@example.com"}));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::Invalid);
  EXPECT_THAT(result.error().message, HasSubstr("no TLS by STARTTLS"));
  EXPECT_THAT(plain_->mails(), SizeIs(before));
}

TEST_F(EmailChannelTest, BrokenConnectionsAreTransientAndTheNextMailGoes) {
  const auto result = send(plain(), mail({"ops@example.com", "drop@example.com"}));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::Unavailable);
  EXPECT_TRUE(send(plain(), mail({"ops@example.com"})));
}

TEST_F(EmailChannelTest, NobodyListeningIsTransientAndNamesTheServer) {
  std::uint16_t port = 0;
  {
    const SilentServer gone;
    port = gone.port();
  }
  const auto result = send(settings(port, core::TlsMode::None), mail({"ops@example.com"}));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::Unavailable);
  EXPECT_THAT(result.error().message, HasSubstr("localhost:" + std::to_string(port)));
}

TEST_F(EmailChannelTest, SilenceEndsAtTheTimeOut) {
  const SilentServer silent;
  EmailTimeouts limits;
  limits.greeting = limits.command = 1s;
  EmailChannel impatient(limits);
  const auto start = std::chrono::steady_clock::now();
  auto result =
      impatient.send(settings(silent.port(), core::TlsMode::None), mail({"ops@example.com"}), {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::Unavailable);
  EXPECT_THAT(result.error().message, HasSubstr("connected, and no greeting for 1 s"));
  result = impatient.send(settings(silent.port(), core::TlsMode::StartTls),
                          mail({"ops@example.com"}), {});
  EXPECT_THAT(result.error().message, HasSubstr("set spec.smtp.tls: Implicit"));
  result = impatient.send(plain(), mail({"hang@example.com"}), {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::Unavailable);
  EXPECT_THAT(result.error().message, HasSubstr("no answer to RCPT for 1 s"));
  impatient.rest();
  EXPECT_LT(std::chrono::steady_clock::now() - start, 9s);
}

TEST_F(EmailChannelTest, StopsWhileAServerHangs) {
  const SilentServer silent;
  for (const auto& [s, recipient] :
       {std::pair(settings(silent.port(), core::TlsMode::None), "ops@example.com"),
        std::pair(plain(), "hang@example.com")}) {
    EmailChannel patient;
    std::stop_source stop;
    std::jthread stopper([&] {
      std::this_thread::sleep_for(200ms);  // into the attempt; before it would pass as well
      stop.request_stop();
    });
    const auto start = std::chrono::steady_clock::now();
    const auto result = patient.send(s, mail({recipient}), stop.get_token());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::Canceled);
    patient.rest();
    EXPECT_LT(std::chrono::steady_clock::now() - start, 4s);
  }
}

// RFC 5321 4.5.3.2: the answer to the final dot may take ten minutes. To give up early makes a
// second copy.
TEST_F(EmailChannelTest, ASlowAnswerToTheMessageIsWaitedForByItsOwnLimit) {
  EmailTimeouts limits;
  limits.command = limits.data = limits.block = 1s;
  EmailChannel patient(limits);
  const std::size_t before = plain_->mails().size();
  Mail m = mail({"ops@example.com"});
  m.from = "slow-answer@example.com";  // 3 s
  const auto result = patient.send(plain(), m, {});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_THAT(result->accepted, SizeIs(1));
  EXPECT_THAT(plain_->mails(), SizeIs(before + 1));
  m.within = 1s;
  const auto hurried = patient.send(plain(), m, {});
  ASSERT_FALSE(hurried);
  EXPECT_THAT(hurried.error().message, HasSubstr("no answer to the message within 1 s"));
}

TEST_F(EmailChannelTest, ALoginIsTriedWithoutAMail) {
  const std::size_t before = starttls_->mails().size();
  const auto works = channel_.try_login(secure(), 10s, {});
  EXPECT_TRUE(works) << works.error().message;
  const auto wrong = channel_.try_login(secure("wrong-s3cret"), 10s, {});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind, ErrorKind::Unauthorized);
  EXPECT_THAT(wrong.error().message, HasSubstr("535"));
  EXPECT_THAT(wrong.error().message, HasSubstr("spec.smtp.credentialsSecret"));
  EXPECT_THAT(wrong.error().message, Not(HasSubstr("wrong-s3cret")));
  EXPECT_TRUE(channel_.try_login(plain(), 10s, {}));
  const SilentServer silent;
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(channel_.try_login(settings(silent.port(), core::TlsMode::None), 1s, {}));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 4s);
  EXPECT_THAT(starttls_->mails(), SizeIs(before));
}

TEST_F(EmailChannelTest, TheMechanismIsTheOneThatTheSettingsName) {
  for (const auto method : {core::AuthMethod::Plain, core::AuthMethod::Login}) {
    auto s = secure();
    s.auth = method;
    EXPECT_TRUE(channel_.try_login(s, 10s, {}));
    s.password = SecretString(std::string("wrong"));
    EXPECT_THAT(channel_.try_login(s, 10s, {}).error().message,
                HasSubstr(method == core::AuthMethod::Plain ? "(AUTH PLAIN)" : "(AUTH LOGIN)"));
  }
  auto s = secure();
  s.auth = core::AuthMethod::CramMd5;
  const auto unknown = channel_.try_login(s, 10s, {});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, ErrorKind::Invalid);
  EXPECT_THAT(unknown.error().message, HasSubstr("set spec.smtp.auth"));
  EXPECT_THAT(unknown.error().message, HasSubstr("PLAIN"));
}

TEST_F(EmailChannelTest, EhloSaysWhatTheSettingsSay) {
  for (const char* name : {"tokens.example.com", "[192.0.2.1]"}) {
    auto s = plain();
    s.helo = name;
    ASSERT_TRUE(send(s, mail({"ops@example.com"})));
    EXPECT_EQ(plain_->mails().back()["helo"], name);
  }
}

TEST_F(EmailChannelTest, MessagesNameTheTlsModeThatThePortSpeaks) {
  auto s = settings(plain_->port(), core::TlsMode::Implicit);
  auto result = send(s, mail({"ops@example.com"}));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::Invalid);
  EXPECT_THAT(result.error().message, HasSubstr("set spec.smtp.tls: StartTLS"));
  s = settings(starttls_->port(), core::TlsMode::None);
  result = send(s, mail({"ops@example.com"}));
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("530 Must issue a STARTTLS command first"));
  EXPECT_THAT(result.error().message, HasSubstr("set spec.smtp.tls: StartTLS"));
  s = secure();
  s.username.clear();
  s.password = SecretString();
  result = send(s, mail({"ops@example.com"}));
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("530 5.7.0 Authentication required"));
  EXPECT_THAT(result.error().message, HasSubstr("set spec.smtp.credentialsSecret"));
}

// 192.0.2.0/24 is on no network; nothing must even be tried there.
TEST_F(EmailChannelTest, WithoutTlsTheAddressDecidesNotTheName) {
  auto s = settings(25, core::TlsMode::None);
  s.server.host = "192.0.2.7";
  auto result = send(s, mail({"ops@example.com"}));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::Invalid);
  EXPECT_THAT(result.error().message, HasSubstr("leads to 192.0.2.7"));
  s.server.host = "10.255.255.254";
  s.username = "robot";
  s.password = SecretString(std::string("s3cret-word"));
  const auto start = std::chrono::steady_clock::now();
  result = send(s, mail({"ops@example.com"}));
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message,
              HasSubstr("without TLS a login goes to loopback addresses only"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 2s);
}

TEST_F(EmailChannelTest, OneRecipientTooManyIsNotRefusedForGood) {
  const auto result = send(plain(), mail({"ops@example.com", "too-many@example.com"}));
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_THAT(result->refused, SizeIs(1));
  EXPECT_EQ(result->refused[0].code, 552);
  EXPECT_FALSE(result->refused[0].permanent);
}

TEST_F(EmailChannelTest, SeveralThreadsSendAtOnce) {
  const std::size_t before = plain_->mails().size();
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i)
      threads.emplace_back([&] {
        for (int n = 0; n < 5; ++n) EXPECT_TRUE(send(plain(), mail({"ops@example.com"})));
      });
  }
  EXPECT_THAT(plain_->mails(), SizeIs(before + 40));
}

TEST_F(EmailChannelTest, ManyMailsGoOverOneConnectionQuickly) {
  const std::size_t before = plain_->mails().size();
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(send(plain(), mail({"ops@example.com"})));
  RecordProperty("milliseconds", int((std::chrono::steady_clock::now() - start) / 1ms));
  EXPECT_THAT(plain_->mails(), SizeIs(before + 50));
}

}  // namespace
}  // namespace apitoken::notify
