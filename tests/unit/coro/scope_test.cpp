#include "s3pager/coro/scope.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "s3pager/coro/event.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"

using namespace s3pager;
using namespace s3pager::coro;

namespace {

task<> count_after(int turns, int& count) {
  for (int i = 0; i < turns; ++i) co_await test::turn();
  ++count;
}

task<> fail_after(int turns, const char* what) {
  for (int i = 0; i < turns; ++i) co_await test::turn();
  throw std::runtime_error(what);
}

task<> wait_for(event& what, int& cancelled) {
  try {
    co_await what.wait();
  } catch (const error& e) {
    if (e.code() == errc::cancelled) ++cancelled;
    throw;
  }
}

TEST_CASE("a scope's tasks start from the ready queue, and join waits for all") {
  const auto work = [](int& count) -> task<> {
    scope all(co_await this_context());
    for (int i = 0; i < 5; ++i) all.spawn(count_after(i, count));
    CHECK(count == 0);
    CHECK(all.size() == 5);
    CHECK_FALSE(all.idle());
    co_await all.join();
    CHECK(count == 5);
    CHECK(all.idle());
    co_await all.join();
    all.spawn(count_after(1, count));
    co_await all.join();
  };
  int count = 0;
  test::drive(work(count));
  CHECK(count == 6);
}

TEST_CASE("the first failure stops the siblings, and join throws it once when all have ended") {
  const auto work = [](int& cancelled, std::string& thrown) -> task<> {
    event never;
    scope all(co_await this_context());
    all.spawn(wait_for(never, cancelled));
    all.spawn(fail_after(2, "first"));
    all.spawn(fail_after(3, "second"));
    all.spawn(wait_for(never, cancelled));
    try {
      co_await all.join();
    } catch (const std::exception& e) {
      thrown = e.what();
    }
    CHECK(all.idle());
    CHECK_FALSE(all.failed());
    co_await all.join();
    // What comes later finds the stop.
    all.spawn(wait_for(never, cancelled));
    bool again = false;
    try {
      co_await all.join();
    } catch (const error& e) {
      again = e.code() == errc::cancelled;
    }
    CHECK(again);
  };
  int cancelled = 0;
  std::string thrown;
  test::drive(work(cancelled, thrown));
  CHECK(thrown == "first");
  CHECK(cancelled == 3);
}

TEST_CASE("a stop from outside stops the tasks, and join still waits for their end") {
  ready_queue queue;
  int cancelled = 0;
  int counted = 0;
  const auto work = [](int& stopped, int& count) -> task<> {
    event never;
    scope all(co_await this_context());
    all.spawn(wait_for(never, stopped));
    all.spawn(count_after(5, count));
    co_await all.join();
  };
  const stop_source stop;
  test::root<> run(queue, work(cancelled, counted), stop.token());
  SECTION("before the scope was made") { stop.request_stop(); }
  SECTION("while it waits") {
    queue.run(4);
    stop.request_stop();
  }
  queue.run(100);
  REQUIRE(run.done());
  CHECK_THROWS_AS(run.result(), error);
  CHECK(cancelled == 1);
  CHECK(counted == 1);
}

TEST_CASE("a stop of a scope reaches its tasks and not those around it") {
  const auto work = [](int& cancelled) -> task<> {
    event never;
    const context own = co_await this_context();
    scope all(own);
    all.spawn(wait_for(never, cancelled));
    co_await test::turn();
    all.request_stop();
    CHECK(all.token().stop_requested());
    CHECK_FALSE(own.stop->requested());
    bool thrown = false;
    try {
      co_await all.join();
    } catch (const error&) {
      thrown = true;
    }
    CHECK(thrown);
  };
  int cancelled = 0;
  const stop_source stop;
  test::drive(work(cancelled), stop.token());
  CHECK(cancelled == 1);
}

task<> spawns_more(scope& into, int depth, int& count) {
  ++count;
  if (depth == 0) co_return;
  into.spawn(spawns_more(into, depth - 1, count));
  into.spawn(spawns_more(into, depth - 1, count));
  if (depth % 2 == 0) co_await test::turn();
  into.spawn(count_after(0, count));
}

TEST_CASE("a task may spawn into its own scope") {
  const auto work = [](int& count) -> task<> {
    scope all(co_await this_context());
    all.spawn(spawns_more(all, 3, count));
    co_await all.join();
  };
  int count = 0;
  test::drive(work(count));
  CHECK(count == 15 + 7);
}

// Spawns when the frame that holds it is freed.
class spawns_at_end {
 public:
  spawns_at_end(scope& into, int& count) noexcept : into_(&into), count_(&count) {}
  spawns_at_end(spawns_at_end&& other) noexcept : into_(std::exchange(other.into_, nullptr)), count_(other.count_) {}
  spawns_at_end& operator=(spawns_at_end&&) = delete;
  ~spawns_at_end() {
    if (into_ != nullptr) into_->spawn(count_after(0, *count_));
  }

