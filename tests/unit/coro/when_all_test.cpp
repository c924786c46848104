#include "s3pager/coro/when_all.hpp"

#include <memory>
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

task<std::string> text_after(int turns, std::string text) {
  for (int i = 0; i < turns; ++i) co_await test::turn();
  co_return text;
}

task<std::unique_ptr<int>> number_after(int turns, int number) {
  for (int i = 0; i < turns; ++i) co_await test::turn();
  co_return std::make_unique<int>(number);
}

task<> count_after(int turns, int& count) {
  for (int i = 0; i < turns; ++i) co_await test::turn();
  ++count;
}

task<std::string> fail_after(int turns, const char* what) {
  for (int i = 0; i < turns; ++i) co_await test::turn();
  throw std::runtime_error(what);
}

task<std::string> wait_for(event& what, bool& stopped) {
  try {
    co_await what.wait();
  } catch (const error& e) {
    stopped = e.code() == errc::cancelled;
    throw;
  }
  co_return "came";
}

TEST_CASE("when_all of a vector gives all results in the order of the tasks") {
  const auto work = []() -> task<std::vector<std::unique_ptr<int>>> {
    std::vector<task<std::unique_ptr<int>>> tasks;
    tasks.push_back(number_after(3, 1));
    tasks.push_back(number_after(0, 2));
    tasks.push_back(number_after(1, 3));
    co_return co_await when_all(std::move(tasks));
  };
  const auto results = test::drive(work());
  REQUIRE(results.size() == 3);
  CHECK(*results[0] == 1);
  CHECK(*results[1] == 2);
  CHECK(*results[2] == 3);
}

TEST_CASE("when_all of nothing gives nothing") {
  CHECK(test::drive(when_all(std::vector<task<int>>())).empty());
  test::drive(when_all(std::vector<task<>>()));
}

TEST_CASE("when_all of tasks without results waits for all") {
  int count = 0;
  std::vector<task<>> tasks;
  for (int i = 0; i < 5; ++i) tasks.push_back(count_after(i, count));
  test::drive(when_all(std::move(tasks)));
  CHECK(count == 5);
}

TEST_CASE("when_all of different types gives a struct of their results") {
  int count = 0;
  const auto two = []() -> task<std::string> {
    auto [text, number] = co_await when_all(text_after(2, std::string(64, 't')), number_after(1, 7));
    co_return text + std::to_string(*number);
  };
  CHECK(test::drive(two()) == std::string(64, 't') + "7");
  const auto three = [](int& counted) -> task<int> {
    auto result = co_await when_all(count_after(2, counted), number_after(1, 7), text_after(0, "x"));
    static_assert(std::is_same_v<decltype(result.first), std::monostate>);
    co_return *result.second + counted + static_cast<int>(result.third.size());
  };
  CHECK(test::drive(three(count)) == 9);
  const auto four = []() -> task<std::string> {
    auto [a, b, c, d] =
        co_await when_all(text_after(3, "a"), text_after(2, "b"), text_after(1, "c"), text_after(0, "d"));
    co_return a + b + c + d;
  };
  CHECK(test::drive(four()) == "abcd");
}

TEST_CASE("the first failure stops the others, is rethrown when all have ended, and leaves no frame") {
  event never;
  bool stopped = false;
  const std::size_t live = frame_pool::local().live();
  const auto work = [](event& e, bool& s) -> task<> {
    co_await when_all(wait_for(e, s), fail_after(2, "second"), fail_after(1, "first"));
  };
  CHECK_THROWS_WITH(test::drive(work(never, stopped)), "first");
  CHECK(stopped);
  CHECK(frame_pool::local().live() == live);
}

TEST_CASE("a stop of the context ends when_all with cancelled") {
  ready_queue queue;
  event never;
  bool stopped = false;
  stop_source stop;
  std::vector<task<std::string>> tasks;
  tasks.push_back(wait_for(never, stopped));
  tasks.push_back(text_after(1, "quick"));
  test::root<std::vector<std::string>> run(queue, when_all(std::move(tasks)), stop.token());
  queue.run(100);
  CHECK_FALSE(run.done());
  stop.request_stop();
  queue.run(100);
  REQUIRE(run.done());
  CHECK(stopped);
  CHECK_THROWS_AS(run.result(), error);
}

TEST_CASE("when_all dropped after any resumption leaves no frame") {
  const auto work = []() -> task<> {
    event go;
    bool stopped = false;
    std::vector<task<std::string>> inner;
    inner.push_back(text_after(3, std::string(64, 'a')));
    inner.push_back(wait_for(go, stopped));
    const auto set_after = [](event& e) -> task<> {
      co_await test::turn();
      e.set();
    };
    auto [texts, none] = co_await when_all(when_all(std::move(inner)), set_after(go));
    if (texts[1] != "came") throw std::logic_error(texts[1]);
  };
  const test::sweep_report swept = test::drop_sweep(work);
  CHECK(swept.drops > 5);
  CHECK(swept.missed().empty());
}

}  // namespace
