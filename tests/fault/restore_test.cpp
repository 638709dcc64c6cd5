// etcd is restored from a snapshot while the operator runs, and the watch of one kind shows it
// before the watch of the other does: what was undone replaces no value and deletes no Secret.
#include <gtest/gtest.h>

#include "core/jwe.hpp"
#include "fault/testbed.hpp"

namespace apitoken::reconcile {
namespace {

class Restore : public testing::Test {
 protected:
  // Undoes what `act` does after `prepare`. Then the watches show the restore, one after the other,
  // in both orders.
  static void undo(const std::function<void(Testbed&)>& prepare,
                   const std::function<void(Testbed&)>& act) {
    for (const auto first : {&Operator::observe_secret, &Operator::observe_token}) {
      SCOPED_TRACE(first == &Operator::observe_secret ? "Secrets first" : "ApiTokens first");
      Testbed testbed;
      prepare(testbed);
      const auto snapshot = testbed.server.save();
      act(testbed);
      testbed.settle();
      testbed.server.restore(snapshot);
      std::invoke(first, *testbed.process);
      for (int i = 0; i < 3; ++i) testbed.process->pass();
      EXPECT_EQ(testbed.server.objects, snapshot.objects) << "an undone state was written";
      testbed.settle();
      EXPECT_EQ(testbed.server.objects, snapshot.objects);
    }
  }
  static void mint(Testbed& testbed) { testbed.settle(); }
  static void rotate(Testbed& testbed) {
    testbed.server.edit(kToken, [](Json& token) {
      token["metadata"]["annotations"]["apitoken.dev/rotate-requested-at"] = "2026-03-24T12:00:00Z";
    });
  }
};

TEST_F(Restore, ARevocationThatWasUndoneDeletesNoSecret) {
  undo(mint, [](Testbed& w) { w.spec({{"revoked", true}}); });
}

TEST_F(Restore, ARotationThatWasUndoneReplacesNoValue) { undo(mint, rotate); }

TEST_F(Restore, ARotationOfAnEncryptedValueThatWasUndoneReplacesNone) {
  undo(
      [](Testbed& w) {
        w.spec({{"secret", {{"encryptTo", core::generate_one_time_key("test")->jwk}}}});
        w.settle();
      },
      rotate);
}

TEST_F(Restore, AHealingThatWasUndoneReplacesNoValue) {
  undo(mint, [](Testbed& w) { w.server.objects.erase(kSecret); });
}

TEST_F(Restore, AnApiTokenThatIsNoLongerThereGetsNoSecret) {
  const Json token = Testbed().server.objects.at(kToken);
  undo([](Testbed& w) { w.server.objects.erase(kToken); },
       [&](Testbed& w) { w.server.put(kToken, token); });
}

}  // namespace
}  // namespace apitoken::reconcile