 private:
  scope* into_;
  int* count_;
};

TEST_CASE("a task may be spawned from a destructor while finished frames or the whole scope are cleared") {
  const std::size_t live = frame_pool::local().live();
  const auto holds = [](spawns_at_end, int turns) -> task<> {
    for (int i = 0; i < turns; ++i) co_await test::turn();
  };
  const auto work = [&holds](int& count, bool join) -> task<> {
    scope all(co_await this_context());
    all.spawn(holds(spawns_at_end(all, count), 0));
    all.spawn(holds(spawns_at_end(all, count), 9));
    for (int i = 0; i < 3; ++i) co_await test::turn();
    all.spawn(count_after(0, count));
    if (join) co_await all.join();
  };
  int count = 0;
  test::drive(work(count, true));
  CHECK(count >= 2);
  test::drive(work(count, false));
  CHECK(frame_pool::local().live() == live);
}

TEST_CASE("several coroutines may join one scope, and a join may be dropped") {
  ready_queue queue;
  event go;
  int cancelled = 0;
  scope all(context{.queue = &queue});
  all.spawn(wait_for(go, cancelled));
  const auto joins = [](scope& what) -> task<> { co_await what.join(); };
  const test::root<> a(queue, joins(all));
  auto dropped = std::make_unique<test::root<>>(queue, joins(all));
  const test::root<> b(queue, joins(all));
  queue.run(10);
  dropped.reset();
  go.set();
  queue.run(10);
  CHECK(a.done());
  CHECK(b.done());
}

TEST_CASE("destroying a scope destroys its tasks, not started, waiting and finished") {
  const std::size_t live = frame_pool::local().live();
  ready_queue queue;
  event never;
  int cancelled = 0;
  int count = 0;
  {
    scope all(context{.queue = &queue});
    all.spawn(wait_for(never, cancelled));
    all.spawn(count_after(0, count));
    queue.run(10);
    CHECK(count == 1);
    CHECK(all.size() == 1);
    all.spawn(count_after(0, count));
    CHECK(frame_pool::local().live() == live + 2);
  }
  CHECK(frame_pool::local().live() == live);
  CHECK(queue.empty());
  CHECK(cancelled == 0);
}

TEST_CASE("nested scopes dropped after any resumption leave no frame") {
  const auto inner = [](event& go, int& count) -> task<> {
    scope all(co_await this_context());
    for (int i = 0; i < 3; ++i) all.spawn(count_after(i, count));
    all.spawn(wait_for(go, count));
    co_await all.join();
  };
  const auto sets = [](event& go) -> task<> {
    for (int i = 0; i < 3; ++i) co_await test::turn();
    go.set();
  };
  const auto work = [&]() -> task<> {
    event go;
    int count = 0;
    scope all(co_await this_context());
    all.spawn(inner(go, count));
    all.spawn(inner(go, count));
    all.spawn(sets(go));
    co_await all.join();
    if (count != 6) throw std::logic_error(std::to_string(count));
  };
  const test::sweep_report swept = test::drop_sweep(work);
  CHECK(swept.drops > 20);
  CHECK(swept.missed().empty());
}

TEST_CASE("a scope that fails, dropped after any resumption, leaves no frame") {
  const auto work = []() -> task<> {
    event never;
    int cancelled = 0;
    {
      scope all(co_await this_context());
      for (int i = 0; i < 3; ++i) all.spawn(wait_for(never, cancelled));
      all.spawn(fail_after(2, "failed"));
      try {
        co_await all.join();
      } catch (const std::runtime_error&) {
        if (cancelled != 3) throw std::logic_error("not all were stopped");
      }
    }
    co_await test::turn();
  };
  const test::sweep_report swept = test::drop_sweep(work);
  CHECK(swept.drops > 8);
  CHECK(swept.missed().empty());
}

}  // namespace
