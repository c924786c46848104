#include "s3pager/testing/traffic.hpp"

#include <chrono>

#include "support/catch.hpp"

using namespace s3pager;
using namespace s3pager::testing;
using namespace std::chrono_literals;

namespace {

constexpr time_point start{1h};

}  // namespace

TEST_CASE("bytes of all connections go one after the other", "[testing][traffic]") {
  traffic shared({.bytes_per_second = 1000});
  CHECK(shared.limits_bytes());
  CHECK(shared.sent(100, start) == start + 100ms);
  CHECK(shared.sent(200, start + 50ms) == start + 300ms);
  // Nothing is saved up.
  CHECK(shared.sent(100, start + 1s) == start + 1100ms);
  shared.set({.bytes_per_second = 10'000});
  CHECK(shared.sent(100, start + 1s) == start + 1110ms);
  shared.set({});
  CHECK_FALSE(shared.limits_bytes());
  CHECK(shared.sent(100, start + 1s) == start + 1s);
}

TEST_CASE("requests beyond the rate are not let in, once what was saved up is used", "[testing][traffic]") {
  traffic shared({.requests_per_second = 100});
  int admitted = 0;
  for (int i = 0; i < 50; ++i) admitted += shared.admits(start) ? 1 : 0;
  CHECK(admitted == 11);  // a tenth of a second's, and the one that is due
  for (int i = 1; i <= 1000; ++i) admitted += shared.admits(start + i * 1ms) ? 1 : 0;
  CHECK(admitted == 111);
  shared.set({});
  for (int i = 0; i < 50; ++i) CHECK(shared.admits(start + 1s));
}
