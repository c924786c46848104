#include "s3pager/ring/slot_pool.hpp"

#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "support/catch.hpp"

using namespace s3pager;
using namespace s3pager::ring;

namespace {

struct listener final : slot_pool::room_listener {
  void room() noexcept override { ++told; }
  int told = 0;
};

ref<slot_pool> make_pool(std::uint32_t slots) { return make_ref<slot_pool>(std::size_t{4096}, slots, make_ref<waker>()); }

/// Holds `slots` as one receive would leave them.
received chain(const ref<slot_pool>& pool, const std::vector<std::uint32_t>& slots, std::size_t size) {
  for (std::size_t i = 0; i < slots.size(); ++i) {
    pool->hold(slots[i]);
    if (i > 0) pool->next(slots[i - 1]) = slots[i];
    std::memset(pool->address(slots[i]), static_cast<int>('a' + slots[i]), 4096);
  }
  return received(pool, slots.front(), static_cast<std::uint32_t>(slots.size()), size);
}

std::vector<std::uint32_t> take(slot_pool& pool, std::uint32_t count) {
  std::vector<std::uint32_t> taken;
  while (taken.size() < count) taken.push_back(pool.take_free());
  return taken;
}

TEST_CASE("slots are taken last in, first out") {
  const auto pool = make_pool(4);
  CHECK(take(*pool, 2) == std::vector<std::uint32_t>{0, 1});
  pool->put_free(0);
  CHECK(pool->take_free() == 0);
  CHECK(pool->free_slots() == 2);
}

TEST_CASE("neighbours in a chain come out as one span, others apart") {
  const auto pool = make_pool(8);
  take(*pool, 8);
  received got = chain(pool, {2, 3, 4, 0, 6}, 4 * 4096 + 5);
  CHECK(pool->held() == 5);
  const slot_span first = got.next_span();
  CHECK(first.slots() == 3);
  CHECK(first.size() == 3 * 4096);
  CHECK(first.bytes().data() == pool->address(2));
  CHECK(got.size() == 4096 + 5);
  {
    const slot_span second = got.next_span();
    CHECK(second.slots() == 1);
    CHECK(second.bytes()[0] == std::byte{'a'});
  }
  CHECK(pool->held() == 4);
  const slot_span third = got.next_span();
  CHECK(third.size() == 5);
  CHECK(third.bytes()[4] == std::byte{'a' + 6});
  CHECK(got.next_span().bytes().empty());
  CHECK(got.empty());
}

TEST_CASE("a dropped chain gives back every slot, one of zero bytes too") {
  const auto pool = make_pool(4);
  listener room;
  pool->set_listener(&room);
  take(*pool, 4);
  { const received got = chain(pool, {3, 1, 2}, 3 * 4096); }
  CHECK(pool->held() == 0);
  CHECK(pool->free_slots() == 3);
  CHECK(room.told > 0);
  { const received nothing = chain(pool, {0}, 0); }
  CHECK(pool->held() == 0);
  CHECK(pool->free_slots() == 4);
  pool->set_listener(nullptr);
}

TEST_CASE("shares keep just the slots that their bytes lie in") {
  const auto pool = make_pool(4);
  take(*pool, 4);
  received got = chain(pool, {0, 1, 2}, 3 * 4096);
  slot_span whole = got.next_span();
  slot_span middle = whole.share(4096, 4096);
  CHECK(middle.slots() == 1);
  slot_span across = whole.share(4095, 2);
  CHECK(across.slots() == 2);
  CHECK(across.bytes()[0] == std::byte{'a'});
  CHECK(across.bytes()[1] == std::byte{'b'});
  CHECK(whole.share(7, 0).bytes().empty());
  whole.reset();
  CHECK(pool->held() == 2);
  across = {};
  CHECK(pool->held() == 1);
  const slot_span moved = std::move(middle);
  CHECK(moved.bytes()[4095] == std::byte{'b'});
  CHECK(pool->held() == 1);
}

TEST_CASE("skipping bytes lets go of the slots before them") {
  const auto pool = make_pool(4);
  take(*pool, 4);
  received got = chain(pool, {0, 1, 2}, 3 * 4096);
  slot_span span = got.next_span();
  span.skip(4095);
  CHECK(pool->held() == 3);
  span.skip(1);
  CHECK(pool->held() == 2);
  CHECK(span.bytes().data() == pool->address(1));
  span.skip(4100);
  CHECK(span.size() == 4092);
  CHECK(pool->held() == 1);
  CHECK(span.share(0, 4092).slots() == 1);
  span.skip(4092);
  CHECK(pool->held() == 0);
}

TEST_CASE("what other threads drop comes back when the owner collects it, and wakes the owner") {
  const auto wake = make_ref<waker>();
  const auto pool = make_ref<slot_pool>(std::size_t{4096}, 64U, wake);
  listener room;
  pool->set_listener(&room);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::thread> threads;
    std::vector<slot_span> spans;
    for (const std::uint32_t slot : take(*pool, 64)) spans.push_back(chain(pool, {slot}, 100).next_span());
    CHECK(pool->held() == 64);
    for (std::size_t i = 0; i < 2; ++i)
      threads.emplace_back([mine = std::vector<slot_span>(std::make_move_iterator(spans.begin() + static_cast<long>(i) * 32),
                                                          std::make_move_iterator(spans.begin() + static_cast<long>(i) * 32 + 32)),
                            shared = spans[0].share(0, 0)]() mutable {
        const slot_span again = mine[0].share(0, 10);
        mine.clear();
      });
    for (std::thread& thread : threads) thread.join();
    CHECK(pool->held() == 64);
    room.told = 0;
    pool->collect();
    CHECK(room.told == 1);
    CHECK(pool->held() == 0);
    REQUIRE(pool->free_slots() == 64);
  }
  std::uint64_t woken = 0;
  CHECK(::read(wake->fd(), &woken, sizeof woken) == sizeof woken);
  pool->set_listener(nullptr);
}

TEST_CASE("spans may be dropped after the owner has gone, on any thread") {
  slot_span here;
  std::thread other;
  {
    auto pool = make_pool(4);
    take(*pool, 2);
    here = chain(pool, {0}, 10).next_span();
    other = std::thread([span = chain(pool, {1}, 4096).next_span()]() mutable { span.reset(); });
    pool->detach();
  }
  other.join();
  CHECK(here.bytes()[9] == std::byte{'a'});
  here.reset();
}

}  // namespace
