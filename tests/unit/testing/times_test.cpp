#include "s3pager/testing/times.hpp"

#include <chrono>

#include "support/catch.hpp"

using namespace s3pager;
using namespace s3pager::testing;
using namespace std::chrono_literals;

TEST_CASE("times are written as HTTP and ISO 8601 have them", "[testing][times]") {
  const wall_time time{std::chrono::sys_days{std::chrono::year{1994} / 11 / 6} + 8h + 49min + 37s + 5ms};
  CHECK(format_http_date(time) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(format_iso_time(time) == "1994-11-06T08:49:37.005Z");
}

TEST_CASE("a date of HTTP is read back", "[testing][times]") {
  for (std::int64_t day = 0; day < 40'000; day += 97) {
    const wall_time time{std::chrono::hours{24} * day + 23h + 59min + 58s};
    REQUIRE(parse_http_date(format_http_date(time)) == time);
  }
}

TEST_CASE("what is no date of HTTP is not read", "[testing][times]") {
  for (const char* text : {"", "Sun, 06 Nov 1994 08:49:37 UTC", "Sunday, 06-Nov-94 08:49:37 GMT",
                           "Sun Nov  6 08:49:37 1994", "Sun, 06 Nvo 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT",
                           "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, x6 Nov 1994 08:49:37 GMT"})
    CHECK_FALSE(parse_http_date(text));
}

TEST_CASE("x-amz-date is read", "[testing][times]") {
  CHECK(parse_amz_time("20130524T000001Z") ==
        wall_time{std::chrono::sys_days{std::chrono::year{2013} / 5 / 24} + 1s});
  for (const char* text : {"", "20130524T000001", "20130524 000001Z", "20131324T000001Z", "2013052xT000001Z"})
    CHECK_FALSE(parse_amz_time(text));
}
