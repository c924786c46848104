#include "s3pager/s3/send_line.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "s3pager/coro/frame_pool.hpp"
#include "s3pager/coro/scope.hpp"
#include "s3pager/ring/await.hpp"
#include "s3pager/s3/retry.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"

namespace {

using namespace s3pager;
using namespace s3pager::test;
using namespace std::chrono_literals;

/// A reactor whose clock stands still until it is told to advance.
struct standing_loop {
  manual_clock time;
  ring::reactor loop{{.clock = &time}};

  void settle() {
    while (loop.run_once(ring::reactor::wait::no)) {}
  }
  void advance(duration by) {
    time.advance(by);
    settle();
  }
  /// Goes to the next timer; false if there is none before `end`.
  bool step(time_point end) {
    settle();
    const time_point next = loop.timers().next();
    if (next >= end) return false;
    time.advance(next - time.now());
    settle();
    return true;
  }
};

struct queue : standing_loop {
  send_line line{1024ms};
  std::vector<int> went;
  std::vector<std::error_code> failed;

  task<> wait(int number, time_point latest = no_deadline) {
    try {
      co_await line.wait_for_turn(loop, latest);
      went.push_back(number);
    } catch (const error& ended) {
      failed.push_back(ended.code());
    }
  }
  /// The first comes in 1 ms, and each 1 ms after the one before.
  void throttle(duration asked = {}) { line.throttled(time.now() - 1ms, time.now(), asked); }
};

using numbers = std::vector<int>;

/// A service that is gone for `outage`, and lets in one request of `every` afterwards; it answers after `latency`.
struct service_options {
  int lanes = 64;
  duration outage = 0s;
  duration every = 0s;
  duration latency = 10ms;
  bool backs_off = true;  ///< a lane with a refusal waits as retry_state says
};

class throttling_service : public standing_loop {
 public:
  explicit throttling_service(const service_options& how)
      : how_(how), began_(time.now()), waits_(static_cast<std::size_t>(how.lanes), duration(-1)) {
    for (int i = 0; i < how.lanes; ++i) lanes_.push_back(std::make_unique<root<>>(loop.ready(), lane(i)));
  }

  void run(duration length) {
    while (step(began_ + length)) {}
  }

  int sent = 0;
  int refused = 0;
  std::vector<int> answers = std::vector<int>(2048);  ///< in each second after the outage
  std::optional<duration> unhindered;              ///< since its end

  /// The last lane's first answer, since the outage's end.
  [[nodiscard]] duration longest_wait() const {
    if (*std::min_element(waits_.begin(), waits_.end()) < 0s) return duration::max();
    return *std::max_element(waits_.begin(), waits_.end());
  }

 private:
  task<> lane(int number) {
    for (;;) {
      retry_state attempts(budget_, time.now());
      for (;;) {
        if (!budget_.line().try_turn(time.now())) co_await budget_.line().wait_for_turn(loop, no_deadline);
        const time_point at = time.now();
        const bool out = at < began_ + how_.outage;
        const bool let_in = !out && at >= free_at_;
        if (let_in) free_at_ = at + how_.every;
        ++sent;
        refused += let_in ? 0 : 1;
        static_cast<void>(co_await ring::sleep_until(loop, at + how_.latency));
        if (let_in) break;
        const error slow_down(errc::throttled, error_details{.http_status = 503, .elapsed = how_.latency});
        const auto again = attempts.failed(slow_down, time.now());
        if (how_.backs_off) static_cast<void>(co_await ring::sleep_until(loop, again.value()));
      }
      attempts.succeeded(time.now());
      const duration since = time.now() - began_ - how_.outage;
      duration& wait = waits_[static_cast<std::size_t>(number)];
      if (wait < 0s) wait = since;
      ++answers.at(static_cast<std::size_t>(since / 1s));
      if (!unhindered && how_.outage > 0s && !budget_.pace().limited(time.now())) unhindered = since;
    }
  }

  service_options how_;
  retry_budget budget_{{}, 7};
  time_point began_;
  time_point free_at_{};
  std::vector<duration> waits_;
  std::vector<std::unique_ptr<root<>>> lanes_;
};

}  // namespace

TEST_CASE("a line holds nobody back before anything was throttled") {
  queue in;
  CHECK(in.line.try_turn(in.time.now()));
  CHECK(in.line.try_turn(in.time.now()));
  root<> first(in.loop.ready(), in.wait(1));
  in.settle();
  CHECK(in.went == numbers{1});
}

TEST_CASE("turns are given in the order in which they were asked for") {
  queue in;
  in.throttle();
  root<> first(in.loop.ready(), in.wait(1));
  root<> second(in.loop.ready(), in.wait(2));
  root<> third(in.loop.ready(), in.wait(3));
  in.settle();
  CHECK(in.went.empty());
  in.advance(1ms - 1ns);
  CHECK(in.went.empty());
  in.advance(1ns);
  CHECK(in.went == numbers{1});
  // Nobody passes those who wait.
  in.time.advance(1ms);
  CHECK_FALSE(in.line.try_turn(in.time.now()));
  in.settle();
  CHECK(in.went == numbers{1, 2});
  in.advance(1ms);
  CHECK(in.went == numbers{1, 2, 3});
  CHECK_FALSE(in.line.try_turn(in.time.now()));
  in.advance(1ms);
  CHECK(in.line.try_turn(in.time.now()));
  CHECK(in.loop.timers().empty());
}

