#include "s3pager/aws/endpoint.hpp"

#include <string>
#include <string_view>

#include "support/catch.hpp"

using namespace s3pager::aws;

namespace {

/// All of an endpoint in one line: scheme, name to connect to, port, Host header and path prefix; or the failure.
std::string resolved(const endpoint_options& options) {
  const auto found = resolve_endpoint(options);
  if (!found) return found.message();
  const endpoint& to = found.value();
  return std::string(to.tls ? "tls " : "plain ") + to.host + " " + std::to_string(to.port) + " | " + to.host_header +
         " | " + to.path_prefix;
}

std::string resolved_url(std::string_view url, addressing how = addressing::automatic) {
  return resolved({.endpoint_url = url, .bucket = "logs", .addressing = how});
}

}  // namespace

TEST_CASE("without an endpoint URL requests go to Amazon S3 of the region") {
  CHECK(resolved({.region = "eu-west-1", .bucket = "logs"}) ==
        "tls logs.s3.eu-west-1.amazonaws.com 443 | logs.s3.eu-west-1.amazonaws.com | ");
  CHECK(resolved({.region = "cn-north-1", .bucket = "logs"}) ==
        "tls logs.s3.cn-north-1.amazonaws.com.cn 443 | logs.s3.cn-north-1.amazonaws.com.cn | ");
  CHECK(resolved({.region = "us-east-1", .bucket = "logs", .addressing = addressing::path}) ==
        "tls s3.us-east-1.amazonaws.com 443 | s3.us-east-1.amazonaws.com | /logs");
  CHECK(resolved({.bucket = "logs"}) == "a region or an endpoint URL is needed");
  CHECK(resolved({.region = "us-east-1.evil.com/", .bucket = "logs"}) == "a region holds only a-z, 0-9 and '-'");
}

TEST_CASE("automatic addressing puts a bucket with dots into the path under TLS only") {
  CHECK(resolved({.region = "eu-west-1", .bucket = "a.b.c"}) ==
        "tls s3.eu-west-1.amazonaws.com 443 | s3.eu-west-1.amazonaws.com | /a.b.c");
  CHECK(resolved({.region = "eu-west-1", .bucket = "a.b.c", .addressing = addressing::virtual_hosted}) ==
        "tls a.b.c.s3.eu-west-1.amazonaws.com 443 | a.b.c.s3.eu-west-1.amazonaws.com | ");
  CHECK(resolved({.endpoint_url = "http://s3.example.com", .bucket = "a.b.c"}) ==
        "plain a.b.c.s3.example.com 80 | a.b.c.s3.example.com | ");
}

TEST_CASE("automatic addressing puts the bucket into the path where the host is an address or localhost") {
  CHECK(resolved_url("http://127.0.0.1:9000") == "plain 127.0.0.1 9000 | 127.0.0.1:9000 | /logs");
  CHECK(resolved_url("http://localhost:9000") == "plain localhost 9000 | localhost:9000 | /logs");
  CHECK(resolved_url("http://LOCALHOST") == "plain LOCALHOST 80 | LOCALHOST | /logs");
  CHECK(resolved_url("http://[::1]:9000") == "plain ::1 9000 | [::1]:9000 | /logs");
  CHECK(resolved_url("https://[2001:db8::1]") == "tls 2001:db8::1 443 | [2001:db8::1] | /logs");
  CHECK(resolved_url("http://s3.example.com") == "plain logs.s3.example.com 80 | logs.s3.example.com | ");
  CHECK(resolved_url("http://s3.example.com", addressing::path) == "plain s3.example.com 80 | s3.example.com | /logs");
  CHECK(resolved_url("http://localhost:1", addressing::virtual_hosted) ==
        "plain logs.localhost 1 | logs.localhost:1 | ");
  CHECK(resolved_url("http://10.0.0.1", addressing::virtual_hosted) ==
        "virtual-hosted addressing needs an endpoint with a host name, not an IP address");
}

TEST_CASE("the Host header has the port unless it is the scheme's own") {
  CHECK(resolved_url("http://h.example:80") == "plain logs.h.example 80 | logs.h.example | ");
  CHECK(resolved_url("https://h.example:443") == "tls logs.h.example 443 | logs.h.example | ");
  CHECK(resolved_url("http://h.example:443") == "plain logs.h.example 443 | logs.h.example:443 | ");
  CHECK(resolved_url("HTTPS://h.example:80") == "tls logs.h.example 80 | logs.h.example:80 | ");
}

