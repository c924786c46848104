#include "s3pager/http/date.hpp"

#include <chrono>
#include <string>
#include <string_view>

#include "support/catch.hpp"

namespace {

using namespace s3pager;
using http::format_date;
using http::parse_date;

constexpr wall_time at(std::chrono::year_month_day day, std::chrono::seconds time) {
  return wall_time{std::chrono::sys_days(day)} + time;
}
using namespace std::chrono_literals;
constexpr wall_time example = at(1994y / 11 / 6, 8h + 49min + 37s);
constexpr wall_time today = at(2026y / 7 / 1, 0s);

}  // namespace

TEST_CASE("each of the three forms of a date is read", "[http]") {
  CHECK(parse_date("Sun, 06 Nov 1994 08:49:37 GMT", today) == example);
  CHECK(parse_date("Sunday, 06-Nov-94 08:49:37 GMT", today) == example);
  CHECK(parse_date("Sun Nov  6 08:49:37 1994", today) == example);
  CHECK(parse_date("Mon Nov 16 08:49:37 2026", today) == at(2026y / 11 / 16, 8h + 49min + 37s));
  CHECK(parse_date("Thu, 29 Feb 2024 23:59:60 GMT", today) == at(2024y / 3 / 1, 0s));
}

TEST_CASE("two digits of a year are of this century, or of the last if that would be far ahead", "[http]") {
  CHECK(parse_date("Tuesday, 01-Jan-76 00:00:00 GMT", today) == at(2076y / 1 / 1, 0s));
  CHECK(parse_date("Tuesday, 01-Jan-77 00:00:00 GMT", today) == at(1977y / 1 / 1, 0s));
  CHECK(parse_date("Tuesday, 01-Jan-26 00:00:00 GMT", today) == at(2026y / 1 / 1, 0s));
}

TEST_CASE("what is no date is not read", "[http]") {
  for (const std::string_view text :
       {"", "120", "Sun", "Sun,", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:00 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ", "sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 06 Nov 2200 08:49:37 GMT", "Sun, 06 Nov 1969 08:49:37 GMT",
        "Sunday, 06 Nov 1994 08:49:37 GMT", "Sun, 06-Nov-94 08:49:37 GMT", "Sun Nov 6 08:49:37 1994",
        "Sun, 06 Nov -994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT"})
    CHECK_FALSE(parse_date(text, today).has_value());
}

TEST_CASE("no beginning of a date is a date, and none is read past its end", "[http]") {
  for (const std::string whole :
       {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"})
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const std::string part(whole, 0, size);
      CHECK_FALSE(parse_date(std::string_view(part), today).has_value());
    }
}

TEST_CASE("dates are written as HTTP has them", "[http]") {
  const auto written = [](long long seconds) { return format_date(wall_time{std::chrono::seconds{seconds}}); };
  CHECK(written(1'445'412'480) == "Wed, 21 Oct 2015 07:28:00 GMT");
  CHECK(written(784'111'777) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(written(0) == "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK(written(-1) == "Wed, 31 Dec 1969 23:59:59 GMT");
  CHECK(written(951'782'400) == "Tue, 29 Feb 2000 00:00:00 GMT");
  CHECK(format_date(wall_time{std::chrono::seconds{1} + std::chrono::nanoseconds{999'999'999}}) ==
        "Thu, 01 Jan 1970 00:00:01 GMT");
}
