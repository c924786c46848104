#include "s3pager/aws/presigned_url.hpp"

#include <string>
#include <string_view>

#include "support/catch.hpp"

using namespace s3pager;
using aws::parse_presigned_url;

namespace {

/// Scheme, host and port to connect to, Host header, target and key; or what is wrong.
std::string read(std::string_view text) {
  const auto made = parse_presigned_url(text);
  if (!made) return made.message();
  const aws::presigned_url& url = made.value();
  return std::string(url.tls ? "tls " : "plain ") + url.host + ' ' + std::to_string(url.port) + " | " + url.host_header + " | " +
         std::string(url.target.view()) + " | " + url.key;
}

std::string secrets(std::string_view text) {
  std::string all;
  const auto made = parse_presigned_url(text);
  REQUIRE(made);
  for (const secret& each : made.value().secrets) all.append(each.view()).append(" ");
  return all;
}

}  // namespace

TEST_CASE("a URL says where it leads, and what is sent there as it is", "[aws][presigned_url]") {
  CHECK(read("https://bucket.s3.eu-west-1.amazonaws.com/a%20b/c?X-Amz-Signature=1&x") ==
        "tls bucket.s3.eu-west-1.amazonaws.com 443 | bucket.s3.eu-west-1.amazonaws.com | /a%20b/c?X-Amz-Signature=1&x | a b/c");
  CHECK(read("HTTP://Host.Example:9000//a/../%2e%2F+?") == "plain Host.Example 9000 | Host.Example:9000 | //a/../%2e%2F+? | /a/.././+");
  CHECK(read("https://h:443/k") == "tls h 443 | h | /k | k");
  CHECK(read("http://h:80/k") == "plain h 80 | h | /k | k");
  CHECK(read("http://h:443/k") == "plain h 443 | h:443 | /k | k");
  CHECK(read("https://h:/k") == "tls h 443 | h | /k | k");
  CHECK(read("https://[2001:db8::1]/k") == "tls 2001:db8::1 443 | [2001:db8::1] | /k | k");
  CHECK(read("http://[::1]:9000/k?a=/?b") == "plain ::1 9000 | [::1]:9000 | /k?a=/?b | k");
  CHECK(read("http://h/%zz%?%zz") == "plain h 80 | h | /%zz%?%zz | %zz%");
  CHECK(read("http://h/%00%ff") == "plain h 80 | h | /%00%ff | " + std::string("\0\xff", 2));
  CHECK(read("http://h/a\\b\"<>|^`{}") == "plain h 80 | h | /a\\b\"<>|^`{} | a\\b\"<>|^`{}");
}

TEST_CASE("a URL that is none is refused in words that don't repeat it", "[aws][presigned_url]") {
  const std::string character = "the URL holds a space, a line break or another character that has to be percent-encoded";
  for (const std::string_view each : {"https://h/a b", " https://h/k", "https://h/k\r\nx: y", "https://h/k\t", "https://h/\xc3\xa4", "https://h/k\x7f"})
    CHECK(read(each) == character);
  CHECK(read(std::string_view("https://h/k\0", 12)) == character);
  for (const std::string_view each : {"", "h/k", "//h/k", "ftp://h/k", "s3://bucket/key", "https:/h/k", "https:h", "://h/k"})
    CHECK(read(each) == "the URL must begin with http:// or https://");
  CHECK(read("https://h/k#top") == "the URL must have no fragment");
  CHECK(read("https://user:word@h/k") == "the URL must have no user name or password");
  for (const std::string_view each : {"https:///k", "https://?k", "https://a..b/k", "https://ho%73t/k", "https://:80/k"})
    CHECK(read(each) == "the URL has no valid host name (an IPv6 address needs brackets)");
  for (const std::string_view each : {"https://h:0/k", "https://h:65536/k", "https://h:x/k"})
    CHECK(read(each) == "the URL has a port that is no number from 1 to 65535");
  CHECK(read("https://[::1/k") == "the URL has a '[' without a ']'");
  for (const std::string_view each : {"https://h", "https://h/", "https://h?a=b", "https://h/?list-type=2"})
    CHECK(read(each) == "the URL names no object: it has no path");
}

TEST_CASE("a URL has at most 16 KiB", "[aws][presigned_url]") {
  std::string longest = "https://h/k?";
  longest.append(16 * 1024 - longest.size(), 'q');
  CHECK(read(longest).starts_with("tls h 443 | "));
  CHECK(read(longest + "q") == "the URL has 16385 characters, 16384 at most are allowed");
}

TEST_CASE("what authorizes in a URL is known", "[aws][presigned_url]") {
  CHECK(secrets("https://h/k") == "");
  CHECK(secrets("https://h/k?") == "");
  CHECK(secrets("https://h/k?a=b") == "a=b ");
  CHECK(secrets("https://h/k?X-Amz-Security-Token=a%2Fb&X-Amz-Date=1&X-Amz-Signature=0123abcd") ==
        "X-Amz-Security-Token=a%2Fb&X-Amz-Date=1&X-Amz-Signature=0123abcd a%2Fb a/b 0123abcd ");
  CHECK(secrets("https://h/k?AWSAccessKeyId=A&Signature=v%3D&Expires=1") == "AWSAccessKeyId=A&Signature=v%3D&Expires=1 v%3D v= ");
  CHECK(secrets("https://h/k?x-goog-signature=1&Signature") == "x-goog-signature=1&Signature 1 ");
}

TEST_CASE("a URL that is cut anywhere is a URL, or refused", "[aws][presigned_url]") {
  const std::string_view whole = "https://bucket.example:8443/a%20b/c?X-Amz-Security-Token=a%2Fb&X-Amz-Signature=0123abcd";
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const auto made = parse_presigned_url(whole.substr(0, size));
    CHECK(made.ok() == (size > whole.find('/', 8) + 1));
    if (made) CHECK(made.value().target.view() == whole.substr(0, size).substr(whole.find('/', 8)));
  }
}