TEST_CASE("an endpoint's path comes before the bucket, without a slash at its end") {
  CHECK(resolved_url("http://h.example/") == "plain logs.h.example 80 | logs.h.example | ");
  CHECK(resolved_url("http://h.example/s3/v1//", addressing::path) == "plain h.example 80 | h.example | /s3/v1/logs");
  CHECK(resolved_url("http://h.example/a%20b") == "plain logs.h.example 80 | logs.h.example | /a%20b");
}

TEST_CASE("an endpoint URL that could mean something else is a failure that says what is wrong") {
  for (const std::string_view url : {"h.example", "ftp://h.example", "//h.example", "http:/h.example", " http://h"})
    CHECK(resolved_url(url) == "the endpoint URL must begin with http:// or https://");
  for (const std::string_view url : {"http://h?a=b", "http://h/#f", "http://h?"})
    CHECK(resolved_url(url) == "the endpoint URL must have no query and no fragment");
  for (const std::string_view url : {"http://user@h", "http://user:hidden@h:80/"})
    CHECK(resolved_url(url) == "the endpoint URL must have no user name or password");
  for (const std::string_view url : {"http://h/a b", "http://h/%2", "http://h/%zz", "http://h/\n", "http://h/\xc3\xa9"})
    CHECK(resolved_url(url) == "the endpoint URL has a path that is not encoded");
  for (const std::string_view url : {"http://h:", "http://h:0", "http://h:65536", "http://h:+80", "http://h:8 0",
                                     "http://h:99999999999999999999", "http://h:80:80", "http://[::1]:"})
    CHECK(resolved_url(url) == "the endpoint URL has a port that is no number from 1 to 65535");
  for (const std::string_view url : {"http://", "http:///path", "http://:80", "http://a..b", "http://.a", "http://a\r\nb",
                                     "http://a%41", "http://a b"})
    CHECK(resolved_url(url) == "the endpoint URL has no valid host name (an IPv6 address needs brackets)");
  CHECK(resolved_url("http://" + std::string(64, 'a')).find("no valid host name") != std::string::npos);
  CHECK(resolved_url("http://::1").find("an IPv6 address needs brackets") != std::string::npos);
  CHECK(resolved_url("http://[::1") == "the endpoint URL has a '[' without a ']'");
  for (const std::string_view url : {"http://[]", "http://[127.0.0.1]", "http://[fe80::1%25eth0]", "http://[h]"})
    CHECK(resolved_url(url) == "the endpoint URL has brackets around no IPv6 address");
  CHECK(resolved_url(std::string_view("http://[::1\0]", 13)) ==
        "the endpoint URL has brackets around no IPv6 address");
  CHECK(resolved_url("http://[::1]80") ==
        "the endpoint URL has something other than a port after its IPv6 address");
  CHECK(resolved_url("http://h.example:65535") == "plain logs.h.example 65535 | logs.h.example:65535 | ");
}

TEST_CASE("a bucket that is no part of a host name goes into the path, encoded, or is a failure if it must") {
  for (const std::string_view bucket : {"Logs", "my_logs", "-logs", "logs-", "a..b", "a.-b", "a-.b", "ab", "192.168.1.1"}) {
    CHECK(resolved({.endpoint_url = "http://h.example", .bucket = bucket}) ==
          "plain h.example 80 | h.example | /" + std::string(bucket));
    CHECK(resolved({.endpoint_url = "http://h.example", .bucket = bucket, .addressing = addressing::virtual_hosted}) ==
          "this bucket's name can't be part of a host name");
  }
  CHECK(resolved({.endpoint_url = "http://h.example", .bucket = "a b:c%"}) ==
        "plain h.example 80 | h.example | /a%20b%3Ac%25");
  CHECK(is_dns_compatible(std::string(63, 'a')));
  CHECK_FALSE(is_dns_compatible(std::string(64, 'a')));
  CHECK(is_dns_compatible("192.168.1"));
}

TEST_CASE("a bucket's name is validated") {
  CHECK(resolved({.endpoint_url = "http://h.example"}) == "a bucket is needed");
  for (const std::string_view bucket : {std::string_view("a/b"), std::string_view("a\nb"), std::string_view("a\0b", 3),
                                        std::string_view("a\x7f")})
    CHECK(resolved({.endpoint_url = "http://h.example", .bucket = bucket}) ==
          "a bucket's name holds no '/' and no control characters");
  CHECK(resolved({.endpoint_url = "http://h.example", .bucket = ".."}) == "a bucket's name can't be . or ..");
}
