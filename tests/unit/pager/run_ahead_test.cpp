#include "s3pager/pager/run_ahead.hpp"

#include <chrono>
#include <cstdint>

#include "support/catch.hpp"

using namespace s3pager;
using namespace std::chrono_literals;
using pager::run_ahead;

namespace {

/// A thread that reads on and on.
struct reader {
  /// An interval, and how much of it is computed. True if something has changed.
  bool interval(duration span, duration computed) {
    time.advance(span);
    time.compute(computed);
    bytes += run_ahead::interval_bytes;
    return ahead.came(bytes);
  }
  /// How many intervals it takes until something changes; at most `most`.
  int until_change(duration span, duration computed, int most = 100) {
    for (int i = 1; i <= most; ++i)
      if (interval(span, computed)) return i;
    return 0;
  }

  manual_clock time;
  run_ahead ahead{time};
  std::uint64_t bytes = run_ahead::short_bytes - run_ahead::interval_bytes;  // of what comes first nothing is told
};

}  // namespace

TEST_CASE("who does not compute most of the time may run ahead as far as there is room", "[pager][run_ahead]") {
  reader of;
  CHECK(of.until_change(8ms, 5ms) == 0);
  CHECK(of.ahead.bytes() == run_ahead::unbounded);
  // Nor is it looked at by a clock that stands still.
  CHECK(of.until_change(0ms, 0ms) == 0);
}

TEST_CASE("who is busy runs ahead by what a cache holds", "[pager][run_ahead]") {
  reader of;
  CHECK(of.until_change(8ms, 6ms) == 5);  // the first is what the others are measured from
  CHECK(of.ahead.bytes() == 8 << 20);
  CHECK(of.until_change(9ms, 5ms) == 0);  // 2 ms more of waiting in each
  CHECK(of.ahead.bytes() == 8 << 20);
}

TEST_CASE("an interval in which the thread has waited begins the count anew", "[pager][run_ahead]") {
  reader of;
  CHECK(of.until_change(8ms, 8ms, 4) == 0);
  CHECK_FALSE(of.interval(8ms, 4ms));
  CHECK(of.until_change(8ms, 8ms) == 4);
}

TEST_CASE("it is looked at once for so many bytes", "[pager][run_ahead]") {
  reader of;
  of.until_change(8ms, 8ms, 4);
  of.time.advance(8ms);
  of.time.compute(8ms);
  CHECK_FALSE(of.ahead.came(of.bytes + run_ahead::interval_bytes - 1));
  CHECK(of.ahead.came(of.bytes + run_ahead::interval_bytes));
}

TEST_CASE("where less comes that way it is let go again, and tried after twice as long", "[pager][run_ahead]") {
  reader of;
  CHECK(of.until_change(8ms, 8ms) == 5);
  CHECK(of.until_change(16ms, 8ms) == 24);
  CHECK(of.ahead.bytes() == run_ahead::unbounded);
  CHECK(of.until_change(8ms, 8ms) == 8);
  CHECK(of.until_change(16ms, 8ms) == 24);
  CHECK(of.until_change(8ms, 8ms) == 16);
}

TEST_CASE("a pause is no sign that less comes", "[pager][run_ahead]") {
  reader of;
  CHECK(of.until_change(8ms, 8ms) == 5);
  CHECK(of.until_change(8ms, 8ms, 30) == 0);
  CHECK_FALSE(of.interval(500ms, 8ms));
  CHECK(of.until_change(8ms, 8ms) == 0);
  CHECK(of.ahead.bytes() == 8 << 20);
}

TEST_CASE("a consumer that computes longer than before is none either", "[pager][run_ahead]") {
  reader of;
  CHECK(of.until_change(8ms, 8ms) == 5);
  CHECK(of.until_change(40ms, 40ms) == 0);
  // Nor is one that computes less, unless the thread idles then.
  CHECK(of.until_change(2ms, 1ms) == 0);
  CHECK(of.until_change(6ms, 2ms) == 4);
}

TEST_CASE("what comes slowly is not worth it", "[pager][run_ahead]") {
  reader of;
  CHECK(of.until_change(65ms, 65ms) == 0);
  CHECK(of.until_change(64ms, 64ms) == 4);
  CHECK(of.until_change(65ms, 65ms) == 24);
  CHECK(of.ahead.bytes() == run_ahead::unbounded);
}
