#include "s3pager/s3/send_pace.hpp"

#include <chrono>

#include "support/catch.hpp"

namespace {

using namespace s3pager;
using namespace std::chrono_literals;

constexpr time_point start{1h};

}  // namespace

TEST_CASE("a client that was never throttled is never held back") {
  send_pace pace(2s);
  CHECK(pace.next() <= start);
  pace.succeeded(start);
  CHECK_FALSE(pace.limited(start));
}

TEST_CASE("once throttled, requests keep a distance") {
  send_pace pace(1024ms);
  pace.throttled(start - 5ms, start, {});
  CHECK(pace.limited(start));
  CHECK(pace.between() == 1ms);
  CHECK(pace.next() == start + 1ms);
  pace.sent(start + 1ms, false);
  CHECK(pace.next() == start + 2ms);
  // Nothing is saved up while nobody has anything to send.
  pace.sent(start + 10ms, false);
  CHECK(pace.next() == start + 11ms);
}

TEST_CASE("the first distance is half as long again as the one before, within bounds") {
  const auto first = [](duration before, int requests) {
    send_pace pace(1024ms);
    time_point now = start;
    for (int i = 0; i < requests; ++i) pace.sent(now += before, false);
    pace.throttled(now - before, now + 1us, {});
    return std::chrono::round<std::chrono::microseconds>(pace.between());
  };
  CHECK(first(400us, 2000) == 600us);
  CHECK(first(400us, 260) == 600us);  // in the first tenth of a second
  CHECK(first(400us, 2) == 1ms);      // too few to tell
  CHECK(first(10us, 20'000) == 125us);
  CHECK(first(100ms, 20) == 1ms);
}

TEST_CASE("a timer that is late is made up for, up to 10 ms") {
  send_pace pace(1024ms);
  pace.throttled(start - 5ms, start, {});
  pace.sent(start + 4ms, true);
  CHECK(pace.next() == start + 2ms);
  pace.sent(start + 4ms, true);
  CHECK(pace.next() == start + 3ms);
  pace.sent(start + 1h, true);
  CHECK(pace.next() == start + 1h - 9ms);
}

TEST_CASE("what was sent before the distance was set does not make it longer") {
  send_pace pace(1024ms);
  for (int i = 0; i < 64; ++i) pace.throttled(start - 5ms, start + i * 1us, {});
  CHECK(pace.between() == 1ms);
  pace.throttled(start + 1ms, start + 6ms, {});
  CHECK(pace.between() == 2ms);
  // It is kept from the news on.
  CHECK(pace.next() == start + 8ms);
}

TEST_CASE("the distance doubles up to the longest") {
  for (const duration slowest : {duration(1s), duration::max()}) {
    send_pace pace(slowest);
    time_point now = start;
    for (int i = 0; i < 20; ++i) {
      pace.throttled(now + 1ms, now + 2ms, {});
      now += 2ms;
    }
    CHECK(pace.between() == slowest);
  }
}

TEST_CASE("a Retry-After holds all requests back") {
  send_pace pace(1024ms);
  pace.throttled(start - 1ms, start, 7s);
  CHECK(pace.next() == start + 7s);
  // A later one that says less takes nothing back.
  pace.throttled(start - 1ms, start + 1s, 2s);
  CHECK(pace.next() == start + 7s);
  pace.throttled(start - 1ms, start + 2s, 9s);
  CHECK(pace.next() == start + 11s);
  pace.succeeded(start + 3s);
  CHECK(pace.next() == start + 11s);
  pace.sent(start + 11s, true);
  CHECK(pace.between() == 800us);
  CHECK(pace.next() == start + 11s + 800us);
}

TEST_CASE("successes take the distance back, by half in 0.7 s of them, until it is gone") {
  send_pace pace(1024ms);
  pace.throttled(start - 1ms, start, {});
  time_point now = start;
  for (int i = 0; i < 693; ++i) pace.succeeded(now += 1ms);
  CHECK(pace.between() > 490us);
  CHECK(pace.between() < 510us);
  for (int i = 0; i < 10'000; ++i) pace.succeeded(now += 1ms);
  CHECK(pace.between() == 0s);
  CHECK_FALSE(pace.limited(now));
  // A pause in which nothing was sent counts for little.
  pace.throttled(now + 1ms, now + 2ms, {});
  pace.succeeded(now + 1h);
  CHECK(pace.between() == 800us);
}

TEST_CASE("successes at the distance take it back in seconds too, however long it is") {
  send_pace pace(2s);
  time_point now = start;
  for (; pace.between() < 2s; now += 2ms) pace.throttled(now + 1ms, now + 2ms, {});
  const time_point began = now;
  // Each adds one a second to the rate.
  pace.sent(now, true);
  pace.succeeded(now += pace.between());
  CHECK(std::chrono::round<std::chrono::milliseconds>(pace.between()) == 667ms);
  pace.succeeded(now += pace.between());
  CHECK(std::chrono::round<std::chrono::milliseconds>(pace.between()) == 400ms);
  while (pace.between() >= 100us) pace.succeeded(now += pace.between());
  CHECK(now - began > 10s);
  CHECK(now - began < 11200ms);
  while (pace.between() > 0s) pace.succeeded(now += pace.between());
  CHECK(now - began < 13s);
}

TEST_CASE("a pace of zero holds nothing back") {
  send_pace pace(0s);
  pace.throttled(start, start + 1ms, 7s);
  CHECK(pace.next() <= start + 1ms);
  CHECK_FALSE(pace.limited(start + 1ms));
}
