#include "s3pager/s3/throughput_floor.hpp"

#include <chrono>
#include <cstdint>
#include <limits>

#include "support/catch.hpp"

using namespace s3pager;
using namespace s3pager::s3;
using namespace std::chrono_literals;

namespace {
constexpr time_point start{1h};
}

TEST_CASE("an answer has to bring the least rate over each span of receiving", "[s3][throughput_floor]") {
  throughput_floor floor(100, 10s);
  CHECK(floor.deadline(start) == start + 10s);
  floor.came(999);
  CHECK(floor.deadline(start + 9s) == start + 10s);
  CHECK_FALSE(floor.too_slow(start + 10s - 1ns));
  CHECK(floor.too_slow(start + 10s));
  CHECK(floor.bytes() == 999);
  floor.came(1);
  CHECK_FALSE(floor.too_slow(start + 10s));
  CHECK(floor.deadline(start + 9s) == start + 19s);
  CHECK(floor.too_slow(start + 19s));
}

TEST_CASE("a receive that is made late begins a new span, and the time without room does not count",
          "[s3][throughput_floor]") {
  throughput_floor floor(100, 10s);
  CHECK(floor.deadline(start) == start + 10s);
  floor.came(1);
  CHECK(floor.deadline(start + 11s) == start + 21s);
  CHECK(floor.bytes() == 0);
  floor.stood(1h);
  CHECK(floor.deadline(start + 12s + 1h) == start + 21s + 1h);
}

TEST_CASE("a floor can be turned off, and be high or low", "[s3][throughput_floor]") {
  throughput_floor none(0, 10s);
  CHECK(none.deadline(start) == no_deadline);
  CHECK_FALSE(none.too_slow(start + 24h));
  throughput_floor never(1024, no_limit);
  CHECK(never.deadline(start) == no_deadline);
  throughput_floor low(1, 1ms);
  CHECK(low.deadline(start) == start + 1ms);
  CHECK(low.too_slow(start + 1ms));
  low.came(1);
  CHECK_FALSE(low.too_slow(start + 1ms));
  throughput_floor high(std::numeric_limits<std::uint64_t>::max(), 24h);
  CHECK(high.deadline(start) == start + 24h);
  high.came(std::uint64_t{1} << 50);
  CHECK(high.too_slow(start + 24h));
}
