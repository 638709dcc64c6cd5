#include "serve/bind_address.hpp"

#include <gtest/gtest.h>

namespace apitoken::serve {
namespace {

TEST(BindAddress, AcceptsHostAndPortPortOnlyAndBracketedIPv6) {
  EXPECT_EQ(parse_bind_address("127.0.0.1:8080"), (BindAddress{"127.0.0.1", 8080}));
  EXPECT_EQ(parse_bind_address("localhost:0"), (BindAddress{"localhost", 0}));
  EXPECT_EQ(parse_bind_address(":65535"), (BindAddress{"", 65535}));
  EXPECT_EQ(parse_bind_address("[::1]:8080"), (BindAddress{"::1", 8080}));
}

// What Go programs take. Go also takes names of services (":http") and an empty port, which here
// are refused: they are typing errors more often than meant.
TEST(BindAddress, AcceptsWhatGoProgramsTake) {
  for (const char* text : {":8080", ":0", "0.0.0.0:8080", "[::]:8080", "[::1]:8080",
                           "127.0.0.1:8080", "localhost:8080", "my-host.example.com:8080",
                           "[fe80::1%eth0]:8080", "[::ffff:127.0.0.1]:8080"})
    EXPECT_TRUE(parse_bind_address(text)) << text;
}

TEST(BindAddress, PrintsAsItWasRead) {
  for (const char* text : {"127.0.0.1:8080", ":8080", "[::1]:8080"})
    EXPECT_EQ(parse_bind_address(text)->text(), text);
}

TEST(BindAddress, RefusesOtherFormsAndShowsTheAllowedOnes) {
  for (const char* text : {"", "8080", ":", "host:", ":65536", ":-1", ":+1", ":80x", "::1:80",
                           "[]:80", "[::1]", "[::1:80", "a b:80", "http://x:80", "a:b:80"}) {
    const auto address = parse_bind_address(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().kind, ErrorKind::Invalid);
    EXPECT_NE(address.error().message.find("host:port, :port and [IPv6]:port"), std::string::npos);
  }
}

}  // namespace
}  // namespace apitoken::serve
