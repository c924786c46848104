#include "s3pager/base/authority.hpp"

#include <string>
#include <string_view>

#include "support/catch.hpp"

using namespace s3pager;

namespace {

/// `host port kind`, or what is wrong.
std::string parsed(std::string_view text) {
  const auto made = parse_authority(text);
  if (!made) return made.message();
  const authority& of = made.value();
  const char* const kind = of.ipv6 ? "IPv6" : of.ip_literal ? "IPv4" : "name";
  return of.host + ' ' + (of.has_port ? std::to_string(of.port) : "none") + ' ' + kind;
}

}  // namespace

TEST_CASE("an authority is a name or an address, with a port or without") {
  CHECK(parsed("s3.example") == "s3.example none name");
  CHECK(parsed("s3.example.:9000") == "s3.example. 9000 name");
  CHECK(parsed("a_b-c:65535") == "a_b-c 65535 name");
  CHECK(parsed("10.0.0.1:1") == "10.0.0.1 1 IPv4");
  CHECK(parsed("[::1]") == "::1 none IPv6");
  CHECK(parsed("[fe80::1]:80") == "fe80::1 80 IPv6");
  CHECK(parsed("s3.example:") == "s3.example 0 name");
  CHECK(parsed("[::1]:") == "::1 0 IPv6");
}

TEST_CASE("what is wrong with an authority is said") {
  for (const char* text : {"h:0", "h:65536", "h:1a", "h:-1", "h:99999999999", "[::1]:x", "h:80:90"})
    CHECK(parsed(text) == "has a port that is no number from 1 to 65535");
  for (const char* text : {"", ":80", "a..b", ".a", "a b", "a@b", "::1", "\xc3\xa9"})
    CHECK(parsed(text) == "has no valid host name (an IPv6 address needs brackets)");
  CHECK(parsed(std::string(64, 'a')) == "has no valid host name (an IPv6 address needs brackets)");
  CHECK(parsed("[::1") == "has a '[' without a ']'");
  for (const char* text : {"[]", "[10.0.0.1]", "[::g]"}) CHECK(parsed(text) == "has brackets around no IPv6 address");
  CHECK(parsed(std::string_view("[::1\0]", 6)) == "has brackets around no IPv6 address");
  CHECK(parsed("[::1]80") == "has something other than a port after its IPv6 address");
}
