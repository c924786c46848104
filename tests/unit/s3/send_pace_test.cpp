#include "s3pager/s3/send_pace.hpp"

#include <chrono>
#include <vector>

#include "support/catch.hpp"

namespace {

using namespace s3pager;
using namespace std::chrono_literals;

constexpr time_point start{1h};

/// A service that takes a request of `every` at most, and answers each after `latency`; 64 lanes that always have one to send.
struct simulation {
  int sent = 0;
  int refused = 0;

  void run(send_pace& pace, duration every, duration latency, duration length) {
    struct answer {
      time_point sent;
      time_point at;
      bool refused;
    };
    std::vector<answer> under_way;
    time_point free_at = start;
    int lanes = 64;
    std::vector<send_pace::turn> waiting;
    for (time_point now = start; now < start + length; now += 50us) {
      for (std::size_t i = 0; i < under_way.size();) {
        if (under_way[i].at > now) {
          ++i;
          continue;
        }
        if (under_way[i].refused)
          pace.throttled(under_way[i].sent, now, {});
        else
          pace.succeeded(now);
        ++lanes;
        under_way.erase(under_way.begin() + static_cast<std::ptrdiff_t>(i));
      }
      for (; lanes > 0; --lanes) waiting.push_back(pace.take(now));
      for (std::size_t i = 0; i < waiting.size();) {
        if (waiting[i].at > now) {
          ++i;
          continue;
        }
        if (!pace.holds(waiting[i])) {
          waiting[i] = pace.take(now);
          continue;
        }
        const bool too_soon = now < free_at;
        if (!too_soon) free_at = now + every;
        ++sent;
        refused += too_soon ? 1 : 0;
        under_way.push_back({now, now + latency, too_soon});
        waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
  }
};

}  // namespace

TEST_CASE("a client that was never throttled is never held back") {
  send_pace pace(2s);
  for (int i = 0; i < 1000; ++i) {
    CHECK(pace.take(start).at == start);
    pace.succeeded(start);
  }
  CHECK_FALSE(pace.limited(start));
}

TEST_CASE("once throttled, requests have turns") {
  send_pace pace(1024ms);
  pace.throttled(start - 5ms, start, {});
  CHECK(pace.limited(start));
  CHECK(pace.between() == 1ms);
  CHECK(pace.take(start).at == start + 1ms);
  CHECK(pace.take(start).at == start + 2ms);
  CHECK(pace.take(start + 10ms).at == start + 10ms);
  CHECK(pace.take(start + 10ms).at == start + 11ms);
}

TEST_CASE("what was sent before the pace was set does not slow it down") {
  send_pace pace(1024ms);
  for (int i = 0; i < 64; ++i) pace.throttled(start - 5ms, start + i * 1us, {});
  CHECK(pace.between() == 1ms);
  pace.throttled(start + 1ms, start + 6ms, {});
  CHECK(pace.between() == 2ms);
}

TEST_CASE("turns taken before a throttling do not hold after it") {
  send_pace pace(1024ms);
  pace.throttled(start - 1ms, start, {});
  const send_pace::turn first = pace.take(start);
  const send_pace::turn second = pace.take(start);
  CHECK(pace.holds(first));
  pace.throttled(start + 1ms, start + 2ms, {});
  CHECK_FALSE(pace.holds(second));
  CHECK(pace.take(start + 2ms).at == start + 4ms);
}

TEST_CASE("the distance doubles up to the slowest") {
  send_pace pace(1s);
  time_point now = start;
  for (int i = 0; i < 20; ++i) {
    pace.throttled(now + 1ms, now + 2ms, {});
    now += 2ms;
  }
  CHECK(pace.between() == 1s);
}

TEST_CASE("a Retry-After holds all requests back") {
  send_pace pace(1024ms);
  pace.throttled(start - 1ms, start, 7s);
  CHECK(pace.take(start).at == start + 7s);
  CHECK(pace.take(start).at == start + 7s + 1ms);
  // A later one that says less takes nothing back.
  pace.throttled(start - 1ms, start + 1s, 2s);
  CHECK(pace.take(start + 1s).at == start + 7s + 2ms);
  pace.throttled(start - 1ms, start + 2s, 9s);
  CHECK(pace.take(start + 2s).at == start + 11s);
}

TEST_CASE("successes take the pace back, by half in 0.7 s of them, until it is gone") {
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
  CHECK(pace.between() == 750us);
}

TEST_CASE("a pace of zero holds nothing back") {
  send_pace pace(0s);
  pace.throttled(start, start + 1ms, 7s);
  CHECK(pace.take(start + 1ms).at == start + 1ms);
  CHECK_FALSE(pace.limited(start + 1ms));
}

TEST_CASE("the rate follows what a service allows, with few refusals") {
  for (const duration every : {duration(300us), duration(1ms), duration(5ms), duration(50ms)}) {
    CAPTURE(every.count());
    send_pace pace(2s);
    simulation made;
    made.run(pace, every, 5ms, 30s);
    const auto possible = static_cast<double>(30s / every);
    CAPTURE(made.sent, made.refused);
    CHECK(made.sent - made.refused > 0.5 * possible);
    // The first burst is 64.
    CHECK(made.refused - 64 < 0.1 * possible + 64);
  }
}
