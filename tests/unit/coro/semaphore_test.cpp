#include "s3pager/coro/semaphore.hpp"

#include <memory>
#include <vector>

#include "s3pager/coro/event.hpp"
#include "s3pager/coro/scope.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"

using namespace s3pager;
using namespace s3pager::coro;

namespace {

task<> hold(semaphore& from, std::size_t count, event& until, int who, std::vector<int>& order) {
  const permit held = co_await from.acquire(count);
  order.push_back(who);
  co_await until.wait();
}

using run = std::unique_ptr<test::root<>>;

struct fixture {
  ready_queue queue;
  semaphore places{2};
  event never;
  std::vector<int> order;

  run start(std::size_t count, int who, stop_token stop = {}) {
    auto one = std::make_unique<test::root<>>(queue, hold(places, count, never, who, order), stop);
    queue.run(10);
    return one;
  }
};

TEST_CASE("a permit takes from the count while it lives, and can be moved") {
  semaphore places(3);
  {
    permit two = places.try_acquire(2);
    CHECK(two);
    CHECK(two.count() == 2);
    CHECK(places.available() == 1);
    CHECK_FALSE(places.try_acquire(2));

    permit moved = std::move(two);
    CHECK(places.available() == 1);
    permit one = places.try_acquire();
    CHECK(places.available() == 0);
    one = std::move(moved);
    CHECK(places.available() == 1);
    CHECK(one.count() == 2);
    one.release();
    CHECK_FALSE(one);
    CHECK(places.available() == 3);
    one.release();
  }
  CHECK(places.available() == 3);
  places.release(4);
  CHECK(places.available() == 7);
}

TEST_CASE("whoever finds the count used up waits until it is given back") {
  fixture f;
  const run a = f.start(1, 1);
  run b = f.start(1, 2);
  const run c = f.start(1, 3);
  CHECK(f.order == std::vector<int>{1, 2});
  CHECK(f.places.has_waiters());
  b.reset();
  CHECK(f.places.available() == 0);
  f.queue.run(10);
  CHECK(f.order == std::vector<int>{1, 2, 3});
}

TEST_CASE("a small request waits behind a large one") {
  fixture f;
  run a = f.start(1, 1);
  const run large = f.start(2, 2);
  const run small = f.start(1, 3);
  CHECK(f.order == std::vector<int>{1});
  CHECK(f.places.available() == 1);
  CHECK_FALSE(f.places.try_acquire());
  a.reset();
  f.queue.run(10);
  CHECK(f.order == std::vector<int>{1, 2});
}

TEST_CASE("a large request that gives up lets those behind it pass") {
  fixture f;
  const run a = f.start(1, 1);
  stop_source stop;
  run large = f.start(2, 2, stop.token());
  const run small = f.start(1, 3);
  SECTION("by a stop") {
    stop.request_stop();
    f.queue.run(10);
    REQUIRE(large->done());
    CHECK_THROWS_AS(large->result(), error);
  }
  SECTION("by being dropped") {
    large.reset();
    f.queue.run(10);
  }
  CHECK(f.order == std::vector<int>{1, 3});
  CHECK(f.places.available() == 0);
}

TEST_CASE("what was given to a waiter that is dropped before it goes on passes to the next") {
  fixture f;
  run a = f.start(2, 1);
  run b = f.start(2, 2);
  run c = f.start(2, 3);
  a.reset();
  CHECK(f.places.available() == 0);
  b.reset();
  CHECK(f.places.available() == 0);
  SECTION("who goes on") {
    f.queue.run(10);
    CHECK(f.order == std::vector<int>{1, 3});
  }
  SECTION("or back into the count") {
    c.reset();
    CHECK(f.places.available() == 2);
    CHECK(f.queue.empty());
  }
}

TEST_CASE("what is dropped in the queue after 128 acquisitions in a row is given back") {
  ready_queue queue;
  semaphore places(1);
  const auto often = [](semaphore& from, int& count) -> task<> {
    for (; count < 1000; ++count) static_cast<void>(co_await from.acquire());
  };
  int count = 0;
  {
    const test::root<> a(queue, often(places, count));
    queue.run(1);
    CHECK(count == static_cast<int>(ready_queue::inline_limit));
    CHECK(places.available() == 0);
  }
  CHECK(places.available() == 1);
}

TEST_CASE("a stop before acquiring takes nothing, one after being given keeps it") {
  fixture f;
  stop_source stop;
  SECTION("before") {
    stop.request_stop();
    const run a = f.start(1, 1, stop.token());
    CHECK_THROWS_AS(a->result(), error);
    CHECK(f.places.available() == 2);
  }
  SECTION("after") {
    run a = f.start(2, 1);
    const run b = f.start(2, 2, stop.token());
    a.reset();
    stop.request_stop();
    f.queue.run(10);
    CHECK(f.order == std::vector<int>{1, 2});
    CHECK_THROWS_AS(b->result(), error);
    CHECK(f.places.available() == 2);
  }
}

task<> contend(semaphore& places, event& go, int rounds, std::size_t count) {
  co_await go.wait();
  for (int i = 0; i < rounds; ++i) {
    const permit held = co_await places.acquire(count);
    co_await test::turn();
  }
}

task<> contenders(semaphore& places) {
  event go;
  scope all(co_await this_context());
  for (std::size_t i = 0; i < 5; ++i) all.spawn(contend(places, go, 30, 1 + i % 3));
  go.set();
  co_await all.join();
}

TEST_CASE("dropping contenders after any resumption loses no count") {
  semaphore places(3);
  ready_queue queue;
  const test::sweep_report swept = test::drop_sweep(
      queue, [&] { return contenders(places); }, [&] { return queue.run(1) == 1; },
      [&] {
        CHECK(places.available() == 3);
        CHECK_FALSE(places.has_waiters());
        CHECK(queue.empty());
      });
  CHECK(swept.drops > 10);
  CHECK(swept.missed().empty());
}

}  // namespace
