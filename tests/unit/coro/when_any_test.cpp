#include "s3pager/coro/when_any.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "s3pager/coro/event.hpp"
#include "s3pager/coro/generator.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"

using namespace s3pager;
using namespace s3pager::coro;

namespace {

// Says when a frame that held it is gone.
class witness {
 public:
  explicit witness(int& gone) noexcept : gone_(gone) {}
  witness(const witness&) = delete;
  witness& operator=(const witness&) = delete;
  ~witness() { ++gone_; }

 private:
  int& gone_;
};

task<std::string> text_after(int turns, std::string text, int& gone) {
  const witness here(gone);
  for (int i = 0; i < turns; ++i) co_await test::turn();
  co_return text;
}

task<std::string> fail_after(int turns, const char* what) {
  for (int i = 0; i < turns; ++i) co_await test::turn();
  throw std::runtime_error(what);
}

task<> wait_for(event& what) { co_await what.wait(); }

TEST_CASE("when_any gives the first that ends, and destroys the others before") {
  const auto work = []() -> task<> {
    int gone = 0;
    std::vector<task<std::string>> tasks;
    tasks.push_back(text_after(5, "slow", gone));
    tasks.push_back(text_after(1, "quick", gone));
    tasks.push_back(text_after(1, "as quick, but later in line", gone));
    const std::size_t live = frame_pool::local().live();
    const auto first = co_await when_any(std::move(tasks));
    CHECK(first.index == 1);
    CHECK(first.value == "quick");
    CHECK(gone == 3);
    CHECK(frame_pool::local().live() == live - 3);
  };
  test::drive(work());
}

TEST_CASE("when_any takes tasks one by one too, and tasks without a result") {
  const auto work = []() -> task<> {
    int gone = 0;
    const auto text = co_await when_any(text_after(2, "b", gone), text_after(0, std::string(64, 'a'), gone));
    CHECK(text.index == 1);
    CHECK(text.value == std::string(64, 'a'));
    event never;
    event set(true);
    const auto none = co_await when_any(wait_for(never), wait_for(set), wait_for(never));
    CHECK(none.index == 1);
    const auto alone = co_await when_any(wait_for(set));
    CHECK(alone.index == 0);
  };
  test::drive(work());
}

TEST_CASE("when_any throws what the first to end threw") {
  const auto work = [](int& gone) -> task<> { co_await when_any(text_after(5, "x", gone), fail_after(1, "first")); };
  int gone = 0;
  CHECK_THROWS_WITH(test::drive(work(gone)), "first");
  CHECK(gone == 1);
}

TEST_CASE("when_any of nothing is refused") {
  try {
    test::drive(when_any(std::vector<task<int>>()));
    FAIL("nothing was thrown");
  } catch (const error& e) {
    CHECK(e.code() == errc::invalid_argument);
  }
}

TEST_CASE("a stop of the context ends when_any with cancelled") {
  ready_queue queue;
  event never;
  stop_source stop;
  test::root<when_any_result<void>> run(queue, when_any(wait_for(never), wait_for(never)), stop.token());
  queue.run(100);
  CHECK_FALSE(run.done());
  stop.request_stop();
  queue.run(100);
  REQUIRE(run.done());
  CHECK_THROWS_AS(run.result(), error);
}

TEST_CASE("a generator whose next() lost goes on, and gives its value to the following next()") {
  const auto numbers = [](event& go) -> async_generator<int> {
    co_await go.wait();
    co_yield 1;
    co_await test::turn();
    co_yield 2;
  };
  const auto work = [&numbers]() -> task<> {
    event go;
    event now(true);
    auto values = numbers(go);
    const auto ask = [](async_generator<int>& from) -> task<> {
      static_cast<void>(co_await from.next());
      FAIL("the loser went on");
    };
    const auto first = co_await when_any(ask(values), wait_for(now));
    CHECK(first.index == 1);
    go.set();
    std::vector<int> got;
    while (const auto value = co_await values.next()) got.push_back(*value);
    CHECK(got == std::vector<int>{1, 2});
  };
  test::drive(work());
}

task<> one_of(event& never, int& gone) {
  std::vector<task<std::string>> tasks;
  tasks.push_back(text_after(1, "won", gone));
  const auto nested = [](std::vector<task<std::string>> inner) -> task<> { co_await when_any(std::move(inner)); };
  co_await when_any(wait_for(never), nested(std::move(tasks)));
}

TEST_CASE("when_any dropped after any resumption leaves no frame") {
  const auto work = []() -> task<> {
    int gone = 0;
    event never;
    for (int i = 0; i < 4; ++i) {
      const auto first = co_await when_any(text_after(i, "a", gone), text_after(2, "b", gone), text_after(3, "c", gone));
      if (first.index != (i <= 2 ? 0U : 1U)) throw std::logic_error(std::to_string(first.index));
      co_await one_of(never, gone);
    }
  };
  const test::sweep_report swept = test::drop_sweep(work);
  CHECK(swept.drops > 20);
  CHECK(swept.missed().empty());
}

}  // namespace
