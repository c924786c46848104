#include "s3pager/coro/event.hpp"

#include <vector>

#include "s3pager/coro/scope.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"

using namespace s3pager;
using namespace s3pager::coro;

namespace {

task<> wait_and_note(event& what, int who, std::vector<int>& order) {
  co_await what.wait();
  order.push_back(who);
}

TEST_CASE("an event that is set lets a coroutine go on at once") {
  event ready(true);
  std::vector<int> order;
  test::drive(wait_and_note(ready, 1, order));
  CHECK(order == std::vector<int>{1});
}

TEST_CASE("setting an event wakes all who wait, in the order in which they came, and resumes none") {
  ready_queue queue;
  event ready;
  std::vector<int> order;
  test::root<> a(queue, wait_and_note(ready, 1, order));
  test::root<> b(queue, wait_and_note(ready, 2, order));
  CHECK(queue.run(10) == 2);
  CHECK(queue.empty());

  ready.set();
  ready.set();
  CHECK(ready.is_set());
  CHECK(order.empty());
  SECTION("even if it is reset before their turn") {
    ready.reset();
    CHECK_FALSE(ready.is_set());
  }
  CHECK(queue.run(10) == 2);
  CHECK(order == std::vector<int>{1, 2});
  CHECK(a.done());
  CHECK(b.done());
}

TEST_CASE("an event that was reset makes the next ones wait again") {
  ready_queue queue;
  event ready(true);
  ready.reset();
  std::vector<int> order;
  test::root<> a(queue, wait_and_note(ready, 1, order));
  queue.run(10);
  CHECK_FALSE(a.done());
  ready.set();
  queue.run(10);
  CHECK(a.done());
}

TEST_CASE("a stop ends the wait for an event with cancelled") {
  ready_queue queue;
  event ready;
  std::vector<int> order;
  stop_source stop;
  test::root<> a(queue, wait_and_note(ready, 1, order), stop.token());

  SECTION("requested before the wait") { stop.request_stop(); }
  SECTION("requested before the wait for what is set already") {
    ready.set();
    stop.request_stop();
  }
  SECTION("requested during the wait") {
    queue.run(10);
    stop.request_stop();
    CHECK_FALSE(a.done());
    ready.set();
  }
  queue.run(10);
  REQUIRE(a.done());
  try {
    a.result();
    FAIL("nothing was thrown");
  } catch (const error& e) {
    CHECK(e.code() == errc::cancelled);
    CHECK(e.details().message == "waiting for an event was stopped");
  }
  CHECK(order.empty());
}

TEST_CASE("a stop that comes after the event was set does not undo it") {
  ready_queue queue;
  event ready;
  std::vector<int> order;
  stop_source stop;
  test::root<> a(queue, wait_and_note(ready, 1, order), stop.token());
  queue.run(10);
  ready.set();
  stop.request_stop();
  queue.run(10);
  a.result();
  CHECK(order == std::vector<int>{1});
}

TEST_CASE("a wait dropped before or after it was woken leaves no trace") {
  ready_queue queue;
  event ready;
  std::vector<int> order;
  test::root<> kept(queue, wait_and_note(ready, 1, order));
  {
    test::root<> dropped(queue, wait_and_note(ready, 2, order));
    queue.run(10);
    SECTION("before") {}
    SECTION("after") { ready.set(); }
  }
  ready.set();
  queue.run(10);
  CHECK(order == std::vector<int>{1});
  CHECK(queue.empty());
}

TEST_CASE("waiting for an event that stays set lets others have their turn") {
  ready_queue queue;
  event ready(true);
  const auto wait_often = [](event& what, int& count) -> task<> {
    for (; count < 1000; ++count) co_await what.wait();
  };
  int count = 0;
  test::root<> a(queue, wait_often(ready, count));
  CHECK(queue.run(1) == 1);
  CHECK(count == static_cast<int>(ready_queue::inline_limit));
  CHECK_FALSE(queue.empty());
  while (queue.run(1) == 1) {
  }
  CHECK(count == 1000);
}

}  // namespace
