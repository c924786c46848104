// The governor against a service that is simulated in steps of a millisecond: no request is made.
#include "s3pager/pager/governor.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "s3pager/s3/send_pace.hpp"
#include "support/catch.hpp"

using namespace s3pager;
using namespace std::chrono_literals;
using pager::governor;
using pager::lane_totals;

namespace {

constexpr time_point start{1h};

struct service_model {
  duration first_byte = 30ms;
  double lane_rate = 8e6;    // bytes a second of one connection
  double total_rate = 1e12;  // of all of them
  double requests = 1e9;     // a second, beyond which they are throttled
  std::size_t workers = 1 << 20;  // requests whose first byte is worked on at a time; the others wait
  double noise = 0;          // of first-byte times: the share of them that is random, with an exponential tail
};

struct lane {
  enum class state : std::uint8_t { free, in_line, queued, first_byte, body, refused };
  state at = state::free;
  time_point sent{};
  time_point until{};
  double left = 0;
};

/// Lanes that fetch objects of one size without end.
class simulation {
 public:
  simulation(const service_model& of, double object_bytes, std::uint32_t begin, std::uint32_t most)
      : service(of), object_bytes_(object_bytes), guide(begin, most), lanes_(most) {}

  /// Goodput with as many lanes as it began with, in bytes a second.
  double fixed() {
    for (int i = 0; i < 500; ++i) step(false);
    const double before = bytes;
    for (int i = 0; i < 2000; ++i) step(false);
    return (bytes - before) / 2;
  }
  /// Intervals go by; the mean goodput of the last `last` of them.
  double intervals(std::size_t count, std::size_t last) {
    for (const std::size_t end = goodputs.size() + count; goodputs.size() < end;) step(true);
    double sum = 0;
    for (std::size_t i = goodputs.size() - last; i < goodputs.size(); ++i) sum += goodputs[i];
    return sum / static_cast<double>(last);
  }

  service_model service;
  double bytes = 0;
  time_point now = start;
  std::function<void(lane_totals&)> disguise;  // of what the governor is told
  std::vector<double> goodputs = {};           // of each control interval
  std::size_t throttled = 0;

 private:
  double random() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }

  void step(bool governed) {
    allowance_ = std::min(allowance_ + service.requests / 1000, service.requests / 10);
    used_ = std::max(used_, guide.lanes());
    const std::span<lane> used = std::span(lanes_).first(used_);
    std::uint32_t at_work = 0;
    for (const lane& each : used) at_work += each.at != lane::state::free ? 1U : 0U;
    std::size_t receiving = 0;
    for (const lane& each : used) receiving += each.at == lane::state::body ? 1U : 0U;
    const double share = receiving == 0 ? 0 : std::min(service.lane_rate, service.total_rate / static_cast<double>(receiving)) / 1000;
    bool line = false;
    for (lane& each : used) {
      if (each.at == lane::state::free && at_work < guide.lanes()) {
        ++at_work;
        each.at = lane::state::in_line;
      }
      if (each.at == lane::state::in_line && !begin(each)) {
        totals_.in_line += 1ms;
        line = true;
      }
      advance(each, share, at_work, governed);
    }
    while (working_ < service.workers && !queue_.empty()) {
      lane& next = *queue_.front();
      queue_.pop_front();
      ++working_;
      next.at = lane::state::first_byte;
      next.until = now + first_byte_time();
    }
    totals_.waited += 1ms;
    totals_.at_work = at_work;
    totals_.line = line;
    if (!governed) {
      now += 1ms;
      return;
    }
    lane_totals told = totals_;
    if (disguise) disguise(told);
    const std::uint64_t intervals = guide.intervals();
    guide.look(now, told);
    now += 1ms;
    if (guide.intervals() == intervals) return;
    goodputs.push_back((bytes - bytes_before_) / std::chrono::duration<double>(now - ended_).count());
    bytes_before_ = bytes;
    ended_ = now;
  }
  duration first_byte_time() {
    if (service.noise == 0) return service.first_byte;
    const double tail = -std::log(1 - random());
    return duration(static_cast<std::int64_t>(static_cast<double>(service.first_byte.count()) * (1 - service.noise + service.noise * tail)));
  }
  bool begin(lane& each) {
    if (pace_.limited(now) && pace_.next() > now) return false;
    pace_.sent(now, pace_.limited(now));
    each.sent = now;
    each.left = object_bytes_;
    if (allowance_ < 1) {
      each.at = lane::state::refused;
      each.until = now + service.first_byte;
      return true;
    }
    allowance_ -= 1;
    each.at = lane::state::queued;
    queue_.push_back(&each);
    return true;
  }
  void advance(lane& each, double share, std::uint32_t& at_work, bool governed) {
    if (each.at == lane::state::refused && now >= each.until) {
      if (each.left != 0) {
        each.left = 0;
        pace_.throttled(each.sent, now, {});
        ++throttled;
        if (governed) guide.throttled(each.sent, now);
        each.until = now + duration(static_cast<std::int64_t>(random() * 1e9));
      } else {
        each.at = lane::state::in_line;
      }
    } else if (each.at == lane::state::first_byte && now >= each.until) {
      --working_;
      each.at = lane::state::body;
      ++totals_.answers;
      totals_.first_bytes += now - each.sent;
    } else if (each.at == lane::state::body) {
      const double came = std::min(each.left, share);
      each.left -= came;
      bytes += came;
      totals_.bytes = static_cast<std::uint64_t>(bytes);
      if (each.left > 0) return;
      pace_.succeeded(now);
      each.at = at_work <= guide.lanes() ? lane::state::in_line : lane::state::free;
      if (each.at == lane::state::free) --at_work;
    }
  }

