#include "s3pager/testing/request.hpp"

#include <string>

#include "support/catch.hpp"
#include "unit/testing/parsed.hpp"

using namespace s3pager;
using test::parsed;

TEST_CASE("a path names bucket and key, byte by byte", "[testing][request]") {
  const parsed plain("GET", "/bucket/a/b");
  CHECK(plain.request.bucket == "bucket");
  CHECK(plain.request.key == "a/b");
  const parsed hostile("GET", "/bucket//..%2F./%00%FF+%2B%25%20/");
  CHECK(hostile.request.bucket == "bucket");
  CHECK(hostile.request.key == std::string("/.././\0\xff++% /", 13));
  CHECK(parsed("GET", "/bucket").request.key.empty());
  CHECK(parsed("GET", "/bucket/").request.key.empty());
  CHECK(parsed("GET", "/").request.bucket.empty());
}

TEST_CASE("a host in front of the domain names the bucket", "[testing][request]") {
  const auto of = [](const char* host) {
    const parsed asked("GET", "/a/b", {{"host", host}});
    return asked.request.bucket + '|' + asked.request.key;
  };
  CHECK(of("bucket.s3.localhost") == "bucket|a/b");
  CHECK(of("bucket.s3.localhost:8080") == "bucket|a/b");
  CHECK(of("dotted.bucket.S3.LocalHost") == "dotted.bucket|a/b");
  CHECK(of("s3.localhost") == "a|b");
  CHECK(of(".s3.localhost") == "a|b");
  CHECK(of("buckets3.localhost") == "a|b");
  CHECK(of("127.0.0.1:8080") == "a|b");
}

TEST_CASE("parameters are decoded, a plus as a space", "[testing][request]") {
  const parsed asked("GET", "/b?prefix=a%2Bb+c&list-type=2&flag&empty=&&x=1=2");
  CHECK(asked.request.parameter("prefix") == "a+b c");
  CHECK(asked.request.parameter("list-type") == "2");
  CHECK(asked.request.parameter("flag") == "");
  CHECK(asked.request.parameter("empty") == "");
  CHECK(asked.request.parameter("x") == "1=2");
  CHECK_FALSE(asked.request.parameter("delimiter"));
  CHECK(asked.request.query == "prefix=a%2Bb+c&list-type=2&flag&empty=&&x=1=2");
}

TEST_CASE("what can't be understood is refused", "[testing][request]") {
  for (const char* target : {"*", "/b/%zz", "/%", "/b?x=%1", "http://host/b/k"}) {
    CAPTURE(target);
    CHECK(parsed("GET", target).error.code == "InvalidURI");
  }
  CHECK(parsed("GET", "/b/k", {}).error.code == "InvalidRequest");
  CHECK(parsed("GET", "/b/k", {{"Host", "a"}, {"Host", "b"}}).error.code == "InvalidRequest");
  CHECK_FALSE(parsed("GET", "/b/k").error);
}
