#include "s3pager/s3/object_query.hpp"

#include <string>
#include <string_view>

#include "s3pager/base/error.hpp"
#include "support/catch.hpp"

using namespace s3pager;
using s3::object_query;

TEST_CASE("version and response headers make a query in canonical order", "[s3][object_query]") {
  CHECK(object_query("") == "");
  CHECK(object_query("v/1 +") == "versionId=v%2F1%20%2B");
  CHECK(object_query("", {.content_type = "text/plain; charset=utf-8"}) == "response-content-type=text%2Fplain%3B%20charset%3Dutf-8");
  CHECK(object_query("7", {.cache_control = "no-cache",
                           .content_disposition = "attachment; filename=\"a b.txt\"",
                           .content_encoding = "gzip",
                           .content_language = "de",
                           .content_type = "text/plain",
                           .expires = "Sun, 06 Nov 1994 08:49:37 GMT"}) ==
        "response-cache-control=no-cache&response-content-disposition=attachment%3B%20filename%3D%22a%20b.txt%22"
        "&response-content-encoding=gzip&response-content-language=de&response-content-type=text%2Fplain"
        "&response-expires=Sun%2C%2006%20Nov%201994%2008%3A49%3A37%20GMT&versionId=7");
}

TEST_CASE("response headers with control characters, or too long ones, are refused", "[s3][object_query]") {
  for (const std::string_view each : {"a\r\nSet-Cookie: b", "a\n", "\t", "\x7f", "\x01"}) {
    CHECK_THROWS_WITH(object_query("", {.content_type = each}), Catch::Matchers::StartsWith("response.content-type holds a control character"));
    CHECK_THROWS_WITH(object_query("", {.expires = each}), Catch::Matchers::StartsWith("response.expires holds a control character"));
  }
  const std::size_t name = std::string_view("response-expires=").size();
  CHECK(object_query("", {.expires = std::string(2048 - name, 'e')}).size() == 2048);
  CHECK_THROWS_WITH(object_query("", {.expires = std::string(2049 - name, 'e')}),
                    Catch::Matchers::StartsWith("response takes 2049 characters as it is encoded, 2048 at most are allowed"));
  CHECK(object_query("", {.content_disposition = "filename=\xc3\xa4"}) == "response-content-disposition=filename%3D%C3%A4");
}
