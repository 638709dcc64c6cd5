// A Secret of somebody else has the name. No watch shows it, so each pass looks for itself.
#include <gtest/gtest.h>

#include "fault/testbed.hpp"

namespace apitoken::reconcile {
namespace {

std::string ready_reason(const Testbed& testbed) {
  for (const Json& condition : testbed.server.objects.at(kToken)["status"]["conditions"]) {
    if (condition["type"] == "Ready") return condition["reason"];
  }
  return "";
}

TEST(SecretConflict, EndsWithTheFirstPassAfterTheSecretIsGone) {
  for (int passes = 3; passes < 8; ++passes) {
    SCOPED_TRACE("after passes: " + std::to_string(passes));
    Testbed testbed;
    testbed.server.put(kSecret, {{"metadata", {{"name", "ci"}, {"namespace", "team-a"}}}});
    const auto pass = [&] {
      testbed.process->observe_token();
      testbed.process->pass();
    };
    for (int i = 0; i < passes; ++i) pass();
    ASSERT_EQ(ready_reason(testbed), "SecretConflict");
    const int writes = testbed.server.writes();
    pass();
    EXPECT_EQ(testbed.server.writes(), writes) << "writes although nothing has changed";
    testbed.server.objects.erase(kSecret);
    pass();
    EXPECT_EQ(ready_reason(testbed), "Issued");
  }
}

}  // namespace
}  // namespace apitoken::reconcile
