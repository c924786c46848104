#include "s3pager/base/timestamp.hpp"

#include "support/catch.hpp"

namespace {

using s3pager::wall_time;
using s3pager::parse_timestamp;

wall_time since_epoch(std::chrono::nanoseconds time) { return wall_time{time}; }

}  // namespace

TEST_CASE("a time of S3 is read to the nanosecond") {
  using namespace std::chrono;
  CHECK(parse_timestamp("1970-01-01T00:00:00.000Z") == since_epoch(0s));
  CHECK(parse_timestamp("2009-10-12T17:50:30.000Z") == since_epoch(1255369830s));
  CHECK(parse_timestamp("2009-10-12T17:50:30Z") == since_epoch(1255369830s));
  CHECK(parse_timestamp("2009-10-12T17:50:30.5Z") == since_epoch(1255369830s + 500ms));
  CHECK(parse_timestamp("2009-10-12T17:50:30.123456789Z") == since_epoch(1255369830s + 123456789ns));
  CHECK(parse_timestamp("2009-10-12T17:50:30.1234567899999999999999Z") == since_epoch(1255369830s + 123456789ns));
  CHECK(parse_timestamp("2024-02-29T23:59:59Z") == since_epoch(1709251199s));
  CHECK(parse_timestamp("1969-12-31T23:59:59Z") == since_epoch(-1s));
  CHECK(parse_timestamp("2016-12-31T23:59:60Z") == parse_timestamp("2017-01-01T00:00:00Z"));
}

TEST_CASE("an offset is taken off") {
  using namespace std::chrono;
  CHECK(parse_timestamp("2009-10-12T19:50:30+02:00") == since_epoch(1255369830s));
  CHECK(parse_timestamp("2009-10-12T17:50:30UTC") == since_epoch(1255369830s));
  CHECK_FALSE(parse_timestamp("2009-10-12T17:50:30UTC "));
  CHECK(parse_timestamp("2009-10-12T12:20:30.000-05:30") == since_epoch(1255369830s));
}

TEST_CASE("the years at the ends of the range are read without overflow") {
  CHECK(parse_timestamp("1678-01-01T00:00:00+23:59").has_value());
  CHECK(parse_timestamp("2261-12-31T23:59:60.999999999-23:59").has_value());
  CHECK_FALSE(parse_timestamp("1677-12-31T23:59:59Z"));
  CHECK_FALSE(parse_timestamp("2262-01-01T00:00:00Z"));
  CHECK_FALSE(parse_timestamp("9999-12-31T23:59:59Z"));
}

TEST_CASE("what is no time is nothing") {
  const auto text = GENERATE(as<std::string_view>{}, "", "Z", "2009-10-12", "2009-10-12T17:50:30", "2009-10-12T17:50Z",
                             "2009-10-12 17:50:30Z", "2009-10-12T17:50:30.Z", "2009-10-12T17:50:30ZZ",
                             "2009-13-12T17:50:30Z", "2009-00-12T17:50:30Z", "2009-02-29T17:50:30Z",
                             "2009-10-00T17:50:30Z", "2009-10-12T24:50:30Z", "2009-10-12T17:60:30Z",
                             "2009-10-12T17:50:61Z", "+009-10-12T17:50:30Z", "2009-10-12T17:50:30+24:00",
                             "2009-10-12T17:50:30+02:60", "2009-10-12T17:50:30+0200", "2009-10-12T17:50:30+02",
                             "Mon, 12 Oct 2009 17:50:30 GMT", "1255369830", "2009-1 -12T17:50:30Z");
  CAPTURE(text);
  CHECK_FALSE(parse_timestamp(text));
}

TEST_CASE("a time is written to the second") {
  using namespace std::chrono;
  CHECK(s3pager::format_timestamp(since_epoch(1255369830s + 999ms)) == "2009-10-12T17:50:30Z");
  CHECK(s3pager::format_timestamp(since_epoch(0s)) == "1970-01-01T00:00:00Z");
  CHECK(parse_timestamp(s3pager::format_timestamp(since_epoch(1709251199s))) == since_epoch(1709251199s));
}
