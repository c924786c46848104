#include "s3pager/ring/waker.hpp"

#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "support/catch.hpp"

using namespace s3pager;
using namespace s3pager::ring;

namespace {

std::uint64_t drained(const waker& from) {
  std::uint64_t count = 0;
  if (::read(from.fd(), &count, sizeof count) != sizeof count) return 0;
  return count;
}

TEST_CASE("waking costs one write until it is acknowledged") {
  const auto one = make_ref<waker>();
  CHECK(drained(*one) == 0);
  one->wake();
  one->wake();
  CHECK(drained(*one) == 1);
  one->wake();
  CHECK(drained(*one) == 0);
  one->acknowledge();
  one->wake();
  CHECK(drained(*one) == 1);
}

TEST_CASE("what threads leave before they wake is seen after the acknowledgement") {
  const auto one = make_ref<waker>();
  constexpr int threads = 3;
  constexpr int each = 20'000;
  std::atomic<int> left{0};
  std::vector<std::thread> wakers;
  for (int i = 0; i < threads; ++i)
    wakers.emplace_back([&] {
      for (int j = 0; j < each; ++j) {
        left.fetch_add(1, std::memory_order_relaxed);
        one->wake();
      }
    });
  int seen = 0;
  while (seen < threads * each) {
    if (drained(*one) == 0) {
      std::this_thread::yield();
      continue;
    }
    one->acknowledge();
    seen = left.load(std::memory_order_relaxed);
  }
  for (std::thread& thread : wakers) thread.join();
  CHECK(seen == threads * each);
}

}  // namespace
