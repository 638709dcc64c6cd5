#include "core/dns_name.hpp"

#include <gtest/gtest.h>

#include <string>

namespace apitoken::core {
namespace {

TEST(DnsName, ASubdomainIsLabelsWithDotsBetween) {
  for (const char* name : {"a", "a.b", "a-b.c1", "0"}) EXPECT_TRUE(is_dns_subdomain(name)) << name;
  for (const char* name :
       {"", "A", "a_b", "-a", "a-", "a..b", "a.-b", "a-.b", ".a", "a.", "a/b", "../x", "ä"})
    EXPECT_FALSE(is_dns_subdomain(name)) << name;
  EXPECT_TRUE(is_dns_subdomain(std::string(253, 'a')));
  EXPECT_FALSE(is_dns_subdomain(std::string(254, 'a')));
}

TEST(DnsName, ALabelHasNoDotsAndAtMost63Characters) {
  for (const char* name : {"a", "a-b", "0"}) EXPECT_TRUE(is_dns_label(name)) << name;
  for (const char* name : {"", "-a", "a-", "A", "a.b", "a_b"})
    EXPECT_FALSE(is_dns_label(name)) << name;
  EXPECT_TRUE(is_dns_label(std::string(63, 'a')));
  EXPECT_FALSE(is_dns_label(std::string(64, 'a')));
}

}  // namespace
}  // namespace apitoken::core