TEST_CASE("turns that a busy loop has missed are made up for, up to 10 ms") {
  queue in;
  in.throttle();
  std::vector<std::unique_ptr<root<>>> waiting;
  for (int i = 0; i < 100; ++i) waiting.push_back(std::make_unique<root<>>(in.loop.ready(), in.wait(i)));
  in.settle();
  in.advance(3ms);
  CHECK(in.went.size() == 3);
  in.advance(1h);
  CHECK(in.went.size() == 14);
}

TEST_CASE("whoever is dropped leaves the line to the others") {
  queue in;
  in.throttle();
  std::array<std::optional<root<>>, 5> waiting;
  for (int i = 0; i < 5; ++i) waiting[static_cast<std::size_t>(i)].emplace(in.loop.ready(), in.wait(i));
  in.settle();
  waiting[2].reset();
  in.advance(1ms);
  CHECK(in.went == numbers{0});
  waiting[1].reset();  // the first then
  in.advance(1ms);
  CHECK(in.went == numbers{0, 3});
  waiting[4].reset();  // the last
  in.advance(1ms);
  CHECK(in.went == numbers{0, 3});
  CHECK(in.loop.timers().empty());
}

TEST_CASE("whoever is dropped once called has taken no turn") {
  queue in;
  in.throttle();
  std::optional<root<>> first(std::in_place, in.loop.ready(), in.wait(1));
  root<> second(in.loop.ready(), in.wait(2));
  root<> third(in.loop.ready(), in.wait(3));
  in.settle();
  in.time.advance(1ms);
  // Nothing is resumed in the turn in which the timer fires.
  while (in.loop.ready().empty()) static_cast<void>(in.loop.run_once(ring::reactor::wait::no));
  first.reset();
  in.settle();
  CHECK(in.went == numbers{2});
  in.advance(1ms);
  CHECK(in.went == numbers{2, 3});
}

TEST_CASE("what is throttled between a call and the turn puts the first in line off") {
  queue in;
  in.throttle();
  root<> first(in.loop.ready(), in.wait(1));
  root<> second(in.loop.ready(), in.wait(2));
  std::optional<root<>> third(std::in_place, in.loop.ready(), in.wait(3));
  in.settle();
  in.time.advance(1ms);
  while (in.loop.ready().empty()) static_cast<void>(in.loop.run_once(ring::reactor::wait::no));
  in.line.throttled(in.time.now() - 1us, in.time.now(), 0s);
  in.settle();
  CHECK(in.went.empty());
  in.advance(2ms);
  CHECK(in.went == numbers{1});
  // Dropped then, he who is called too early instead is none the worse for it.
  in.time.advance(2ms);
  while (in.loop.ready().empty()) static_cast<void>(in.loop.run_once(ring::reactor::wait::no));
  in.line.throttled(in.time.now() - 1us, in.time.now(), 0s);
  third.reset();
  in.settle();
  CHECK(in.went == numbers{1});
  in.advance(4ms);
  CHECK(in.went == numbers{1, 2});
}

TEST_CASE("a stop ends a wait in line, and the others move up") {
  queue in;
  in.throttle();
  coro::stop_source stop;
  root<> first(in.loop.ready(), in.wait(1), stop.token());
  root<> second(in.loop.ready(), in.wait(2));
  root<> third(in.loop.ready(), in.wait(3), stop.token());
  in.settle();
  stop.request_stop();
  in.settle();
  CHECK(in.failed == std::vector<std::error_code>(2, make_error_code(errc::cancelled)));
  in.advance(1ms);
  CHECK(in.went == numbers{2});
  // One that comes stopped does not wait.
  root<> fourth(in.loop.ready(), in.wait(4), stop.token());
  in.settle();
  CHECK(in.failed.size() == 3);
  CHECK(in.loop.timers().empty());
}

TEST_CASE("a wait in line ends at its deadline") {
  queue in;
  in.throttle(7s);
  const time_point now = in.time.now();
  root<> first(in.loop.ready(), in.wait(1, now + 2s));
  root<> second(in.loop.ready(), in.wait(2, now + 8s));
  root<> third(in.loop.ready(), in.wait(3, now));
  in.settle();
  CHECK(in.failed == std::vector<std::error_code>{make_error_code(errc::timed_out)});
  in.advance(2s);
  CHECK(in.failed == std::vector<std::error_code>(2, make_error_code(errc::timed_out)));
  in.advance(5s);
  CHECK(in.went == numbers{2});
  CHECK(in.loop.timers().empty());
}

