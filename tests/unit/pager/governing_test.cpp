// Runs whose number of lanes is governed, of an origin with 30 ms to the first byte and 8 MB/s for a connection, against the best
// fixed number. Client and origin are on one reactor and one manual clock.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "s3pager/pager/client.hpp"
#include "s3pager/testing/origin.hpp"
#include "s3pager/testing/synthetic_bucket.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"

using namespace s3pager;
using namespace s3pager::test;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t kib = 1 << 10;
constexpr std::uint64_t mib = 1 << 20;

struct scene {
  std::uint64_t object_bytes = 64 * kib;
  testing::traffic_limits limits = {};
  page_order order = page_order::by_arrival;
  std::uint32_t concurrency = 0;
  std::size_t window_bytes = 64 * mib;
  std::uint32_t max_connections = 1024;
  duration each_page_takes{0};  // the consumer
};

class scaled_world {
 public:
  explicit scaled_world(const scene& what)
      : objects_(std::make_shared<testing::synthetic_bucket>(
            testing::synthetic_options{.count = 10'000'000, .size = what.object_bytes})),
        server_(loop_, {.first_byte_delay = 30ms, .bytes_per_second = 8'000'000, .traffic = what.limits}),
        endpoint_(server_.endpoint()),
        each_page_takes_(what.each_page_takes),
        client_(loop_, {.anonymous = true,
                        .region = "us-east-1",
                        .endpoint_url = endpoint_,
                        .direct = true,
                        .window_bytes = what.window_bytes,
                        .concurrency = what.concurrency,
                        .max_connections = what.max_connections,
                        .verify = verify::off,
                        .jitter_seed = 1}) {
    server_.add_bucket("s", objects_);
    serving_.emplace(loop_.ready(), server_.serve());
    pages_ = what.order == page_order::by_key ? client_.page_ordered("s", endless()) : client_.page_unordered("s", endless());
    reading_.emplace(loop_.ready(), read());
  }
  scaled_world(const scaled_world&) = delete;
  scaled_world& operator=(const scaled_world&) = delete;
  ~scaled_world() {
    reading_.reset();
    pages_ = {};
  }

  /// Goodput of that time, in bytes a second.
  double run(duration span) {
    const std::uint64_t before = bytes_;
    for (const time_point end = time_.now() + span; time_.now() < end; time_.advance(step())) turn();
    return static_cast<double>(bytes_ - before) / std::chrono::duration<double>(span).count();
  }
  [[nodiscard]] std::uint32_t lanes() const { return pages_.summary().lanes; }
  [[nodiscard]] std::uint64_t connections() const { return server_.counters().connections_accepted; }
  void consume_at_once() { each_page_takes_ = 0s; }
  void limit(const testing::traffic_limits& limits) { server_.limit(limits); }

 private:
  task<> read() {
    for (;;) {
      const std::optional<page> got = co_await pages_.next();
      if (!got) break;
      bytes_ += got->bytes().size();
      if (each_page_takes_ > 0s) co_await ring::sleep_until(loop_, loop_.now() + each_page_takes_);
    }
  }
  async_generator<object> endless() {
    for (std::uint64_t i = 0;; ++i) {
      object made = object::of_key(objects_->key(i)).with_answer('"' + objects_->etag(i) + '"', objects_->size(i));
      co_yield std::move(made);
    }
  }
  /// Until nothing can go on but with time. (The loopback delivers within the send, or soon after it.)
  void turn() {
    for (int idle = 0; idle < 2; ++idle)
      while (loop_.run_once(ring::reactor::wait::no)) idle = 0;
  }
  /// To the next timer, in whole milliseconds.
  [[nodiscard]] duration step() {
    const duration next = loop_.timers().next() - time_.now();
    return std::clamp<duration>(std::chrono::ceil<std::chrono::milliseconds>(next), 1ms, 50ms);
  }

  manual_clock time_;
  ring::reactor loop_{{.clock = &time_}};
  std::shared_ptr<testing::synthetic_bucket> objects_;
  testing::origin server_;
  std::string endpoint_;
  duration each_page_takes_;
  client client_;
  std::optional<root<>> serving_;
  page_stream pages_;
  std::uint64_t bytes_ = 0;
  std::optional<root<>> reading_;
};

/// The best goodput that a fixed number of lanes has, once it is under way.
double best_fixed(scene what) {
  double best = 0;
  for (const std::uint32_t lanes : {16U, 32U, 64U, 128U, 256U}) {
    what.concurrency = lanes;
    scaled_world in(what);
    in.run(1s);  // with what the origin has saved up of its requests
    const double goodput = in.run(2s);
    std::printf("  %u lanes: %.1f MB/s\n", lanes, goodput / 1e6);
    best = std::max(best, goodput);
  }
  return best;
}

