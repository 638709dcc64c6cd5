// An encrypted value that people read from the status. A failure or crash at the n-th write, for
// every n, removes no published value, shows none after its Secret is deleted, and leaves the same
// text in Secret and status.
#include <gtest/gtest.h>

#include <set>

#include "base/base64.hpp"
#include "core/jwe.hpp"
#include "core/token_format.hpp"
#include "fault/testbed.hpp"

namespace apitoken::reconcile {
namespace {

const core::OneTimeKey& key() {
  static const auto made = core::generate_one_time_key("test");
  return *made;
}

// The hash of the value in an encrypted text.
std::string hash_in(const std::string& jwe) {
  const auto value = core::decrypt_jwe(key(), jwe);
  EXPECT_TRUE(value) << value.error().message;
  return value ? core::token_hash(value->reveal()) : "";
}

const Json& status_of(Testbed& testbed) { return testbed.server.objects[kToken]["status"]; }

std::string in_secret(Testbed& testbed, const char* name) {
  const auto found = testbed.server.objects.find(kSecret);
  if (found == testbed.server.objects.end() || !found->second["data"].contains(name)) return "";
  return base64_decode(found->second["data"][name].get<std::string>()).value();
}

void encrypt(Testbed& testbed, const Json& secret = Json::object()) {
  Json patch{{"secret", secret}};
  patch["secret"]["encryptTo"] = key().jwk;
  testbed.spec(patch);
}

void expect_the_same_value_in_both(Testbed& testbed) {
  const auto& status = status_of(testbed);
  ASSERT_TRUE(status.contains("encryptedValue"));
  EXPECT_EQ(status["encryptedValue"], in_secret(testbed, "token.jwe"));
  EXPECT_EQ(status["tokenHash"], hash_in(status["encryptedValue"]));
  EXPECT_FALSE(testbed.server.objects[kSecret]["data"].contains("token"));
}

void expect_shown_nowhere(Testbed& testbed) {
  EXPECT_FALSE(testbed.server.objects.contains(kSecret));
  EXPECT_FALSE(status_of(testbed).contains("encryptedValue"));
}

std::set<std::string> opened_hashes;  // of the testbed under test

// Decrypts the status' value after each write: its hash must be in the status too.
void watch_the_status(Testbed& testbed) {
  opened_hashes.clear();
  testbed.server.watch_writes = [&testbed] {
    const auto& status = status_of(testbed);
    if (!status.contains("encryptedValue")) return;
    EXPECT_EQ(status["tokenHash"], hash_in(status["encryptedValue"]));
    opened_hashes.insert(status["tokenHash"].get<std::string>());
  };
}

void ask_for_rotation(Testbed& testbed) {
  watch_the_status(testbed);
  testbed.server.edit(kToken, [](Json& token) {
    token["metadata"]["annotations"]["apitoken.dev/rotate-requested-at"] = "2026-03-24T12:00:00Z";
  });
}

// Every value that was published during the rotation is valid.
void expect_rotated_once(Testbed& testbed) {
  expect_the_same_value_in_both(testbed);
  const auto& status = status_of(testbed);
  EXPECT_EQ(status["lastRotationRequest"], "2026-03-24T12:00:00Z");
  const std::set<std::string> valid{status["tokenHash"], status["previous"]["tokenHash"]};
  EXPECT_TRUE(opened_hashes.contains(status["tokenHash"]));
  for (const auto& opened : opened_hashes)
    EXPECT_TRUE(valid.contains(opened)) << "was published and is not valid";
}

TEST(EncryptedValue, IsIssuedIntoSecretAndStatus) {
  fail_at_each_write([](Testbed& w) { encrypt(w); }, watch_the_status,
                     expect_the_same_value_in_both);
}

TEST(EncryptedValue, IsNotReplacedAfterARotationPublishedIt) {
  fail_at_each_write(
      [](Testbed& w) {
        encrypt(w);
        w.settle();
      },
      ask_for_rotation,
      [](Testbed& w) {
        expect_rotated_once(w);
        EXPECT_EQ(status_of(w)["previous"]["tokenHash"],
                  hash_in(in_secret(w, "previous-token.jwe")));
      });
}

TEST(EncryptedValue, IsNotReplacedAfterDeleteAfter) {
  fail_at_each_write(
      [](Testbed& w) {
        encrypt(w, {{"deleteAfter", "1h"}});
        w.settle();
        w.clock.advance(2h);
        w.settle();
        expect_shown_nowhere(w);
      },
      ask_for_rotation, expect_rotated_once);
}

TEST(EncryptedValue, IsRemovedWithItsSecretAfterDeleteAfter) {
  fail_at_each_write(
      [](Testbed& w) {
        encrypt(w, {{"deleteAfter", "1h"}});
        w.settle();
      },
      [](Testbed& w) { w.clock.advance(2h); }, expect_shown_nowhere);
}

TEST(EncryptedValue, IsRemovedByARevocation) {
  fail_at_each_write(
      [](Testbed& w) {
        encrypt(w);
        w.settle();
      },
      [](Testbed& w) { w.spec({{"revoked", true}}); }, expect_shown_nowhere);
}

TEST(EncryptedValue, IsRemovedFromTheStatusByTheNextPlainValue) {
  fail_at_each_write(
      [](Testbed& w) {
        encrypt(w);
        w.settle();
      },
      [](Testbed& w) {
        w.spec({{"secret", {{"encryptTo", nullptr}}}});
        w.server.edit(kToken, [](Json& token) {
          token["metadata"]["annotations"]["apitoken.dev/rotate-requested-at"] =
              "2026-03-24T12:00:00Z";
        });
      },
      [](Testbed& w) {
        EXPECT_FALSE(status_of(w).contains("encryptedValue"));
        EXPECT_EQ(status_of(w)["tokenHash"], core::token_hash(in_secret(w, "token")));
        EXPECT_EQ(status_of(w)["previous"]["tokenHash"],
                  hash_in(in_secret(w, "previous-token.jwe")));
      });
}

}  // namespace
}  // namespace apitoken::reconcile
