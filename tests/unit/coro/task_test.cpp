#include "s3pager/coro/task.hpp"

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "s3pager/coro/event.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"

using namespace s3pager;
using namespace s3pager::coro;

namespace {

// Not inlined: clang would put its frame into that of its caller, where nothing counts it.
[[gnu::noinline]] task<int> number(int value) { co_return value; }

[[gnu::noinline]] task<> wait_for(event& what) { co_await what.wait(); }

task<std::unique_ptr<int>> number_after(int turns, int value) {
  for (int i = 0; i < turns; ++i) co_await test::turn();
  co_return std::make_unique<int>(value);
}

TEST_CASE("a task runs when it is awaited, not before") {
  bool ran = false;
  const auto sets = [](bool& flag) -> task<> {
    flag = true;
    co_return;
  };
  task<> work = sets(ran);
  CHECK(work);
  CHECK_FALSE(work.done());
  CHECK_FALSE(ran);
  test::drive(std::move(work));
  CHECK(ran);
  CHECK_FALSE(work);
}

TEST_CASE("a task gives what its coroutine returns, move-only too, at once or later") {
  const auto sum = []() -> task<int> {
    int total = co_await number(1);
    task<std::unique_ptr<int>> named = number_after(0, 10);
    total += *co_await std::move(named);
    total += *co_await number_after(3, 100);
    co_return total;
  };
  CHECK(test::drive(sum()) == 111);
}

TEST_CASE("a task throws what its coroutine throws, at once or later") {
  const auto fails = [](int turns) -> task<> {
    for (int i = 0; i < turns; ++i) co_await test::turn();
    throw std::runtime_error("after " + std::to_string(turns));
  };
  const auto catches = [&fails](int turns) -> task<std::string> {
    std::string what;
    try {
      co_await fails(turns);
    } catch (const std::runtime_error& e) {
      what = e.what();
    }
    co_return what;
  };
  CHECK(test::drive(catches(0)) == "after 0");
  CHECK(test::drive(catches(2)) == "after 2");
  CHECK_THROWS_WITH(test::drive(fails(1)), "after 1");
}

TEST_CASE("five million tasks that end at once do not grow the stack") {
  const auto many = []() -> task<std::int64_t> {
    std::int64_t total = 0;
    for (int i = 0; i < 5'000'000; ++i) total += co_await number(1);
    co_return total;
  };
  const std::size_t live = frame_pool::local().live();
  CHECK(test::drive(many()) == 5'000'000);
  CHECK(frame_pool::local().live() == live);
}

TEST_CASE("a coroutine whose awaits end at once lets others have their turn") {
  ready_queue queue;
  const auto loops = [](int& count) -> task<> {
    for (; count < 1000; ++count) co_await number(1);
  };
  int first = 0;
  int second = 0;
  const test::root<> a(queue, loops(first));
  const test::root<> b(queue, loops(second));
  queue.run(2);
  CHECK(first == static_cast<int>(ready_queue::inline_limit));
  CHECK(second == static_cast<int>(ready_queue::inline_limit));
}

struct report {
  std::string name = {};
  std::vector<std::string> lines = {};
};

TEST_CASE("a plain struct passes through a task unharmed") {
  const auto inner = [](int turns) -> task<report> {
    for (int i = 0; i < turns; ++i) co_await test::turn();
    co_return report{.name = std::string(64, 'n'), .lines = {std::string(64, 'a'), std::string(64, 'b')}};
  };
  const auto outer = [&inner](int turns) -> task<report> {
    auto [name, lines] = co_await inner(turns);
    lines.push_back((co_await inner(turns)).name);
    co_return report{.name = std::move(name), .lines = std::move(lines)};
  };
  for (const int turns : {0, 1}) {
    const report result = test::drive(outer(turns));
    CHECK(result.name == std::string(64, 'n'));
    CHECK(result.lines == std::vector<std::string>{std::string(64, 'a'), std::string(64, 'b'), std::string(64, 'n')});
  }
}

TEST_CASE("dropping a task, started or not, destroys its frame and those it awaits") {
  const std::size_t live = frame_pool::local().live();
  ready_queue queue;
  event go;
  const auto outer = [](event& what) -> task<> {
    task<> named = wait_for(what);
    co_await std::move(named);
  };
  {
    const test::root<> run(queue, outer(go));
    CHECK(frame_pool::local().live() == live + 1);
    SECTION("not started") {}
    SECTION("started") {
      queue.run(10);
      CHECK(frame_pool::local().live() == live + 2);
    }
    SECTION("woken") {
      queue.run(10);
      go.set();
    }
  }
  CHECK(frame_pool::local().live() == live);
  CHECK(queue.empty());
  go.set();
}

TEST_CASE("a task that outlives the await that was dropped may still end") {
  ready_queue queue;
  event go;
  bool ended = false;
  const auto waits = [](event& what, bool& flag) -> task<> {
    co_await what.wait();
    flag = true;
  };
  task<> outside = waits(go, ended);
  const auto awaits = [](task<>& what) -> task<> { co_await std::move(what); };
  {
    const test::root<> run(queue, awaits(outside));
    queue.run(10);
  }
  go.set();
  queue.run(10);
  CHECK(ended);
  CHECK(outside.done());
}

TEST_CASE("a moved task is the one that runs; assigning to one destroys what it was") {
  const std::size_t live = frame_pool::local().live();
  task<int> a = number(1);
  task<int> b = number(2);
  CHECK(frame_pool::local().live() == live + 2);
  b = std::move(a);
  CHECK(frame_pool::local().live() == live + 1);
  CHECK_FALSE(a);
  CHECK(test::drive(std::move(b)) == 1);
}

TEST_CASE("nested tasks dropped after any resumption leave no frame") {
  const auto leaf = [](int depth) -> task<std::unique_ptr<int>> {
    co_return co_await number_after(depth, depth);
  };
  const auto work = [&leaf]() -> task<> {
    for (int i = 0; i < 5; ++i) {
      const std::unique_ptr<int> value = co_await leaf(i);
      if (*value != i) throw std::logic_error("not what was returned");
    }
  };
  const test::sweep_report swept = test::drop_sweep(work);
  CHECK(swept.drops == 1 + 10 + 2 * 4);  // the start, the turns, and two returns of each leaf that took any
  CHECK(swept.missed().empty());
}

}  // namespace
