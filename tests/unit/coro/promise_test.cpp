#include "s3pager/coro/promise.hpp"

#include <memory>
#include <optional>

#include "s3pager/coro/event.hpp"
#include "s3pager/coro/task.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"

using namespace s3pager;
using namespace s3pager::coro;

namespace {

task<context> own_context() { co_return co_await this_context(); }

task<context> childs_context() {
  const context own = co_await this_context();
  const context childs = co_await own_context();
  CHECK(own.queue == childs.queue);
  CHECK(own.stop == childs.stop);
  co_return childs;
}

TEST_CASE("a child runs in the context of who awaits it") {
  const stop_source stop;
  ready_queue queue;
  test::root<context> run(queue, childs_context(), stop.token());
  queue.run(10);
  const context found = run.result();
  CHECK(found.queue == &queue);
  CHECK(found.stop == stop.token().state());
}

class counting final : public completion {
 public:
  int ends = 0;

 private:
  void ended() noexcept override { ++ends; }
};

TEST_CASE("a completion and its coroutine may be destroyed in either order") {
  ready_queue queue;
  event go;
  const auto waits = [](event& what) -> task<> { co_await what.wait(); };
  task<> work = waits(go);
  auto& promise = work.handle().promise();
  promise.inherit({.queue = &queue});
  work.handle().resume();
  auto first = std::make_unique<counting>();
  counting second;
  promise.set_completion(first.get());

  SECTION("the completion first") {
    first.reset();
    go.set();
    queue.run(10);
    CHECK(work.done());
  }
  SECTION("the coroutine first") {
    work.reset();
    CHECK(first->ends == 0);
  }
  SECTION("the completion after it was replaced") {
    promise.set_completion(&second);
    first.reset();
    go.set();
    queue.run(10);
    CHECK(second.ends == 1);
  }
}

TEST_CASE("a drop sweep reports where a coroutine was suspended and dropped") {
  ready_queue queue;
  event go;
  const std::uint_least32_t line = __LINE__ + 1;
  const auto waits = [](event& what) -> task<> { co_await what.wait(); };
  test::sweep_report report;
  {
    const test::site_collector collector(report);
    const test::root<> dropped(queue, waits(go));
    queue.run(10);
  }
  REQUIRE(report.suspended.size() == 1);
  CHECK(report.suspended.begin()->line == line);
  CHECK(report.suspended.begin()->file == __FILE__);
  CHECK(report.dropped == report.suspended);
}

}  // namespace
