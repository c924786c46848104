// Requests that are late are asked for a second time: what that gains, and that it stays within its bounds.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/coro/event.hpp"
#include "s3pager/pager/client.hpp"
#include "s3pager/s3/observer.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "support/world.hpp"

using namespace s3pager;
using namespace s3pager::test;
using namespace std::chrono_literals;
using testing::behaviour;
using testing::request_info;

namespace {

constexpr duration usual = 20ms;
constexpr duration late_after = 2 * 20'480us;  // of answers that all take the usual time, as the histogram has it

/// An origin whose every answer takes its time on the manual clock, which goes on only when nothing else can: every connection
/// that is being made is there, every request has arrived, and none of them is due.
class timed_world final : private observer, private ring::submit_hook {
 public:
  struct event {
    std::string key;
    bool hedge = false;
    std::error_code error = {};
    int status = 0;
    duration at{0};  // since the first request for the key
  };
  /// What becomes of a request: for the n-th (from 0) of a key.
  using script = std::function<behaviour(std::uint64_t object, std::size_t n)>;

  explicit timed_world(testing::synthetic_options objects, ring::feature masked = ring::feature::none)
      : in({.objects = std::move(objects), .hook = this, .masked = masked}), options(in.small()), got(*in.objects) {
    options.observer = this;
    options.hedge.least_samples = 32;
    in.server->set_hook([this](const request_info& asked) { return arrived(asked); });
  }
  timed_world(const timed_world&) = delete;
  timed_world& operator=(const timed_world&) = delete;

  void run(task<> (*consumer)(timed_world&)) {
    {
      root<> client(in.loop.ready(), consumer(*this));
      while (!client.done()) {
        if (in.loop.run_once(ring::reactor::wait::no) || client.done()) continue;
        if (!only_time_can_help()) {
          in.loop.run_once(ring::reactor::wait::yes);
          continue;
        }
        if (in.loop.timers().empty()) throw std::logic_error("the run hangs, and no deadline would end it");
        in.time.advance(in.loop.timers().next() - in.time.now());
      }
      client.result();
    }
    if (!got.complaint().empty()) throw std::logic_error(got.complaint());
  }

  void take(const page& next) {
    const std::string key(next.object().key);
    if (came.count(key) == 0) first_page[key] = in.time.now() - began.at(key);
    if (next.failure() == nullptr) came[key] += next.bytes().size();
    got.take(next);
  }

  world in;
  client_options options;
  reader got;
  summary total;
  ref<ring::buffer_pool> pool;
  script answers = [](std::uint64_t, std::size_t) { return behaviour{.delay = usual}; };
  std::map<std::string, time_point> began = {};            // the first request for it
  std::map<std::string, duration> first_page = {};         // since then
  std::map<std::string, std::uint64_t> came = {};          // bytes that the consumer has
  std::map<std::string, std::vector<std::string>> ranges = {};  // of the requests that arrived
  std::vector<event> ended = {};
  std::uint64_t most_slots = 0;
  std::uint32_t most_receive_bytes = ~0U;

 private:
  struct outstanding {
    std::string key;
    bool hedge = false;
    bool here = false;
    time_point due{};
    std::uint64_t stalls_at = behaviour::never;
  };

  behaviour arrived(const request_info& asked) {
    const std::string key(asked.key);
    behaviour how;
    if (!key.empty()) {
      how = answers(*in.objects->index_of(key), ranges[key].size());
      ranges[key].emplace_back(asked.range);
    }
    for (auto& [id, each] : requests_) {
      if (each.here || each.key != key) continue;
      each.here = true;
      each.due = how.stall_head ? no_deadline : after(in.time.now(), how.delay);
      each.stalls_at = how.stall_at;
      break;
    }
    return how;
  }
  [[nodiscard]] bool only_time_can_help() const {
    if (connecting_ != 0 && connecting_ != in.server->counters().connections_accepted) return false;
    // Lanes that run ahead of a late head fill the window but for what is left to other streams and to the caller, and wait for it.
    const bool room = !pool || pool->available() + pool->handed_on() > pool->capacity() / 16 + pool->capacity() / 4;
    return std::all_of(requests_.begin(), requests_.end(), [this, room](const auto& each) {
      const outstanding& of = each.second;
      if (!of.here) return false;
      if (of.due > in.time.now() || !room) return true;
      const auto bytes = came.find(of.key);
      return of.stalls_at != behaviour::never && bytes != came.end() && bytes->second >= of.stalls_at;
    });
  }