  double object_bytes_;

 public:
  governor guide;

 private:
  std::vector<lane> lanes_;
  std::uint32_t used_ = 0;  // of these, ever
  std::deque<lane*> queue_;
  std::size_t working_ = 0;
  send_pace pace_{2s};
  double allowance_ = 1e9;
  lane_totals totals_;
  double bytes_before_ = 0;
  time_point ended_ = start;
  std::mt19937_64 engine_{1};
};

struct setting {
  std::uint32_t lanes = 0;
  double goodput = 0;
};

/// The best of 16, 32, ... 512 lanes, and the fewest of those that are as good.
setting best_fixed(const service_model& service, double object_bytes) {
  setting found;
  for (std::uint32_t each = 16; each <= 512; each *= 2) {
    const double goodput = simulation(service, object_bytes, each, each).fixed();
    if (goodput > found.goodput * 1.02) found = {each, goodput};
  }
  return found;
}

struct condition {
  const char* name;
  service_model service;
  double object_bytes;
};

constexpr double small = 4096;
constexpr double medium = 64 << 10;
constexpr double large = 8 << 20;

/// What a governor is told of a run of which each lane brings four answers in an interval.
class told_governor {
 public:
  told_governor(std::uint32_t begin, std::uint32_t most) : guide(begin, most) {}
  void interval(double answers_a_lane = 8) {
    for (const std::uint64_t end = guide.intervals() + 1; guide.intervals() < end; now += 10ms) {
      const auto came = static_cast<std::uint64_t>(static_cast<double>(guide.lanes()) * answers_a_lane / 25);
      totals.answers += came;
      totals.first_bytes += static_cast<std::int64_t>(came) * first_byte;
      totals.waited += 10ms;
      totals.at_work = guide.lanes();
      if (changes) changes(totals);
      guide.look(now, totals);
    }
  }

  governor guide;
  lane_totals totals;
  duration first_byte = 30ms;
  std::function<void(lane_totals&)> changes;
  time_point now = start;
};

}  // namespace

