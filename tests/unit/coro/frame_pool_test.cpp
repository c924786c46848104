#include "s3pager/coro/frame_pool.hpp"

#include <vector>

#include "support/catch.hpp"

using s3pager::coro::frame_pool;

namespace {

TEST_CASE("a frame pool counts what lives") {
  frame_pool pool;
  std::vector<void*> small;
  for (int i = 0; i < 10; ++i) small.push_back(pool.allocate(100));
  void* large = pool.allocate(1 << 20);
  CHECK(pool.live() == 11);
  for (void* memory : small) pool.deallocate(memory, 100);
  CHECK(pool.live() == 1);
  pool.deallocate(large, 1 << 20);
  CHECK(pool.live() == 0);
}

#ifndef S3PAGER_PLAIN_FRAMES
TEST_CASE("a frame pool gives freed memory to the next frame of about that size") {
  frame_pool pool;
  void* first = pool.allocate(100);
  pool.deallocate(first, 100);
  void* other_class = pool.allocate(129);
  CHECK(other_class != first);
  CHECK(pool.allocate(128) == first);
  pool.deallocate(first, 128);
  pool.deallocate(other_class, 129);
}
#endif

}  // namespace
