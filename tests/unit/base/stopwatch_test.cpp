#include "s3pager/base/stopwatch.hpp"

#include <chrono>

#include "support/catch.hpp"

using namespace s3pager;
using namespace std::chrono_literals;

TEST_CASE("a stopwatch adds up the time between start and stop", "[base][stopwatch]") {
  const time_point zero{};
  stopwatch watch;
  CHECK_FALSE(watch.running());
  CHECK(watch.elapsed(zero + 5s) == 0s);
  watch.start(zero + 5s);
  watch.start(zero + 6s);
  CHECK(watch.running());
  CHECK(watch.elapsed(zero + 7s) == 2s);
  watch.stop(zero + 8s);
  watch.stop(zero + 9s);
  CHECK(watch.elapsed(zero + 100s) == 3s);
  watch.start(zero + 100s);
  CHECK(watch.elapsed(zero + 101s) == 4s);
  watch.reset();
  CHECK_FALSE(watch.running());
  CHECK(watch.elapsed(zero + 102s) == 0s);
}

TEST_CASE("a stopwatch knows when it will have come to a limit", "[base][stopwatch]") {
  const time_point zero{};
  stopwatch watch;
  watch.start(zero + 1s);
  watch.stop(zero + 4s);
  CHECK(watch.reaches(10s, zero + 20s) == zero + 27s);
  CHECK(watch.reaches(3s, zero + 20s) == zero + 20s);
  CHECK(watch.reaches(2s, zero + 20s) == zero + 20s);
  CHECK(watch.reaches(no_limit, zero + 20s) == no_deadline);
}
