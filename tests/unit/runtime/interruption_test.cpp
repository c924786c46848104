#include "s3pager/runtime/interruption.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <system_error>
#include <thread>

#include "s3pager/ring/await.hpp"
#include "s3pager/runtime/blocking.hpp"
#include "s3pager/runtime/run.hpp"
#include "s3pager/runtime/run_per_core.hpp"
#include "support/catch.hpp"
#include "unit/runtime/service.hpp"

using namespace s3pager;
using test::service;

namespace {

/// Waits for what never comes, but for a stop.
task<> wait_for_ever(client& s3, bool& stopped) {
  const std::error_code ended = co_await ring::sleep_until(s3.service().loop(), no_deadline);
  stopped = ended == errc::cancelled;
}

/// Interrupts as soon as a request begins.
class interrupting final : public observer {
 public:
  explicit interrupting(interruption& what, bool of_objects = true) noexcept : what_(what), of_objects_(of_objects) {}
  void request_began(const request_event& of) noexcept override {
    if (of_objects_ == (of.kind == request_kind::get_object)) what_.request();
  }

 private:
  interruption& what_;
  bool of_objects_;
};

}  // namespace

TEST_CASE("an interruption ends what run() waits for, from any thread", "[runtime][interruption]") {
  const service on({.count = 1, .size = 10});
  interruption stop;
  CHECK_FALSE(stop.requested());
  bool stopped = false;
  std::optional<std::thread> other;
  const int status = run(
      [&](client& s3) -> task<> {
        other.emplace([&stop] { stop.request(); });
        co_await wait_for_ever(s3, stopped);
      },
      {.client = on.options(), .stop = &stop});
  other->join();
  CHECK(stopped);
  CHECK(status == 0);
  CHECK(stop.requested());
}

TEST_CASE("what begins after an interruption is stopped as well", "[runtime][interruption]") {
  const service on({.count = 1, .size = 10});
  interruption stop;
  stop.request();
  std::optional<std::error_code> why;
  const auto first_page = [&](client& s3) -> task<> {
    auto pages = s3.page_ordered({.bucket = "s"});
    try {
      const std::optional<page> got = co_await pages.next();
    } catch (const error& failed) {
      why = failed.code();
    }
  };
  CHECK(run(first_page, {.client = on.options(), .stop = &stop}) == 0);
  REQUIRE(why);
  CHECK(*why == errc::cancelled);
  CHECK(on.counters().requests == 0);
}

TEST_CASE("an interruption ends a stream or a list of run() on its way", "[runtime][interruption]") {
  const service on({.count = 2000, .size = 10});
  const bool list = GENERATE(true, false);
  interruption stop;
  interrupting watch(stop, !list);
  client_options how = on.options();
  how.observer = &watch;
  std::optional<std::error_code> why;
  std::size_t count = 0;
  const auto all = [&](client& s3) -> task<> {
    try {
      if (list) {
        auto objects = s3.list({.bucket = "s"});
        while (auto each = co_await objects.next()) ++count;
      } else {
        auto pages = s3.page_unordered({.bucket = "s"});
        while (auto each = co_await pages.next()) ++count;
      }
    } catch (const error& failed) {
      why = failed.code();
    }
  };
  CHECK(run(all, {.client = how, .stop = &stop}) == 0);
  REQUIRE(why);
  CHECK(*why == errc::cancelled);
  CHECK(count < 2000);
}

TEST_CASE("an interruption stops every shard", "[runtime][interruption]") {
  const service on({.count = 1, .size = 10});
  interruption stop;
  std::atomic<int> begun{0};
  auto results = run_per_core({.client = on.options(), .shards = 3, .pin = false, .stop = &stop},
                              [&](client& s3, shard) -> task<bool> {
                                if (++begun == 3) stop.request();
                                bool stopped = false;
                                co_await wait_for_ever(s3, stopped);
                                co_return stopped;
                              });
  REQUIRE(results.size() == 3);
  for (auto& each : results) CHECK(each.value());
}

TEST_CASE("an interruption ends a blocking loop, where it waits and between two steps", "[runtime][interruption]") {
  const service on({.count = 20, .size = 10});
  const bool between = GENERATE(true, false);
  interruption stop;
  interrupting watch(stop);
  client_options how = on.options();
  if (!between) how.observer = &watch;
  std::size_t count = 0;
  try {
    for (auto& page : blocking([](client& s3) { return s3.page_ordered({.bucket = "s"}); }, how, &stop)) {
      static_cast<void>(page);
      if (++count == 3) stop.request();
    }
    FAIL("it went on");
  } catch (const error& failed) {
    CHECK(failed.code() == errc::cancelled);
  }
  if (between) CHECK(count == 3);
  else CHECK(count < 20);
}
