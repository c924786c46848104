#include "s3pager/coro/generator.hpp"

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "s3pager/coro/event.hpp"
#include "s3pager/coro/task.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"

using namespace s3pager;
using namespace s3pager::coro;

namespace {

async_generator<int> count_to(int last, int turns = 0) {
  for (int i = 1; i <= last; ++i) {
    for (int t = 0; t < turns; ++t) co_await test::turn();
    co_yield i;
  }
}

task<std::vector<int>> gather(async_generator<int> from) {
  std::vector<int> all;
  while (const std::optional<int> value = co_await from.next()) all.push_back(*value);
  co_return all;
}

TEST_CASE("a generator gives its values in order, at once or later, and then stays at its end") {
  for (const int turns : {0, 1, 3}) CHECK(test::drive(gather(count_to(4, turns))) == std::vector<int>{1, 2, 3, 4});
  const auto past_the_end = []() -> task<int> {
    async_generator<int> one = count_to(1);
    int values = 0;
    for (int i = 0; i < 4; ++i)
      if (const auto value = co_await one.next()) ++values;
    co_return values;
  };
  CHECK(test::drive(past_the_end()) == 1);
  CHECK(test::drive(gather(async_generator<int>())).empty());
}

TEST_CASE("a generator runs only as far as it is asked") {
  const auto noting = [](int& reached) -> async_generator<int> {
    for (reached = 1;; ++reached) co_yield reached;
  };
  const auto work = [&noting](int& reached) -> task<> {
    async_generator<int> values = noting(reached);
    CHECK(reached == 0);
    static_cast<void>(co_await values.next());
    CHECK(reached == 1);
    static_cast<void>(co_await values.next());
    CHECK(reached == 2);
  };
  int reached = 0;
  test::drive(work(reached));
}

TEST_CASE("five million values that come at once do not grow the stack") {
  const auto sum = []() -> task<std::int64_t> {
    std::int64_t total = 0;
    async_generator<int> values = count_to(5'000'000);
    while (const auto value = co_await values.next()) total += *value;
    co_return total;
  };
  CHECK(test::drive(sum()) == 12'500'002'500'000);
}

TEST_CASE("a consumer of values that come at once lets others have their turn") {
  ready_queue queue;
  const auto consume = [](int& count) -> task<> {
    async_generator<int> values = count_to(1000);
    while (const auto value = co_await values.next()) count = *value;
  };
  int count = 0;
  const test::root<> run(queue, consume(count));
  queue.run(1);
  CHECK(count == static_cast<int>(ready_queue::inline_limit));
}

TEST_CASE("generators nest, and move out of functions and between values") {
  const auto squares = [](async_generator<int> inner) -> async_generator<std::string> {
    while (const auto value = co_await inner.next()) co_yield std::to_string(*value * *value);
  };
  const auto work = [&squares]() -> task<std::string> {
    std::string text;
    async_generator<std::string> first = squares(count_to(4, 1));
    text += *co_await first.next() + ' ';
    async_generator<std::string> second = std::move(first);
    CHECK_FALSE(first);
    const auto none = co_await first.next();
    CHECK_FALSE(none);
    text += *co_await second.next() + ' ';
    first = std::move(second);
    while (const auto value = co_await first.next()) text += *value + ' ';
    co_return text;
  };
  const std::size_t live = frame_pool::local().live();
  CHECK(test::drive(work()) == "1 4 9 16 ");
  CHECK(frame_pool::local().live() == live);
}

TEST_CASE("an exception comes out of next() once, after the values before it, and the end follows") {
  const auto fails = [](int turns) -> async_generator<int> {
    co_yield 1;
    for (int i = 0; i < turns; ++i) co_await test::turn();
    throw std::runtime_error("in the body");
  };
  const auto work = [&fails](int turns) -> task<std::string> {
    std::string seen;
    async_generator<int> values = fails(turns);
    for (int i = 0; i < 4; ++i) {
      try {
        const auto value = co_await values.next();
        seen += value ? "value " : "end ";
      } catch (const std::runtime_error& e) {
        seen += e.what() + std::string(" ");
      }
    }
    co_return seen;
  };
  CHECK(test::drive(work(0)) == "value in the body end end ");
  CHECK(test::drive(work(2)) == "value in the body end end ");
}

struct row {
  std::string key = {};
  std::unique_ptr<int> value = nullptr;
};

TEST_CASE("plain structs and move-only values pass through a generator unharmed") {
  const auto rows = [](int turns) -> async_generator<row> {
    for (int i = 0; i < 3; ++i) {
      for (int t = 0; t < turns; ++t) co_await test::turn();
      row next{.key = std::string(64, 'k'), .value = std::make_unique<int>(i)};
      co_yield std::move(next);
    }
  };
  const auto work = [&rows](int turns) -> task<int> {
    int total = 0;
    async_generator<row> values = rows(turns);
    while (auto each = co_await values.next()) total += static_cast<int>(each->key.size()) + *each->value;
    co_return total;
  };
  CHECK(test::drive(work(0)) == 195);
  CHECK(test::drive(work(1)) == 195);
}

async_generator<int> waits_before_each(event& go) {
  for (int i = 1;; ++i) {
    co_await go.wait();
    co_yield i;
  }
}

task<> take_one(async_generator<int>& from, std::vector<int>& into) {
  if (const auto value = co_await from.next()) into.push_back(*value);
}

TEST_CASE("a generator whose next() was dropped goes on in the background, and keeps the value for the following one") {
  ready_queue queue;
  event go;
  std::vector<int> got;
  async_generator<int> values = waits_before_each(go);
  {
    const test::root<> dropped(queue, take_one(values, got));
    queue.run(10);
    SECTION("dropped while the body waits") {}
    SECTION("dropped when the body is ready to go on") { go.set(); }
    SECTION("dropped when the value is there") {
      go.set();
      CHECK(queue.run(1) == 1);
    }
  }
  SECTION("the value comes before the following next()") {
    go.set();
    queue.run(10);
  }
  const test::root<> second(queue, take_one(values, got));
  queue.run(10);
  go.set();
  queue.run(10);
  CHECK(second.done());
  const test::root<> third(queue, take_one(values, got));
  queue.run(10);
  CHECK(third.done());
  CHECK(got == std::vector<int>{1, 2});
}

TEST_CASE("a generator may be destroyed while its body runs in the background") {
  const std::size_t live = frame_pool::local().live();
  ready_queue queue;
  event go;
  std::vector<int> got;
  async_generator<int> values = waits_before_each(go);
  {
    const test::root<> dropped(queue, take_one(values, got));
    queue.run(10);
  }
  SECTION("waiting") {}
  SECTION("woken") { go.set(); }
  values.reset();
  CHECK_FALSE(values);
  CHECK(frame_pool::local().live() == live);
  CHECK(queue.empty());
}

TEST_CASE("an exception in the background is kept for the following next()") {
  ready_queue queue;
  event go;
  std::vector<int> got;
  const auto fails = [](event& what) -> async_generator<int> {
    co_await what.wait();
    throw std::runtime_error("in the background");
    co_yield 1;
  };
  async_generator<int> values = fails(go);
  {
    const test::root<> dropped(queue, take_one(values, got));
    queue.run(10);
  }
  go.set();
  queue.run(10);
  test::root<> second(queue, take_one(values, got));
  queue.run(10);
  CHECK_THROWS_WITH(second.result(), "in the background");
  test::root<> third(queue, take_one(values, got));
  queue.run(10);
  third.result();
  CHECK(got.empty());
}

TEST_CASE("a stop ends what a generator waits for") {
  ready_queue queue;
  event go;
  std::vector<int> got;
  async_generator<int> values = waits_before_each(go);
  const stop_source stop;
  test::root<> run(queue, take_one(values, got), stop.token());
  queue.run(10);
  stop.request_stop();
  queue.run(10);
  REQUIRE(run.done());
  CHECK_THROWS_AS(run.result(), error);
}

TEST_CASE("nested generators dropped after any resumption leave no frame") {
  const auto doubled = [](async_generator<int> inner) -> async_generator<std::unique_ptr<int>> {
    while (const auto value = co_await inner.next()) {
      std::unique_ptr<int> next = std::make_unique<int>(2 * *value);
      co_yield std::move(next);
      co_await test::turn();
    }
  };
  const auto work = [&doubled]() -> task<> {
    int total = 0;
    async_generator<std::unique_ptr<int>> values = doubled(count_to(5, 1));
    while (const auto value = co_await values.next()) {
      total += **value;
      if (total > 6) co_await test::turn();
    }
    if (total != 30) throw std::logic_error(std::to_string(total));
  };
  const test::sweep_report swept = test::drop_sweep(work);
  CHECK(swept.drops > 15);
  CHECK(swept.missed().empty());
}

}  // namespace