TEST_CASE("within 20 intervals a governor has 90 % of the best fixed number's goodput, and keeps it", "[pager][governor]") {
  const auto [name, service, object_bytes] = GENERATE(
      condition{"as many as there may be", {}, medium}, condition{"objects that take long", {.total_rate = 1e9}, large},
      condition{"a line that is shared", {.total_rate = 2e8, .noise = 0.5}, medium},
      condition{"few workers", {.workers = 20}, small}, condition{"many workers", {.workers = 200, .noise = 0.5}, small},
      condition{"1,000 requests a second", {.requests = 1000}, small},
      condition{"3,500 requests a second", {.requests = 3500, .noise = 0.3}, small});
  const setting best = best_fixed(service, object_bytes);
  simulation in(service, object_bytes, 64, 512);
  const double reached = in.intervals(20, 4) / best.goodput;
  const double kept = in.intervals(20, 20) / best.goodput;
  CAPTURE(name, best.lanes, best.goodput, reached, kept, in.guide.lanes(), in.throttled);
  CHECK(reached > 0.9);
  CHECK(kept > 0.9);
}

TEST_CASE("a governor follows a service that changes within 20 intervals", "[pager][governor]") {
  using changes = std::pair<condition, service_model>;
  const auto [before, after] = GENERATE(
      changes{{"a line that is halved", {.total_rate = 2e8, .noise = 0.5}, medium}, {.total_rate = 1e8, .noise = 0.5}},
      changes{{"a line that is doubled", {.total_rate = 1e8, .noise = 0.5}, medium}, {.total_rate = 2e8, .noise = 0.5}},
      changes{{"half the requests", {.requests = 3000, .noise = 0.3}, small}, {.requests = 1500, .noise = 0.3}},
      changes{{"twice the requests", {.requests = 1500, .noise = 0.3}, small}, {.requests = 3000, .noise = 0.3}},
      changes{{"more workers", {.workers = 40}, small}, {.workers = 160}},
      changes{{"farther away", {.total_rate = 1e8}, medium}, {.first_byte = 60ms, .total_rate = 1e8}});
  const setting best = best_fixed(after, before.object_bytes);
  simulation in(before.service, before.object_bytes, 64, 512);
  in.intervals(30, 1);
  const std::uint32_t lanes = in.guide.lanes();
  in.service = after;
  const double reached = in.intervals(20, 4) / best.goodput;
  CAPTURE(before.name, best.lanes, best.goodput, reached, lanes, in.guide.lanes(), in.throttled);
  CHECK(reached > 0.9);
}

TEST_CASE("lanes that only stand in a service's queue are given up", "[pager][governor]") {
  simulation in({.workers = 20}, small, 64, 512);
  in.intervals(30, 1);
  CHECK(in.guide.lanes() < 40);
}

TEST_CASE("a governor that nothing is gained from stays where it began", "[pager][governor]") {
  const auto [name, changes] = GENERATE(
      std::pair<const char*, void (*)(lane_totals&)>{"a slow consumer", [](lane_totals& of) { of.waited -= 8ms; }},
      std::pair<const char*, void (*)(lane_totals&)>{"a window that is full", [](lane_totals& of) {
                                                       of.waited -= 5ms;
                                                       of.no_room += 20 * 10ms;
                                                     }},
      std::pair<const char*, void (*)(lane_totals&)>{"a slow list", [](lane_totals& of) { of.no_work += 20 * 10ms; }},
      std::pair<const char*, void (*)(lane_totals&)>{"a busy processor", [](lane_totals& of) { of.computed += 9ms; }},
      std::pair<const char*, void (*)(lane_totals&)>{"turns", [](lane_totals& of) { of.in_line += 20 * 10ms; }},
      std::pair<const char*, void (*)(lane_totals&)>{"a line", [](lane_totals& of) { of.line = true; }});
  CAPTURE(name);
  told_governor in(64, 512);
  in.changes = changes;
  // Whatever goodput does meanwhile.
  for (int i = 0; i < 30; ++i) in.interval(i % 3 == 0 ? 2 : 8);
  CHECK(in.guide.lanes() == 64);
  in.changes = [](lane_totals& of) { of.line = false; };
  for (int i = 0; i < 4; ++i) in.interval();
  CHECK(in.guide.lanes() > 64);
}

