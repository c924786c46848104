#include "s3pager/s3/hedge.hpp"

#include <chrono>
#include <cstdint>

#include "support/catch.hpp"

namespace {

using namespace s3pager;
using namespace std::chrono_literals;

void add(latency_histogram& to, duration time, int times) {
  for (int i = 0; i < times; ++i) to.add(time);
}

void answer(hedge_budget& of, duration time, int times) {
  for (int i = 0; i < times; ++i) {
    of.request_began();
    of.took(time);
  }
}

}  // namespace

TEST_CASE("a histogram without times has no quantiles") {
  const latency_histogram empty;
  CHECK(empty.count() == 0);
  CHECK(empty.quantile(970) == 0ns);
}

TEST_CASE("quantiles are the ends of their buckets, an eighth of an octave wide") {
  const auto alone = [](duration time) {
    latency_histogram of;
    of.add(time);
    return of.quantile(500);
  };
  CHECK(alone(-5ns) == 1us);
  CHECK(alone(0ns) == 1us);
  CHECK(alone(999ns) == 1us);
  CHECK(alone(7us) == 8us);
  CHECK(alone(8us) == 9us);
  CHECK(alone(15us) == 16us);
  CHECK(alone(16us) == 18us);
  CHECK(alone(17us) == 18us);
  CHECK(alone(1000us) == 1024us);
  CHECK(alone(1024us) == 1152us);
  CHECK(alone(20ms) == 20'480us);
  CHECK(alone(1s) == 1'048'576us);
  CHECK(alone(1000h) == std::chrono::microseconds(std::int64_t{1} << 32));
}

TEST_CASE("every time lies in a bucket that ends after it, and by at most an eighth") {
  for (std::int64_t us = 1; us < (std::int64_t{1} << 31); us += us / 7 + 1) {
    latency_histogram of;
    of.add(std::chrono::microseconds(us));
    const auto end = std::chrono::duration_cast<std::chrono::microseconds>(of.quantile(1000)).count();
    REQUIRE(end > us);
    REQUIRE(end <= us + us / 8 + 1);
  }
}

TEST_CASE("a quantile is the time that so many are not longer than") {
  latency_histogram of;
  add(of, 1us, 50);
  add(of, 3us, 47);
  add(of, 5us, 3);
  CHECK(of.quantile(500) == 2us);
  CHECK(of.quantile(501) == 4us);
  CHECK(of.quantile(970) == 4us);
  CHECK(of.quantile(971) == 6us);
  CHECK(of.quantile(1000) == 6us);
}

TEST_CASE("old times fade: all counts are halved whenever 1,024 more have come") {
  latency_histogram of;
  add(of, 1us, 1023);
  CHECK(of.count() == 1023);
  of.add(1us);
  CHECK(of.count() == 512);
  add(of, 5us, 1024);
  CHECK(of.count() == 768);  // 256 and 512
  CHECK(of.quantile(333) == 2us);
  CHECK(of.quantile(334) == 6us);
  add(of, 5us, 9 * 1024);
  CHECK(of.quantile(1) == 6us);
}

TEST_CASE("nothing is late before enough answers were seen") {
  hedge_budget of({.least_samples = 32});
  answer(of, 20ms, 31);
  CHECK(of.wait() == hedge_budget::never);
  CHECK(of.stall() == hedge_budget::never);
  answer(of, 20ms, 1);
  CHECK(of.wait() == 2 * 20'480us);
  CHECK(of.stall() == 100ms);
}

TEST_CASE("late is later than both the 97th percentile and twice the median") {
  hedge_budget narrow({});
  for (int i = 0; i < 32; ++i) answer(narrow, i < 30 ? 16ms : 24ms, 1);
  CHECK(narrow.wait() == 2 * 16'384us);
  hedge_budget wide({});
  for (int i = 0; i < 32; ++i) answer(wide, i < 30 ? 16ms : 240ms, 1);
  CHECK(wide.wait() == 245'760us);
  CHECK(wide.stall() == 2 * 245'760us);
}

TEST_CASE("nothing is late before the least wait, nor stalled before the least stall") {
  hedge_budget of({.least_wait = 10ms, .least_stall = 70ms});
  answer(of, 1ms, 32);
  CHECK(of.wait() == 10ms);
  CHECK(of.stall() == 70ms);
}

TEST_CASE("the wait follows the answers once in 32 of them") {
  hedge_budget of({.least_samples = 10});
  answer(of, 10ms, 10);
  CHECK(of.wait() == 2 * 10'240us);
  answer(of, 30ms, 21);
  CHECK(of.wait() == 2 * 10'240us);
  answer(of, 30ms, 1);
  CHECK(of.wait() == 2 * 30'720us);
}

TEST_CASE("second requests are a share of the others, and few are saved up") {
  hedge_budget of({.max_share = 0.05});
  const time_point now{};
  for (int i = 0; i < 19; ++i) of.request_began();
  CHECK_FALSE(of.may_hedge(now));
  of.request_began();
  CHECK(of.may_hedge(now));
  of.hedged();
  CHECK_FALSE(of.may_hedge(now));
  CHECK(of.hedges() == 1);
  for (int i = 0; i < 10'000; ++i) of.request_began();
  for (std::uint32_t i = 0; i < hedge_budget::most_saved; ++i) {
    REQUIRE(of.may_hedge(now));
    of.hedged();
  }
  CHECK_FALSE(of.may_hedge(now));
}

TEST_CASE("second requests are never more than their share of all that were sent") {
  hedge_budget of({.max_share = 0.03});
  std::uint64_t requests = 0;
  for (int i = 0; i < 100'000; ++i) {
    of.request_began();
    ++requests;
    if (of.may_hedge(time_point{})) of.hedged();
    REQUIRE(of.hedges() * 100 <= requests * 3);
  }
  CHECK(of.hedges() == 3000);
}

TEST_CASE("throttling ends second requests for a while") {
  hedge_budget of({.after_throttling = 10s});
  for (int i = 0; i < 100; ++i) of.request_began();
  const time_point now{1h};
  CHECK(of.may_hedge(now));
  of.throttled(now);
  CHECK_FALSE(of.may_hedge(now));
  CHECK_FALSE(of.may_hedge(now + 10s - 1ns));
  of.throttled(now + 5s);
  CHECK_FALSE(of.may_hedge(now + 15s - 1ns));
  CHECK(of.may_hedge(now + 15s));
}

TEST_CASE("without hedging nothing is ever late") {
  const hedge_policy off = GENERATE(hedge_policy{.enabled = false}, hedge_policy{.max_share = 0});
  hedge_budget of(off);
  answer(of, 20ms, 1000);
  CHECK(of.wait() == hedge_budget::never);
  CHECK(of.stall() == hedge_budget::never);
  CHECK_FALSE(of.may_hedge(time_point{}));
}
