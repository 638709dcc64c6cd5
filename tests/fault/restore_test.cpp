// etcd is restored from a snapshot while the operator runs, and the watch of Secrets shows it
// before the watch of ApiTokens does: what was undone replaces no value and deletes no Secret.
#include <gtest/gtest.h>

#include "fault/testbed.hpp"

namespace apitoken::reconcile {
namespace {

class Restore : public testing::Test {
 protected:
  // Undoes what `act` does. Then the watches show the restore, one after the other.
  void undo(const std::function<void(Testbed&)>& act) {
    const auto snapshot = testbed_.server.save();
    act(testbed_);
    testbed_.settle();
    testbed_.server.restore(snapshot);
    testbed_.process->observe_secret();
    for (int i = 0; i < 3; ++i) testbed_.process->pass();
    EXPECT_EQ(testbed_.server.objects, snapshot.objects) << "an undone state was written";
    testbed_.settle();
    EXPECT_EQ(testbed_.server.objects, snapshot.objects);
  }

  Testbed testbed_;
};

TEST_F(Restore, ARevocationThatWasUndoneDeletesNoSecret) {
  testbed_.settle();
  undo([](Testbed& w) { w.spec({{"revoked", true}}); });
}

TEST_F(Restore, ARotationThatWasUndoneReplacesNoValue) {
  testbed_.settle();
  undo([](Testbed& w) {
    w.server.edit(kToken, [](Json& token) {
      token["metadata"]["annotations"]["apitoken.dev/rotate-requested-at"] = "2026-03-24T12:00:00Z";
    });
  });
}

TEST_F(Restore, AHealingThatWasUndoneReplacesNoValue) {
  testbed_.settle();
  undo([](Testbed& w) { w.server.objects.erase(kSecret); });
}

TEST_F(Restore, AnApiTokenThatIsNoLongerThereGetsNoSecret) {
  const Json token = testbed_.server.objects.at(kToken);
  testbed_.server.objects.erase(kToken);
  undo([&](Testbed& w) { w.server.put(kToken, token); });
}

}  // namespace
}  // namespace apitoken::reconcile