TEST_CASE("what was tried is taken back if nobody can tell what it brought", "[pager][governor]") {
  told_governor in(64, 512);
  in.interval();
  REQUIRE(in.guide.lanes() == 80);
  in.changes = [](lane_totals& of) { of.no_work += 20 * 10ms; };
  in.interval();
  CHECK(in.guide.lanes() == 64);
}

TEST_CASE("lanes stay within their bounds", "[pager][governor]") {
  CHECK(governor(64, 10).lanes() == 10);
  CHECK(governor(0, 0).lanes() == 1);
  told_governor in(64, 200);
  for (int i = 0; i < 10; ++i) in.interval();
  CHECK(in.guide.lanes() >= 160);
  CHECK(in.guide.lanes() <= 200);
  // As many as have room side by side.
  told_governor roomy(64, 512);
  roomy.changes = [](lane_totals& of) { of.room = 100; };
  for (int i = 0; i < 20; ++i) {
    roomy.interval();
    CHECK(roomy.guide.lanes() <= 100);
  }
  // One brings as much as a hundred.
  told_governor idle(64, 512);
  for (int i = 0; i < 200; ++i) idle.interval(1000.0 / idle.guide.lanes());
  CHECK(idle.guide.lanes() <= 6);
  CHECK(idle.guide.lanes() >= 4);
}

TEST_CASE("throttling takes a quarter, once for all that was under way, and eight are left", "[pager][governor]") {
  told_governor in(64, 512);
  in.changes = [](lane_totals& of) { of.in_line += 20 * 10ms; };  // nothing is tried
  in.interval();
  in.now += 10ms;
  CHECK(in.guide.throttled(in.now - 30ms, in.now));
  CHECK(in.guide.lanes() == 48);
  CHECK_FALSE(in.guide.throttled(in.now - 20ms, in.now + 10ms));
  CHECK_FALSE(in.guide.throttled(in.now + 50ms, in.now + 80ms));  // from before that shows
  CHECK(in.guide.lanes() == 48);
  CHECK(in.guide.throttled(in.now + 70ms, in.now + 100ms));
  CHECK(in.guide.lanes() == 36);
  for (int i = 2; i < 20; ++i) in.guide.throttled(in.now + i * 100ms, in.now + i * 100ms + 30ms);
  CHECK(in.guide.lanes() == 8);
  // A few may be all there are.
  governor few(3, 3);
  CHECK_FALSE(few.throttled(start, start + 1ms));
  CHECK(few.lanes() == 3);
}

TEST_CASE("what met throttling is taken back, and approached again by halves", "[pager][governor]") {
  told_governor in(64, 512);
  in.interval();
  REQUIRE(in.guide.lanes() == 80);
  in.now += 70ms;
  CHECK(in.guide.throttled(in.now - 1ms, in.now));
  CHECK(in.guide.lanes() == 64);
  in.interval();
  CHECK(in.guide.lanes() == 72);
  in.interval();
  CHECK(in.guide.lanes() == 76);
  in.interval();
  CHECK(in.guide.lanes() <= 76);
  // After eight intervals it is tried.
  for (int i = 0; i < 12; ++i) in.interval();
  CHECK(in.guide.lanes() > 80);
}

TEST_CASE("of a service that is near nothing is tried in the first four intervals", "[pager][governor]") {
  told_governor in(64, 512);
  in.first_byte = 500us;
  for (int i = 0; i < 3; ++i) in.interval(400);
  CHECK(in.guide.lanes() == 64);
  in.interval(400);
  CHECK(in.guide.lanes() == 80);
}

TEST_CASE("what lanes too many bring is not taken for what fewer would", "[pager][governor]") {
  told_governor in(64, 512);
  in.changes = [](lane_totals& of) { of.at_work = std::max(of.at_work, 64U); };
  for (int i = 0; i < 60; ++i) in.interval(8.0 * 64 / in.guide.lanes());
  CHECK(in.guide.lanes() >= 64);
}