TEST_CASE("a Retry-After holds the line back, which keeps its order then") {
  queue in;
  in.throttle(2s);
  root<> first(in.loop.ready(), in.wait(1));
  root<> second(in.loop.ready(), in.wait(2));
  in.settle();
  in.advance(1s);
  in.line.throttled(in.time.now() - 2s, in.time.now(), 3s);
  root<> third(in.loop.ready(), in.wait(3));
  in.advance(3s - 1ns);
  CHECK(in.went.empty());
  // A success shortens the distance, not the time that the service asked for.
  in.line.succeeded(in.time.now());
  in.settle();
  CHECK(in.went.empty());
  in.advance(1ns);
  CHECK(in.went == numbers{1});
  in.advance(800us);
  CHECK(in.went == numbers{1, 2});
  in.advance(800us);
  CHECK(in.went == numbers{1, 2, 3});
}

TEST_CASE("a success lets who waits go earlier, and all when it has taken the distance away") {
  queue in;
  for (int i = 0; i < 11; ++i) {
    in.time.advance(2us);
    in.line.throttled(in.time.now() - 1us, in.time.now(), 0s);
  }
  REQUIRE(in.line.pace().between() == 1024ms);
  std::vector<std::unique_ptr<root<>>> waiting;
  for (int i = 0; i < 5; ++i) waiting.push_back(std::make_unique<root<>>(in.loop.ready(), in.wait(i)));
  in.settle();
  in.advance(600ms);
  CHECK(in.went.empty());
  in.line.succeeded(in.time.now());
  REQUIRE(in.line.pace().between() == 640ms);
  in.settle();
  CHECK(in.went.empty());
  in.advance(40ms);
  CHECK(in.went == numbers{0});
  in.advance(600ms);
  in.line.succeeded(in.time.now());
  in.settle();
  CHECK(in.went == numbers{0, 1});
  while (in.line.pace().between() > 0s) {
    in.time.advance(1us);
    in.line.succeeded(in.time.now() + 250ms);
    in.time.advance(250ms);
  }
  in.settle();
  CHECK(in.went == numbers{0, 1, 2, 3, 4});
}

TEST_CASE("a line may be destroyed before those who wait in it") {
  standing_loop in;
  auto line = std::make_unique<send_line>(1024ms);
  line->throttled(in.time.now() - 1ms, in.time.now(), 0s);
  {
    coro::stop_source stop;
    root<> called(in.loop.ready(), line->wait_for_turn(in.loop, no_deadline));
    root<> waiting(in.loop.ready(), line->wait_for_turn(in.loop, no_deadline));
    root<> stopped(in.loop.ready(), line->wait_for_turn(in.loop, no_deadline), stop.token());
    in.settle();
    in.time.advance(1ms);
    while (in.loop.ready().empty()) static_cast<void>(in.loop.run_once(ring::reactor::wait::no));
    line.reset();
    CHECK(in.loop.timers().empty());
    stop.request_stop();
    in.settle();
    CHECK(called.done());
    CHECK_FALSE(waiting.done());
    CHECK(stopped.done());
  }
  in.settle();
}

TEST_CASE("after an outage in which all was throttled the full rate is back in seconds, whatever the number of lanes") {
  const int lanes = GENERATE(64, 512);
  const duration outage = GENERATE(10s, 60s);
  // 100 ms to an answer: all lanes together bring 640 or 5,120 a second.
  throttling_service made({.lanes = lanes, .outage = outage, .latency = 100ms});
  made.run(outage + 16s);
  CAPTURE(lanes, outage / 1s, made.sent, made.refused, made.longest_wait() / 1ms, made.unhindered.value_or(-1ms) / 1ms);
  CHECK(made.longest_wait() < 12s);
  CHECK(made.answers[12] > lanes * 9);
  REQUIRE(made.unhindered);
  CHECK(*made.unhindered < 15s);
  // The first burst, 100 ms at each distance from 2 ms (0.3 ms where 512 lanes had 0.2 before) to 2 s, and one in 2 s from then on.
  CHECK(made.refused < lanes + (lanes == 64 ? 100 : 300) + outage / 2s);
}

// Measured: what is let in and what is refused, of 64 lanes that always have a request to send and come back at once, against
// one request in `every` for the whole run.
TEST_CASE("the rate follows what a service allows, with few refusals") {
  struct service {
    duration every;
    duration length;
    double least;         // let in, of what is possible
    double most_refused;  // of what is possible, besides 128: the first burst, and as many more
  };
  const service at = GENERATE(service{300us, 30s, 0.6, 0.05}, service{1ms, 30s, 0.6, 0.05}, service{5ms, 60s, 0.6, 0.05},
                              service{50ms, 120s, 0.6, 0.1}, service{100ms, 300s, 0.5, 0.15},
                              service{250ms, 600s, 0.3, 0.5}, service{500ms, 1200s, 0.3, 0.5},
                              service{1s, 1200s, 0.3, 1}, service{2s, 1200s, 0.3, 1.25});
  throttling_service made({.every = at.every, .latency = 5ms, .backs_off = false});
  made.run(at.length);
  const auto possible = static_cast<double>(at.length / at.every);
  CAPTURE(at.every / 1us, made.sent, made.refused, possible);
  CHECK(made.sent - made.refused > at.least * possible);
  CHECK(made.refused - 128 < at.most_refused * possible);
}
