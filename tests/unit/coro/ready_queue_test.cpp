#include "s3pager/coro/ready_queue.hpp"

#include <memory>
#include <vector>

#include "support/catch.hpp"
#include "support/drive.hpp"

using namespace s3pager;
using namespace s3pager::coro;

namespace {

task<> note(int who, int turns, std::vector<int>& order) {
  for (int i = 0; i < turns; ++i) {
    order.push_back(who);
    co_await test::turn();
  }
}

TEST_CASE("a ready queue resumes in the order in which coroutines became ready, up to its budget") {
  ready_queue queue;
  std::vector<int> order;
  const test::root<> a(queue, note(1, 2, order));
  const test::root<> b(queue, note(2, 2, order));
  CHECK(queue.run(0) == 0);
  CHECK(queue.run(3) == 3);
  CHECK(order == std::vector<int>{1, 2, 1});
  CHECK_FALSE(queue.empty());
  CHECK(queue.run(100) == 3);
  CHECK(order == std::vector<int>{1, 2, 1, 2});
  CHECK(queue.empty());
  CHECK(queue.resumptions() == 6);
}

TEST_CASE("destroying a coroutine takes it off the ready queue") {
  ready_queue queue;
  std::vector<int> order;
  auto a = std::make_unique<test::root<>>(queue, note(1, 1, order));
  const test::root<> b(queue, note(2, 1, order));
  a.reset();
  CHECK(queue.run(100) == 2);
  CHECK(order == std::vector<int>{2});
}

TEST_CASE("one await in every inline_limit does not go on inline") {
  ready_queue queue;
  for (int round = 0; round < 3; ++round) {
    for (std::uint32_t i = 0; i < ready_queue::inline_limit; ++i) REQUIRE(queue.may_continue_inline());
    CHECK_FALSE(queue.may_continue_inline());
  }
}

}  // namespace
