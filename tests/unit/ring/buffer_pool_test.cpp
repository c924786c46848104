#include "s3pager/ring/buffer_pool.hpp"

#include <set>
#include <thread>
#include <utility>

#include "fixture.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/ring/socket.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"

namespace s3pager::ring {
namespace {

using namespace test;

const buffer_pool_options small{.window_bytes = 16 << 12, .slot_bytes = 4096, .ring_bytes = 8 << 12};

struct counting_listener final : buffer_pool::listener {
  void room() noexcept override {
    ++told;
    if (once) static_cast<list_node&>(*this).unlink();
  }
  int told = 0;
  bool once = false;
};

TEST_CASE("grants count, split, merge and return") {
  reactor loop;
  const auto pool = loop.make_buffer_pool(small);
  CHECK(pool->capacity() == 16);
  counting_listener listener;
  pool->add_listener(listener);
  {
    grant ten = pool->try_grant(10);
    CHECK(ten.slots() == 10);
    CHECK(ten.bytes() == 40960);
    CHECK(pool->available() == 6);
    grant rest = pool->try_grant(10);
    CHECK(rest.slots() == 6);
    CHECK_FALSE(pool->try_grant(1));
    grant four = ten.split(4);
    CHECK(four.slots() == 4);
    CHECK(ten.slots() == 6);
    CHECK(ten.split(100).slots() == 6);
    CHECK(ten.slots() == 0);
    CHECK(listener.told == 1);
    rest.merge(std::move(four));
    CHECK(rest.slots() == 10);
    CHECK(four.slots() == 0);
    const grant moved = std::move(rest);
    CHECK(pool->granted() == 10);
    CHECK(listener.told == 1);
  }
  CHECK(pool->granted() == 0);
  CHECK(listener.told == 2);
  CHECK(grant().bytes() == 0);
}

TEST_CASE("a lead takes at most half of a slot") {
  reactor loop;
  CHECK_THROWS_AS(loop.make_buffer_pool({.window_bytes = 16 << 12, .slot_bytes = 4096, .lead_bytes = 2049}), error);
}

TEST_CASE("a listener may take itself off while it is told") {
  reactor loop;
  const auto pool = loop.make_buffer_pool(small);
  counting_listener first;
  counting_listener second;
  first.once = true;
  pool->add_listener(first);
  pool->add_listener(second);
  { const grant one = pool->try_grant(1); }
  { const grant one = pool->try_grant(1); }
  CHECK(first.told == 1);
  CHECK(second.told == 2);
}

TEST_CASE("options out of their range are refused in words") {
  reactor loop;
  CHECK_THROWS_WITH(loop.make_buffer_pool({.slot_bytes = 5000}), Catch::Contains("slot_bytes is 5000"));
  CHECK_THROWS_WITH(loop.make_buffer_pool({.slot_bytes = 2048}), Catch::Contains("4096 to 1048576"));
  CHECK_THROWS_WITH(loop.make_buffer_pool({.window_bytes = 3 << 12, .slot_bytes = 4096}), Catch::Contains("window_bytes is 12288"));
  CHECK_THROWS_WITH(loop.make_buffer_pool({.window_bytes = std::size_t{1} << 40}), Catch::Contains("window_bytes"));
  CHECK(loop.make_buffer_pool({.window_bytes = (4 << 12) + 4095, .slot_bytes = 4096})->capacity() == 4);
}

task<received> fill(const socket& from, const socket& to, grant slots, std::size_t size) {
  const auto text = make_ref<memory>(size);
  operation_owner sending = from.start_send(text->bytes(), text);
  static_cast<void>(co_await socket::finish(std::move(sending), no_deadline));
  receive_result got = co_await to.receive(std::move(slots), size, no_deadline);
  co_return std::move(got.bytes);
}

TEST_CASE("what a receive fills is held instead of granted, until its last span is dropped, on whatever thread") {
  reactor loop;
  connection both = loop.run(connected(loop));
  const auto pool = loop.make_buffer_pool(small);
  counting_listener listener;
  received got = loop.run(fill(both.client, both.server, pool->try_grant(4), 100));
  CHECK(pool->granted() == 0);
  CHECK(pool->held() == 1);
  CHECK(pool->available() == 15);
  pool->add_listener(listener);
  std::thread([span = got.next_span()]() mutable { span.reset(); }).join();
  CHECK(pool->held() == 1);
  while (pool->held() > 0) loop.run_once(reactor::wait::yes);
  CHECK(listener.told == 1);
  CHECK(pool->available() == 16);
}

TEST_CASE("slots come round as soon as hot_bytes have come, as full as they were lately") {
  reactor loop;
  connection both = loop.run(connected(loop));
  std::set<const std::byte*> slots;
  const auto fill_some = [&](buffer_pool& pool, int times, std::size_t size) {
    slots.clear();
    for (int i = 0; i < times; ++i) {
      received got = loop.run(fill(both.client, both.server, pool.try_grant(1), size));
      REQUIRE(got.size() == size);
      const slot_span span = got.next_span();
      slots.insert(span.bytes().data());
    }
    return slots.size();
  };
  const auto any = loop.make_buffer_pool(small);
  CHECK(fill_some(*any, 32, 4096) == 8);
  buffer_pool_options hot = small;
  hot.hot_bytes = 2 << 12;
  const auto pool = loop.make_buffer_pool(hot);
  CHECK(fill_some(*pool, 32, 4096) == 2);
  CHECK(fill_some(*pool, 64, 10) == 8);
  static_cast<void>(fill_some(*pool, 64, 4096));
  CHECK(fill_some(*pool, 32, 4096) == 2);
  CHECK(pool->available() == pool->capacity());
  hot.hot_bytes = 1;
  CHECK(fill_some(*loop.make_buffer_pool(hot), 4, 4096) == 1);
}

TEST_CASE("spans outlive their pool and the reactor, and so does the pool") {
  slot_span kept;
  ref<buffer_pool> pool;
  std::thread other;
  {
    reactor loop;
    connection both = loop.run(connected(loop));
    pool = loop.make_buffer_pool(small);
    received got = loop.run(fill(both.client, both.server, pool->try_grant(1), 100));
    kept = got.next_span();
    other = std::thread([shared = kept.share(10, 20)]() mutable { shared.reset(); });
  }
  grant late = pool->try_grant(2);
  late.reset();
  pool = {};
  other.join();
  CHECK(kept.bytes().size() == 100);
}

TEST_CASE("an abandoned receive keeps its pool until it has ended") {
  reactor loop;
  connection both = loop.run(connected(loop));
  {
    const auto pool = loop.make_buffer_pool(small);
    operation& what = loop.make_operation(operation_kind::receive_slots);
    what.target = both.server.handle();
    ::io_uring_prep_recv(&what.request(), both.server.fd(), nullptr, 4096, 0);
    what.request().flags |= IOSQE_BUFFER_SELECT;
    what.request().buf_group = pool->group();
    what.slots = pool->try_grant(1);
    loop.submit(what);
    const operation_owner dropped(loop, what);
    loop.run_once(reactor::wait::no);
  }
  // Something comes before the cancellation does.
  const auto text = make_ref<memory>(std::string_view("for nobody"));
  operation_owner sending = both.client.start_send(text->bytes(), text);
  while (!sending.completed()) loop.run_once(reactor::wait::yes);
  sending.reset();
  drain(loop);
  CHECK(loop.live_operations() == 0);
}

task<receive_result> receive_once(const socket& from, grant slots, std::size_t most) {
  receive_result got = co_await from.receive(std::move(slots), most, no_deadline);
  co_return got;
}

TEST_CASE("without bundles a receive of several slots has them beforehand, and what it does not fill goes back") {
  reactor loop({.masked = feature::receive_bundle});
  connection both = loop.run(connected(loop));
  const auto pool = loop.make_buffer_pool({.window_bytes = 16 << 12, .slot_bytes = 4096, .ring_bytes = 4 << 12});
  for (const std::size_t size : {1, 4096, 4097, 10'000, 16'384}) {
    const auto text = make_ref<memory>(std::string(size, 'x'));
    operation_owner sending = both.client.start_send(text->bytes(), text);
    while (!sending.completed()) loop.run_once(reactor::wait::yes);
    sending.reset();
    received got = loop.run(receive_once(both.server, pool->try_grant(4), 1 << 20)).bytes;
    CHECK(got.size() == size);
    const std::uint32_t filled = static_cast<std::uint32_t>((size + 4095) / 4096);
    CHECK(pool->held() == filled);
    CHECK(pool->granted() == 0);
    std::size_t bytes = 0;
    while (!got.empty()) bytes += got.next_span().size();
    CHECK(bytes == size);
    CHECK(pool->held() == 0);
  }
  // What is to be received at most ends within a slot.
  const auto text = make_ref<memory>(std::string(16'384, 'y'));
  operation_owner sending = both.client.start_send(text->bytes(), text);
  while (!sending.completed()) loop.run_once(reactor::wait::yes);
  sending.reset();
  CHECK(loop.run(receive_once(both.server, pool->try_grant(4), 5000)).bytes.size() == 5000);
  CHECK(loop.run(receive_once(both.server, pool->try_grant(4), 1 << 20)).bytes.size() == 11'384);
  CHECK(pool->available() == 16);
}

TEST_CASE("slots that an abandoned receive had beforehand are free again when it has ended") {
  reactor loop({.masked = feature::receive_bundle});
  connection both = loop.run(connected(loop));
  const auto pool = loop.make_buffer_pool({.window_bytes = 16 << 12, .slot_bytes = 4096, .ring_bytes = 4 << 12});
  {
    s3pager::test::root<receive_result> waiting(loop.ready(), receive_once(both.server, pool->try_grant(8), 1 << 20));
    loop.run_once(reactor::wait::no);
    CHECK(pool->granted() == 8);
    CHECK(pool->memory()->free_slots() == 16 - 4 - 8);
  }
  drain(loop);
  CHECK(pool->granted() == 0);
  CHECK(pool->memory()->free_slots() == 16 - 4);
  CHECK(loop.live_operations() == 0);
}

TEST_CASE("of few free slots as many are taken as there are, if these are two or more") {
  reactor loop;
  const auto pool = loop.make_buffer_pool({.window_bytes = 16 << 12, .slot_bytes = 4096, .ring_bytes = 1 << 12});
  const ref<taken_slots> ten = pool->take(10);
  REQUIRE(ten);
  CHECK(ten->slots() == 10);
  ref<taken_slots> rest = pool->take(10);
  REQUIRE(rest);
  CHECK(rest->slots() == 6);
  CHECK_FALSE(pool->take(10));
  rest = {};
  CHECK_FALSE(pool->take(1));
  const ref<taken_slots> again = pool->take(100);
  REQUIRE(again);
  CHECK(again->slots() == 6);
  CHECK(taken_slots::most == 16);
}

}  // namespace
}  // namespace s3pager::ring
