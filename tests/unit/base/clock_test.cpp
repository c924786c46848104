#include "s3pager/base/clock.hpp"

#include "support/catch.hpp"

using namespace s3pager;
using namespace std::chrono_literals;

TEST_CASE("a manual clock stands until it is advanced, both times together") {
  manual_clock clock;
  const time_point start = clock.now();
  CHECK(clock.wall() == wall_time{std::chrono::seconds{1'700'000'000}});
  CHECK(clock.now() == start);
  CHECK_FALSE(clock.runs());
  clock.advance(90s);
  CHECK(clock.now() == start + 90s);
  CHECK(clock.wall() == wall_time{std::chrono::seconds{1'700'000'090}});
  clock.advance(1ns);
  CHECK(clock.now() - start == 90s + 1ns);
}

TEST_CASE("a manual clock starts at the wall time it is given, and not at time zero") {
  manual_clock clock(wall_time{5s});
  CHECK(clock.wall() == wall_time{5s});
  CHECK(clock.now() > time_point{});
}

TEST_CASE("the system's clock runs and does not go back") {
  const s3pager::system_clock clock;
  CHECK(clock.runs());
  const time_point first = clock.now();
  CHECK(clock.now() >= first);
  CHECK(clock.wall() > wall_time{std::chrono::seconds{1'700'000'000}});
}

TEST_CASE("a deadline is the start and the span, and never overflows") {
  const time_point start{100s};
  CHECK(after(start, 5s) == time_point{105s});
  CHECK(after(start, 0s) == start);
  CHECK(after(start, -5s) == time_point{95s});
  CHECK(after(start, duration::max()) == no_deadline);
  CHECK(after(start, no_deadline - start) == no_deadline);
  CHECK(after(start, no_deadline - start - 1ns) == no_deadline - 1ns);
  CHECK(after(time_point{}, duration::max()) == no_deadline);
  CHECK(after(no_deadline, 0s) == no_deadline);
  CHECK(after(no_deadline, 1h) == no_deadline);
}