  void request_began(const request_event& what) noexcept override {
    const std::string key(what.kind == request_kind::get_object ? what.key : std::string_view());
    requests_.emplace(what.id, outstanding{.key = key, .hedge = what.hedge});
    began.emplace(key, in.time.now());
  }
  void request_ended(const request_event& what, const request_outcome& how) noexcept override {
    const outstanding& of = requests_.at(what.id);
    ended.push_back({of.key, of.hedge, how.error, how.http_status, in.time.now() - began.at(of.key)});
    requests_.erase(what.id);
    if (pool) most_slots = std::max<std::uint64_t>(most_slots, pool->granted() + pool->held());
  }
  ring::submit_verdict submitting(const ring::operation& what, std::uint64_t) noexcept override {
    if (what.kind == ring::operation_kind::connect) ++connecting_;
    if (what.kind == ring::operation_kind::receive_slots) return {.most_bytes = most_receive_bytes};
    return {};
  }

  std::map<std::uint64_t, outstanding> requests_;
  std::uint64_t connecting_ = 0;
};

task<> read_by_arrival(timed_world& with) {
  client s3(with.in.loop, with.options);
  with.pool = s3.window();
  auto pages = s3.page_unordered({.bucket = "s", .on_error = on_error::report});
  for (;;) {
    const std::optional<page> next = co_await pages.next();
    if (!next) break;
    with.take(*next);
  }
  with.total = pages.summary();
}
task<> read_by_key(timed_world& with) {
  client s3(with.in.loop, with.options);
  with.pool = s3.window();
  auto pages = s3.page_ordered({.bucket = "s", .on_error = on_error::report});
  for (;;) {
    const std::optional<page> next = co_await pages.next();
    if (!next) break;
    with.take(*next);
  }
  with.total = pages.summary();
}

/// What ended of the requests for an object, in order.
std::vector<timed_world::event> ends_of(const timed_world& with, std::uint64_t object) {
  std::vector<timed_world::event> made;
  for (const auto& each : with.ended)
    if (each.key == with.in.objects->key(object)) made.push_back(each);
  return made;
}
void settle(timed_world& with, duration longest = 1h) {
  with.in.time.advance(longest);
  with.in.settle();
  CHECK(with.pool->granted() == 0);
  CHECK(with.pool->held() == 0);
}

/// 15 to 25 ms, and of 2 % of answers 50 times as long: told by seed, object and attempt, whatever the order.
timed_world::script with_a_tail(std::uint64_t seed) {
  return [seed](std::uint64_t object, std::size_t n) {
    std::seed_seq mixed{seed, object, std::uint64_t{n}};
    std::mt19937 random(mixed);
    const duration base = 15ms + std::chrono::microseconds(random() % 10'000);
    return behaviour{.delay = random() % 100 < 2 ? 50 * base : base};
  };
}

duration p99(const timed_world& of) {
  std::vector<duration> times;
  for (const auto& [key, time] : of.first_page) times.push_back(time);
  std::sort(times.begin(), times.end());
  return times.at(times.size() * 99 / 100 - 1);
}

}  // namespace

TEST_CASE("where 2 % of answers take 50 times as long, hedging brings the p99 of the first byte down at least 3 times",
          "[pager][hedging]") {
  const std::uint64_t seed = GENERATE(1U, 2U, 3U, 4U);
  const ring::feature masked = seed % 2 == 0 ? ring::feature::all : ring::feature::none;
  const testing::synthetic_options objects{.count = 1500, .size = 3000};
  duration without{0};
  {
    timed_world plain(objects, masked);
    plain.options.concurrency = 16;
    plain.options.hedge.enabled = false;
    plain.answers = with_a_tail(seed);
    plain.run(read_by_arrival);
    CHECK(plain.got.all());
    CHECK(plain.total.hedges == 0);
    CHECK(plain.total.requests == 1503);
    without = p99(plain);
  }
  timed_world hedged(objects, masked);
  hedged.options.concurrency = 16;
  hedged.answers = with_a_tail(seed);
  hedged.run(read_by_arrival);
  CHECK(hedged.got.all());
  const std::uint64_t gets = hedged.total.requests - hedged.total.hedges - 3;
  CHECK(gets == 1500);
  INFO("p99 of " << without.count() / 1000 << " us without, " << p99(hedged).count() / 1000 << " us with "
                 << hedged.total.hedges << " hedges");
  CHECK(hedged.total.hedges > 15);
  CHECK(hedged.total.hedges * 100 <= gets * 5);
  CHECK(p99(hedged) * 3 <= without);
  CHECK(hedged.most_slots <= hedged.pool->capacity());
  settle(hedged);
}

TEST_CASE("a late answer is overtaken by a second request on another connection", "[pager][hedging]") {
  const ring::feature masked = GENERATE(ring::feature::none, ring::feature::all);
  const auto consumer = GENERATE(&read_by_arrival, &read_by_key);
  timed_world with({.count = 60, .size = 3000}, masked);
  with.most_receive_bytes = GENERATE(~0U, 200U);  // 200: heads in pieces
  with.answers = [](std::uint64_t object, std::size_t n) {
    return behaviour{.delay = object == 50 && n == 0 ? 10 * usual : usual};
  };
  with.run(consumer);
  CHECK(with.got.all());
  CHECK(with.total.hedges == 1);
  CHECK(with.total.requests == 63);
  const auto ends = ends_of(with, 50);
  REQUIRE(ends.size() == 2);
  for (const auto& each : ends) {
    CHECK(each.at == late_after + usual);
    CHECK(each.error == (each.hedge ? std::error_code() : make_error_code(errc::cancelled)));
    CHECK(each.status == (each.hedge ? 200 : 0));
  }
  // Each lane's, that of the rest of the list, and the second request's.
  CHECK(with.in.server->counters().connections_accepted == with.options.concurrency + 2);
  settle(with);
}

TEST_CASE("a late answer that comes before the second request's is taken", "[pager][hedging]") {
  timed_world with({.count = 60, .size = 3000});
  with.answers = [](std::uint64_t object, std::size_t n) {
    return behaviour{.delay = object != 50 ? usual : n == 0 ? late_after + 5ms : usual};
  };
  with.run(read_by_arrival);
  CHECK(with.got.all());
  CHECK(with.total.hedges == 1);
  const auto ends = ends_of(with, 50);
  REQUIRE(ends.size() == 2);
  for (const auto& each : ends) {
    CHECK(each.at == late_after + 5ms);
    CHECK(each.error == (each.hedge ? make_error_code(errc::cancelled) : std::error_code()));
  }
  settle(with);
}

TEST_CASE("nothing is asked for twice before enough answers were seen, nor if it is not wanted", "[pager][hedging]") {
  const bool wanted = GENERATE(true, false);
  timed_world with({.count = wanted ? 31U : 60U, .size = 3000});
  with.options.hedge.enabled = wanted;
  with.answers = [](std::uint64_t object, std::size_t) { return behaviour{.delay = object == 30 ? 50 * usual : usual}; };
  with.run(read_by_arrival);
  CHECK(with.got.all());
  CHECK(with.total.hedges == 0);
}

TEST_CASE("a second request that fails leaves the late one to go on", "[pager][hedging]") {
  const int status = GENERATE(500, 503, 404);
  timed_world with({.count = 100, .size = 3000});
  with.answers = [status](std::uint64_t object, std::size_t n) {
    if (object == 50) return n == 0 ? behaviour{.delay = 10 * usual} : behaviour{.delay = usual, .status = status};
    return behaviour{.delay = object == 90 && n == 0 ? 10 * usual : usual};
  };
  with.run(read_by_arrival);
  CHECK(with.got.all());
  // None after throttling.
  CHECK(with.total.hedges == (status == 503 ? 1 : 2));
  const auto ends = ends_of(with, 50);
  REQUIRE(ends.size() == 2);
  CHECK(ends[0].hedge);
  CHECK(ends[0].status == status);
  CHECK_FALSE(ends[1].error);
  CHECK(ends[1].at == 10 * usual);
}

TEST_CASE("a late request that fails leaves the second one to go on", "[pager][hedging]") {
  timed_world with({.count = 60, .size = 3000});
  with.answers = [](std::uint64_t object, std::size_t n) {
    if (object != 50) return behaviour{.delay = usual};
    return n == 0 ? behaviour{.delay = late_after + 5ms, .status = 500} : behaviour{.delay = usual};
  };
  with.run(read_by_arrival);
  CHECK(with.got.all());
  CHECK(with.total.requests == 63);
  CHECK(ends_of(with, 50).back().at == late_after + usual);
}

TEST_CASE("what fails for good of a late request fails at once", "[pager][hedging]") {
  timed_world with({.count = 60, .size = 3000});
  with.answers = [](std::uint64_t object, std::size_t n) {
    if (object != 50) return behaviour{.delay = usual};
    return n == 0 ? behaviour{.delay = late_after + 5ms, .status = 404} : behaviour{.delay = usual};
  };
  with.run(read_by_arrival);
  REQUIRE(with.got.failures().size() == 1);
  CHECK(with.got.failures().begin()->second.code() == errc::not_found);
  CHECK(ends_of(with, 50).back().at == late_after + 5ms);
  settle(with);
}

TEST_CASE("where both requests fail it is the first one's failure", "[pager][hedging]") {
  const bool first_fails_first = GENERATE(true, false);
  timed_world with({.count = 60, .size = 3000});
  with.answers = [first_fails_first](std::uint64_t object, std::size_t n) {
    if (object != 50) return behaviour{.delay = usual};
    if (n == 0) return behaviour{.delay = late_after + (first_fails_first ? 5ms : 50ms), .status = 502};
    return behaviour{.delay = usual, .status = 500};
  };
  with.run(read_by_arrival);
  REQUIRE(with.got.failures().size() == 1);
  CHECK(with.got.failures().begin()->second.http_status() == 502);
  CHECK(with.total.hedges == 1);
  CHECK(with.got.whole() == 59);
  settle(with);
}

TEST_CASE("after throttling nothing is asked for twice for a while", "[pager][hedging]") {
  const bool throttled = GENERATE(false, true);
  timed_world with({.count = 200, .size = 3000});
  // Nor as long as requests have to wait for their turns.
  with.options.hedge.after_throttling = GENERATE(duration(10s), duration(0));
  with.options.retry = {.base_delay = 1ms, .throttled_delay = 1ms};
  with.answers = [throttled](std::uint64_t object, std::size_t n) {
    if (object == 50 && n == 0 && throttled) return behaviour{.delay = usual, .status = 503};
    return behaviour{.delay = object > 60 && object % 30 == 0 && n == 0 ? 10 * usual : usual};
  };
  with.run(read_by_arrival);
  CHECK(with.got.all());
  CHECK(ends_of(with, 90).size() == (throttled ? 1 : 2));
  if (!throttled) CHECK(with.total.hedges == 4);
  if (throttled && with.options.hedge.after_throttling > 0s) CHECK(with.total.hedges == 0);
}

TEST_CASE("no more is asked for twice than its share, however much is late", "[pager][hedging]") {
  timed_world with({.count = 400, .size = 3000});
  with.answers = [](std::uint64_t object, std::size_t n) {
    return behaviour{.delay = object > 50 && object % 10 == 0 && n == 0 ? 50 * usual : usual};
  };
  with.run(read_by_arrival);
  CHECK(with.got.all());
  CHECK(with.total.hedges > 10);
  CHECK(with.total.hedges <= 20);
}

namespace {

// Holds on to pages until 12 of the 16 slots are taken: one is the window's reserve, one is left to other streams.
task<> hold_pages(timed_world& with) {
  client s3(with.in.loop, with.options);
  with.pool = s3.window();
  auto pages = s3.page_unordered({.bucket = "s"});
  std::deque<page> held;
  for (;;) {
    std::optional<page> next = co_await pages.next();
    if (!next) break;
    with.take(*next);
    held.push_back(std::move(*next));
    if (held.size() > 12) held.pop_front();
  }
  with.total = pages.summary();
}

}  // namespace

TEST_CASE("only slots that nobody else needs are spent on a second request", "[pager][hedging]") {
  const bool full = GENERATE(true, false);
  timed_world with({.count = 60, .size = 3000});
  with.options.window_bytes = 16 * 4096;
  with.options.slot_bytes = 4096;
  with.options.concurrency = 2;
  with.answers = [](std::uint64_t object, std::size_t n) {
    return behaviour{.delay = object == 50 && n == 0 ? 10 * usual : usual};
  };
  with.run(full ? hold_pages : read_by_arrival);
  CHECK(with.got.all());
  CHECK(with.total.hedges == (full ? 0 : 1));
  CHECK(with.most_slots <= 16);
  settle(with);
}

TEST_CASE("the rest of a body that stalls is asked for on another connection", "[pager][hedging]") {
  const ring::feature masked = GENERATE(ring::feature::none, ring::feature::all);
  const auto consumer = GENERATE(&read_by_arrival, &read_by_key);
  const std::uint64_t stalls_at = GENERATE(1U, 100'000U, 299'999U);
  timed_world with({.count = 60, .size_of = [](std::uint64_t object) { return object == 50 ? 300'000U : 3000U; }}, masked);
  coro::event gate;
  with.answers = [&](std::uint64_t object, std::size_t n) {
    behaviour how{.delay = usual};
    if (object == 50 && n == 0) {
      how.stall_at = stalls_at;
      how.gate = &gate;
    }
    return how;
  };
  with.run(consumer);
  CHECK(with.got.all());
  CHECK(with.total.hedges == 1);
  const auto& ranges = with.ranges.at(with.in.objects->key(50));
  REQUIRE(ranges.size() == 2);
  CHECK(ranges[0].empty());
  CHECK(ranges[1] == "bytes=" + std::to_string(stalls_at) + "-299999");
  const auto ends = ends_of(with, 50);
  REQUIRE(ends.size() == 2);
  for (const auto& each : ends) CHECK(each.at == usual + 100ms + usual);
  gate.set();
  settle(with);
}

TEST_CASE("a body that goes on before the second request is answered is read on", "[pager][hedging]") {
  timed_world with({.count = 60, .size_of = [](std::uint64_t object) { return object == 50 ? 300'000U : 3000U; }});
  coro::event gate;
  with.answers = [&](std::uint64_t object, std::size_t n) {
    behaviour how{.delay = usual};
    if (object != 50) return how;
    if (n == 0) {
      how.stall_at = 100'000;
      how.gate = &gate;
    } else {
      how.delay = 10 * usual;
      gate.set();
    }
    return how;
  };
  with.run(read_by_arrival);
  CHECK(with.got.all());
  CHECK(with.total.hedges == 1);
  const auto ends = ends_of(with, 50);
  REQUIRE(ends.size() == 2);
  CHECK(ends[0].hedge);
  CHECK(ends[0].error == errc::cancelled);
  CHECK(ends[1].at == usual + 100ms);
  settle(with);
}

TEST_CASE("a wait for room in the window is no stall", "[pager][hedging]") {
  timed_world with({.count = 61, .size_of = [](std::uint64_t object) { return object == 60 ? 300'000U : 3000U; }});
  with.options.window_bytes = 16 * 4096;
  with.options.slot_bytes = 4096;
  with.options.concurrency = 1;
  const auto pause = [](timed_world& in) -> task<> {
    client s3(in.in.loop, in.options);
    in.pool = s3.window();
    auto pages = s3.page_unordered({.bucket = "s"});
    for (;;) {
      const std::optional<page> next = co_await pages.next();
      if (!next) break;
      in.take(*next);
      if (next->object().key != in.in.objects->key(60)) continue;
      // The lane runs into the bound.
      for (int i = 0; i < 200; ++i) co_await turn();
      in.in.time.advance(1h);
      for (int i = 0; i < 200; ++i) co_await turn();
    }
    in.total = pages.summary();
  };
  with.run(pause);
  CHECK(with.got.all());
  CHECK(with.total.hedges == 0);
  CHECK(with.total.requests == 63);
}

TEST_CASE("policies of hedging that mean nothing are refused", "[pager][hedging]") {
  world in;
  client_options options = in.small();
  options.hedge.max_share = 1.5;
  CHECK_THROWS_AS(client(in.loop, options), error);
  options.hedge.max_share = -0.1;
  CHECK_THROWS_AS(client(in.loop, options), error);
  options.hedge = {.least_wait = 1us};
  CHECK_THROWS_AS(client(in.loop, options), error);
  options.hedge = {.least_stall = 0us};
  CHECK_THROWS_AS(client(in.loop, options), error);
}
