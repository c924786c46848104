// A client and an origin whose clocks differ, and a client that is held back while its origin throttles it.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/pager/client.hpp"
#include "s3pager/testing/origin.hpp"
#include "s3pager/testing/synthetic_bucket.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "support/world.hpp"

namespace {

using namespace s3pager;
using namespace std::chrono_literals;
using test::reader;
using test::root;

constexpr wall_time noon{1'700'000'000s};

class failure_count final : public observer {
 public:
  void request_ended(const request_event&, const request_outcome& how) noexcept override {
    refused += how.http_status == 403 ? 1 : 0;
  }
  void request_retried(const request_event&, std::error_code) noexcept override { ++retried; }
  int refused = 0;
  int retried = 0;
};

/// How many requests begin at one time, once the first was throttled.
class burst_watcher final : public observer {
 public:
  explicit burst_watcher(const manual_clock& time) noexcept : time_(time) {}
  void request_began(const request_event&) noexcept override {
    if (!throttled_) return;
    at_once_ = time_.now() == last_ ? at_once_ + 1 : 1;
    last_ = time_.now();
    most = std::max(most, at_once_);
  }
  void request_ended(const request_event&, const request_outcome& how) noexcept override {
    throttled_ = throttled_ || how.http_status == 503;
  }
  int most = 0;

 private:
  const manual_clock& time_;
  bool throttled_ = false;
  time_point last_{};
  int at_once_ = 0;
};

/// The origin has a reactor and a clock of its own; both reactors turn in turn.
struct two_clocks {
  explicit two_clocks(duration client_ahead) : client_time(noon + client_ahead) {
    server.add_bucket("s", objects);
    options.access_key_id = "AKEXAMPLE";
    options.secret_access_key = "example/secret";
    options.endpoint_url = endpoint = server.endpoint();
    options.concurrency = 4;
    options.observer = &seen;
    options.jitter_seed = 1;
    serving.emplace(origin_loop.ready(), server.serve());
  }

  template <class T>
  T run(task<T> work) {
    root<T> started(loop.ready(), std::move(work));
    while (!started.done()) {
      loop.run_once(ring::reactor::wait::no);
      origin_loop.run_once(ring::reactor::wait::no);
    }
    return started.result();
  }
  /// Every object, right.
  [[nodiscard]] bool page_all(client& s3) {
    reader got(*objects);
    auto pages = s3.page_ordered({.bucket = "s", .max_keys = 5});
    run(test::read_all(pages, got));
    return got.all();
  }

  manual_clock origin_time{noon};
  manual_clock client_time;
  ring::reactor origin_loop{{.clock = &origin_time}};
  ring::reactor loop{{.clock = &client_time}};
  std::shared_ptr<testing::synthetic_bucket> objects =
      std::make_shared<testing::synthetic_bucket>(testing::synthetic_options{.count = 20});
  testing::origin server{origin_loop, {.access_key_id = "AKEXAMPLE", .secret_access_key = "example/secret"}};
  std::string endpoint;
  failure_count seen;
  client_options options;
  std::optional<root<>> serving;
};

}  // namespace

TEST_CASE("a clock that is wrong is noticed once, and nobody else notices", "[pager]") {
  const duration ahead = GENERATE(duration(20min), duration(-20min), duration(-72h));
  two_clocks in(ahead);
  client s3(in.loop, in.options);
  CHECK(in.page_all(s3));
  CHECK(in.seen.refused == 1);
  CHECK(in.seen.retried == 1);
  CHECK(s3.service().clock_offset() == -ahead);
  CHECK(in.page_all(s3));
  CHECK(in.seen.refused == 1);
}

TEST_CASE("a clock that goes wrong in mid-run costs each request under way one more, and nobody notices", "[pager]") {
  const duration leap = GENERATE(duration(20min), duration(-20min));
  two_clocks in(0s);
  in.objects = std::make_shared<testing::synthetic_bucket>(testing::synthetic_options{.count = 500});
  in.server.add_bucket("s", in.objects);
  in.options.concurrency = 64;
  in.options.hedge.enabled = false;
  int gets = 0;
  in.server.set_hook([&](const testing::request_info& request) {
    // The origin's leaps: the client's own timers see nothing of it.
    if (!request.key.empty() && ++gets == 100) in.origin_time.advance(leap);
    return testing::behaviour{};
  });
  client s3(in.loop, in.options);
  CHECK(in.page_all(s3));
  CHECK(in.seen.refused >= 1);
  CHECK(in.seen.refused <= 64);
  CHECK(in.seen.retried == in.seen.refused);
  CHECK(s3.service().clock_offset() == leap);
}

TEST_CASE("a clock that is set right while its client lives is followed as well", "[pager]") {
  two_clocks in(-20min);
  client s3(in.loop, in.options);
  CHECK(in.page_all(s3));
  in.client_time.advance(20min);
  CHECK(in.page_all(s3));
  CHECK(s3.service().clock_offset() == duration(0));
  CHECK(in.seen.refused == 2);
}

TEST_CASE("requests that are under way with the same wrong time are each signed again, once", "[pager]") {
  two_clocks in(20min);
  client s3(in.loop, in.options);
  std::vector<std::string> keys;
  for (std::uint64_t i = 0; i < in.objects->count(); ++i) keys.push_back(in.objects->key(i));
  reader got(*in.objects);
  auto pages = s3.page_unordered("s", keys);
  in.run(test::read_all(pages, got));
  CHECK(got.all());
  CHECK(in.seen.refused >= 1);
  CHECK(in.seen.refused <= 4);
  CHECK(in.seen.retried == in.seen.refused);
}

TEST_CASE("a time that is refused though the clocks agree is access_denied, after one request", "[pager]") {
  two_clocks in(0s);
  in.server.set_hook([](const testing::request_info&) {
    return testing::behaviour{.status = 403, .code = "RequestTimeTooSkewed"};
  });
  client s3(in.loop, in.options);
  try {
    static_cast<void>(in.page_all(s3));
    FAIL("nothing was thrown");
  } catch (const error& failed) {
    CHECK(failed.code() == errc::access_denied);
    CHECK(failed.s3_code() == "RequestTimeTooSkewed");
    CHECK(failed.attempts() == 1);
  }
  CHECK(in.seen.refused == 1);
}

TEST_CASE("a time that is refused again after it was set right is access_denied, after two requests", "[pager]") {
  two_clocks in(20min);
  in.server.set_hook([&in](const testing::request_info&) {
    in.origin_time.advance(1h);
    return testing::behaviour{};
  });
  client s3(in.loop, in.options);
  try {
    static_cast<void>(in.page_all(s3));
    FAIL("nothing was thrown");
  } catch (const error& failed) {
    CHECK(failed.code() == errc::access_denied);
    CHECK(failed.attempts() == 2);
    CHECK(failed.details().tried == "clock skew 1");
  }
  CHECK(in.seen.refused == 2);
}

TEST_CASE("an origin that throttles all but a few requests is ridden out, with all lanes held back together", "[pager]") {
  // One request in 5 ms is let in.
  two_clocks in(0s);
  in.options.concurrency = 32;
  in.objects = std::make_shared<testing::synthetic_bucket>(testing::synthetic_options{.count = 500});
  in.server.add_bucket("s", in.objects);
  time_point free_at{};
  int throttled = 0;
  in.server.set_hook([&](const testing::request_info&) {
    testing::behaviour made;
    if (in.client_time.now() < free_at) {
      made.status = 503;
      ++throttled;
    } else {
      free_at = in.client_time.now() + 5ms;
    }
    return made;
  });
  burst_watcher bursts(in.client_time);
  in.options.observer = &bursts;
  client s3(in.loop, in.options);
  reader got(*in.objects);
  auto pages = s3.page_ordered({.bucket = "s"});
  root<> reading(in.loop.ready(), test::read_all(pages, got));
  const time_point began = in.client_time.now();
  while (!reading.done()) {
    const bool busy = in.loop.run_once(ring::reactor::wait::no);
    if (!in.origin_loop.run_once(ring::reactor::wait::no) && !busy) in.client_time.advance(100us);
  }
  reading.result();
  CHECK(got.all());
  CHECK(throttled >= 2);
  CHECK(in.client_time.now() - began >= 500 * 5ms);
  CHECK(in.server.counters().requests < 2 * 501);
  CHECK(bursts.most <= 2);
}