/// A run under one limit after the other: of the best goodput there is under each, as measured for the first two, what it has when twenty
/// control intervals have passed, or fewer. (They take a quarter of a second or longer.)
void follow(const char* name, const scene& what, const std::vector<testing::traffic_limits>& limits) {
  scaled_world in(what);
  std::vector<double> best;
  for (std::size_t phase = 0; phase < limits.size(); ++phase) {
    if (phase < 2) {
      std::printf("%s, phase %zu\n", name, phase);
      scene fixed = what;
      fixed.limits = limits[phase];
      best.push_back(best_fixed(fixed));
    }
    in.limit(limits[phase]);
    in.run(5s);
    const double share = in.run(2500ms) / best[phase % 2];
    std::printf("  governed, phase %zu: %u lanes, %.1f %% of the best\n", phase, in.lanes(), 100 * share);
    CAPTURE(name, phase, in.lanes());
    CHECK(share > 0.9);
  }
}

}  // namespace

TEST_CASE("small objects come at the rate that a service allows, and follow it", "[pager][governor][long]") {
  follow("4 KiB, 3,000 requests a second, 1,500, 3,000", {.object_bytes = 4 * kib},
         {{.requests_per_second = 3000}, {.requests_per_second = 1500}, {.requests_per_second = 3000}});
}
TEST_CASE("objects by key come at the rate of the line, and follow it", "[pager][governor][long]") {
  follow("64 KiB by key, 200 MB/s, 100, 200", {.object_bytes = 64 * kib, .order = page_order::by_key},
         {{.bytes_per_second = 200'000'000}, {.bytes_per_second = 100'000'000}, {.bytes_per_second = 200'000'000}});
}
TEST_CASE("large objects come at the rate of the line, and follow it", "[pager][governor][long]") {
  follow("64 MiB, 300 MB/s, 700", {.object_bytes = 64 * mib}, {{.bytes_per_second = 300'000'000}, {.bytes_per_second = 700'000'000}});
}

TEST_CASE("a slow consumer is not taken for a slow service", "[pager][governor]") {
  scaled_world in({.object_bytes = 4 * kib, .each_page_takes = 2ms});
  in.run(5s);
  CHECK(in.lanes() == 64);
  in.consume_at_once();
  in.run(2s);
  CHECK(in.lanes() > 64);
}

TEST_CASE("a number of lanes that is given is kept", "[pager][governor]") {
  scaled_world in({.object_bytes = 4 * kib, .limits = {.requests_per_second = 200}, .concurrency = 24});
  in.run(3s);
  CHECK(in.lanes() == 24);
  CHECK(in.connections() <= 24);
}

TEST_CASE("a governor keeps to the connections and the window", "[pager][governor]") {
  scaled_world few({.object_bytes = 4 * kib, .max_connections = 41});
  few.run(4s);
  CHECK(few.lanes() >= 30);
  CHECK(few.lanes() <= 40);
  scaled_world narrow({.object_bytes = 4 * kib, .window_bytes = 2 * mib});
  narrow.run(4s);
  CHECK(narrow.lanes() <= 16);
  CHECK(narrow.lanes() >= 12);
}

TEST_CASE("lanes that are too many fetch what all the others wait behind", "[pager][governor]") {
  // Objects that are only named: their first 8 MiB fill the window, so that only the first one's lane gets on. When it has them, the rest
  // of that object comes before all that is being fetched.
  manual_clock time;
  ring::reactor loop({.clock = &time});
  const auto objects = std::make_shared<testing::synthetic_bucket>(testing::synthetic_options{.count = 400, .size = 64 * mib});
  testing::origin server(loop, {.first_byte_delay = 30ms, .bytes_per_second = 8'000'000});
  int seen = 0;
  server.set_hook([&seen](const testing::request_info&) {
    testing::behaviour how;
    if (++seen == 71) how.status = 503;
    return how;
  });
  server.add_bucket("s", objects);
  const std::string endpoint = server.endpoint();
  client s3(loop, {.anonymous = true, .region = "us-east-1", .endpoint_url = endpoint, .direct = true, .jitter_seed = 1});
  std::vector<std::string> keys;
  for (std::uint64_t i = 0; i < 400; ++i) keys.push_back(objects->key(i));
  page_stream pages = s3.page_ordered("s", keys);
  root<> serving(loop.ready(), server.serve());
  std::uint64_t bytes = 0;
  const auto read = [&]() -> task<> {
    for (;;) {
      const std::optional<page> got = co_await pages.next();
      if (!got) break;
      bytes += got->bytes().size();
    }
  };
  root<> reading(loop.ready(), read());
  const auto run = [&](duration span) {
    for (const time_point end = time.now() + span; time.now() < end;) {
      for (int idle = 0; idle < 2; ++idle)
        while (loop.run_once(ring::reactor::wait::no)) idle = 0;
      time.advance(std::clamp<duration>(std::chrono::ceil<std::chrono::milliseconds>(loop.timers().next() - time.now()), 1ms, 50ms));
    }
  };
  run(4s);
  CHECK(seen > 71);
  CHECK(pages.summary().lanes < 64);
  const std::uint64_t before = bytes;
  run(4s);
  CHECK(bytes > before);
}
