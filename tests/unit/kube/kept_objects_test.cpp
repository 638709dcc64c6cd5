#include "kube/kept_objects.hpp"

#include <gtest/gtest.h>

namespace apitoken::kube {
namespace {

using Object = api::PartialObject;

Kept<Object> object(const std::string& ns, int number) {
  auto object = std::make_shared<Object>();
  object->meta.ns = ns;
  object->meta.name = std::to_string(number);
  return Kept<Object>(object);
}

TEST(KeptObjects, GiveMemoryBackAsObjectsGoOneByOne) {
  KeptObjects<Object> objects;
  for (int i = 0; i < 1'000; ++i) objects.insert(object("a", i));
  const auto full = objects.bytes();
  for (int i = 0; i < 900; ++i) objects.erase("a", std::to_string(i));
  EXPECT_LT(objects.bytes(), full / 2);
  for (int i = 900; i < 1'000; ++i) {
    ASSERT_TRUE(objects.find("a", std::to_string(i)));
    objects.erase("a", std::to_string(i));
  }
  EXPECT_EQ(objects.size(), 0u);
  EXPECT_EQ(objects.bytes(), 0u);
}

}  // namespace
}  // namespace apitoken::kube
