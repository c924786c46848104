#include "s3pager/ring/socket.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "fixture.hpp"
#include "s3pager/coro/event.hpp"
#include "s3pager/coro/scope.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"

namespace s3pager::ring {
namespace {

using namespace test;
using namespace std::chrono_literals;

const std::array<feature, 4> masks{feature::none, feature::receive_bundle, feature::min_wait, feature::all};

task<std::error_code> connect_to(reactor& loop, socket_address where) {
  const socket client = fresh(loop);
  co_return (co_await client.connect(where, no_deadline)).error;
}

TEST_CASE("a connection to where nobody listens is refused") {
  reactor loop;
  socket_address where;
  {
    const socket listener = listening(loop);
    where = listener.local_address();
  }
  const std::error_code failed = loop.run(connect_to(loop, where));
  CHECK(failed == errno_code(ECONNREFUSED));
  CHECK(failed == errc::unavailable);
}

TEST_CASE("an address tells its family and port") {
  reactor loop;
  const socket listener = listening(loop);
  CHECK(listener.local_address().family() == AF_INET);
  CHECK(listener.local_address().port() != 0);
  CHECK(socket_address::loopback(80).port() == 80);
  socket busy;
  CHECK(socket::listen(loop, listener.local_address(), 1, busy) == errno_code(EADDRINUSE));
}

int option(const socket& of, int which) {
  int value = 0;
  socklen_t size = sizeof value;
  REQUIRE(::getsockopt(of.fd(), SOL_SOCKET, which, &value, &size) == 0);
  return value;
}

TEST_CASE("a widened receive window has the kernel hold as much, and receives wait for one byte as before") {
  reactor loop;
  const connection both = loop.run(connected(loop));
  const int before = option(both.client, SO_RCVBUF);
  both.client.widen_receive_window(1 << 20);
  CHECK(option(both.client, SO_RCVBUF) >= 1 << 20);
  CHECK(before < 1 << 20);
  CHECK(option(both.client, SO_RCVLOWAT) == 1);
}

task<receive_result> receive_some(const socket& from, grant slots, std::size_t most) {
  receive_result got = co_await from.receive(std::move(slots), most, no_deadline);
  co_return got;
}

TEST_CASE("the end of the stream is an empty receive") {
  for (const feature masked : masks) {
    reactor loop({.masked = masked});
    const auto pool = loop.make_buffer_pool({.window_bytes = 64 << 12, .slot_bytes = 4096, .ring_bytes = 16 << 12});
    connection both = loop.run(connected(loop));
    ::shutdown(both.client.fd(), SHUT_WR);
    for (int i = 0; i < 3; ++i) {
      const receive_result got = loop.run(receive_some(both.server, pool->try_grant(4), 1 << 20));
      CHECK_FALSE(got.error);
      CHECK(got.bytes.size() == 0);
    }
    CHECK(pool->held() == 0);
    CHECK(pool->granted() == 0);
  }
}

TEST_CASE("a reset is an error of the receive, and no slot is lost to it") {
  for (const feature masked : masks) {
    reactor loop({.masked = masked});
    const auto pool = loop.make_buffer_pool({.window_bytes = 64 << 12, .slot_bytes = 4096, .ring_bytes = 16 << 12});
    for (int i = 0; i < 20; ++i) {
      connection both = loop.run(connected(loop));
      const linger at_once{1, 0};
      ::setsockopt(both.client.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
      both.client.reset();
      const receive_result got = loop.run(receive_some(both.server, pool->try_grant(4), 1 << 20));
      CHECK(got.error == errno_code(ECONNRESET));
      CHECK(got.error == errc::connection_lost);
      CHECK(pool->held() == 0);
    }
    CHECK(pool->available() == pool->capacity());
  }
}

TEST_CASE("a receive takes no more than its grant and its limit, however much is there") {
  for (const feature masked : masks) {
    reactor loop({.masked = masked});
    const auto pool = loop.make_buffer_pool({.window_bytes = 256 << 12, .slot_bytes = 4096, .ring_bytes = 64 << 12});
    connection both = loop.run(connected(loop));
    const auto sent = make_ref<memory>(std::size_t{400} << 10);
    for (std::size_t i = 0; i < sent->bytes().size(); ++i) sent->bytes()[i] = pattern(i);
    operation_owner sending = both.client.start_send(sent->bytes(), sent);
    struct ask {
      std::uint32_t slots;
      std::size_t most;
    };
    std::size_t at = 0;
    for (const ask each : {ask{1, 1 << 20}, {2, 1 << 20}, {5, 1 << 20}, {8, 4096}, {8, 4097}, {8, 10}, {1, 10}, {3, 8192},
                           {7, 20'000}, {16, 1 << 20}, {2, 1 << 20}}) {
      loop.run_once(reactor::wait::no);
      receive_result got = loop.run(receive_some(both.server, pool->try_grant(each.slots), each.most));
      REQUIRE_FALSE(got.error);
      INFO("slots " << each.slots << ", most " << each.most << ", got " << got.bytes.size());
      CHECK(got.bytes.size() > 0);
      CHECK(got.bytes.size() <= std::min(each.most, each.slots * std::size_t{4096}));
      CHECK(pool->held() <= each.slots);
      CHECK(pool->granted() == 0);
      while (got.bytes.size() > 0) {
        const slot_span span = got.bytes.next_span();
        for (const std::byte byte : span.bytes()) REQUIRE(byte == pattern(at++));
      }
    }
    if (masked == feature::none) CHECK(has(loop.features(), feature::receive_bundle) == bundles_hold_their_length(running_kernel()));
  }
}

TEST_CASE("what is received lies behind the lead of each slot") {
  for (const feature masked : masks) {
    reactor loop({.masked = masked});
    const auto pool = loop.make_buffer_pool({.window_bytes = 64 << 12, .slot_bytes = 4096, .lead_bytes = 1000, .ring_bytes = 16 << 12});
    CHECK(pool->receive_bytes() == 3096);
    CHECK(pool->try_grant(3).bytes() == 9288);
    connection both = loop.run(connected(loop));
    const auto sent = make_ref<memory>(std::size_t{100'000});
    for (std::size_t i = 0; i < sent->bytes().size(); ++i) sent->bytes()[i] = pattern(i);
    operation_owner sending = both.client.start_send(sent->bytes(), sent);
    for (std::size_t at = 0; at < 100'000;) {
      const auto slots = static_cast<std::uint32_t>(at % 5 + 1);
      receive_result got = loop.run(receive_some(both.server, pool->try_grant(slots), 1 << 20));
      REQUIRE_FALSE(got.error);
      CHECK(got.bytes.size() <= slots * std::size_t{3096});
      CHECK(pool->held() == (got.bytes.size() + 3095) / 3096);
      while (got.bytes.size() > 0) {
        slot_span span = got.bytes.next_span();
        CHECK(span.slots() == 1);
        CHECK(span.offset() == 1000);
        CHECK(span.memory().size() == 4096);
        // To the front, as what takes its place may be.
        std::memmove(span.memory().data(), span.bytes().data(), span.size());
        span.place(0, span.size());
        for (const std::byte byte : span.bytes()) REQUIRE(byte == pattern(at++));
        span.place(0, 0);
        CHECK(span.bytes().empty());
        CHECK(span.slots() == 1);
        const std::uint32_t granted = pool->granted();
        const grant again = pool->regrant(std::move(span));
        CHECK(again.slots() == 1);
        CHECK(pool->granted() == granted + 1);
      }
      CHECK(pool->held() == 0);
    }
  }
}

TEST_CASE("a receive takes no more than a very large grant either") {
  for (const feature masked : masks) {
    reactor loop({.masked = masked});
    const auto pool = loop.make_buffer_pool({.window_bytes = 2048 << 12, .slot_bytes = 4096, .ring_bytes = 2048 << 12});
    for (const std::uint32_t slots : {255U, 256U, 257U, 300U}) {
      connection both = loop.run(connected(loop));
      const int large = 8 << 20;
      ::setsockopt(both.server.fd(), SOL_SOCKET, SO_RCVBUF, &large, sizeof large);
      ::setsockopt(both.client.fd(), SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
      const auto sent = make_ref<memory>(std::size_t{4} << 20);
      operation_owner sending = both.client.start_send(sent->bytes(), sent);
      for (int i = 0; i < 3; ++i) loop.run_once(reactor::wait::no);
      receive_result got = loop.run(receive_some(both.server, pool->try_grant(slots), sent->bytes().size()));
      REQUIRE_FALSE(got.error);
      CHECK(got.bytes.size() <= slots * std::size_t{4096});
      CHECK(pool->held() <= slots);
    }
    drain(loop);
    CHECK(pool->held() == 0);
  }
}

task<> send_pattern(const socket& to, std::size_t total) {
  for (std::size_t at = 0; at < total;) {
    const auto piece = make_ref<memory>(std::min<std::size_t>(total - at, 300'000));
    for (std::byte& byte : piece->bytes()) byte = pattern(at++);
    const io_result sent = co_await to.send(piece->bytes(), piece, no_deadline);
    if (sent.error) throw error(sent.error, "send");
    if (sent.bytes != piece->bytes().size()) throw error(errc::connection_lost, "a short send");
  }
  ::shutdown(to.fd(), SHUT_WR);
}

// Keeps up to `keep` spans as a consumer would, and drops the oldest.
task<> receive_pattern(const socket& from, ref<buffer_pool> pool, std::size_t total, std::uint32_t slots, std::size_t keep) {
  std::vector<slot_span> held;
  std::size_t at = 0;
  for (;;) {
    receive_result got = co_await from.receive(pool->try_grant(slots), slots * pool->slot_bytes(), no_deadline);
    if (got.error) throw error(got.error, "receive");
    if (got.bytes.empty()) break;
    while (got.bytes.size() > 0) {
      held.push_back(got.bytes.next_span());
      for (const std::byte byte : held.back().bytes())
        if (byte != pattern(at++)) throw error(errc::corrupted, "at " + std::to_string(at));
    }
    while (held.size() > keep) held.erase(held.begin());
  }
  if (at != total) throw error(errc::connection_lost, "after " + std::to_string(at));
}

TEST_CASE("many long streams share a small ring of buffers, and every byte arrives in its place") {
  for (const feature masked : masks) {
    reactor loop({.masked = masked});
    // 8 streams of at most 2 + 3 slots fit into 64; the ring of 4 buffers runs dry all the time.
    const auto pool = loop.make_buffer_pool({.window_bytes = 64 << 14, .slot_bytes = 1 << 14, .ring_bytes = 4 << 14});
    struct streams {
      static task<> all(reactor& loop, ref<buffer_pool> pool) {
        std::vector<connection> lanes;
        for (int i = 0; i < 8; ++i) lanes.push_back(co_await connected(loop));
        coro::scope many(co_await coro::this_context());
        for (const connection& each : lanes) {
          many.spawn(send_pattern(each.client, 3'000'001));
          many.spawn(receive_pattern(each.server, pool, 3'000'001, 2, 3));
        }
        co_await many.join();
      }
    };
    loop.run(streams::all(loop, pool));
    drain(loop);
    // Without bundles, what takes several slots has them beforehand.
    if (has(loop.features(), feature::receive_bundle)) CHECK(loop.rearms() > 0);
    CHECK(pool->available() == pool->capacity());
    CHECK(memory::live() == 0);
    CHECK(descriptor::live() == 0);
  }
}

TEST_CASE("what comes for half of many receives is waited for together, and for few not for long") {
  struct scene {
    static task<> receive(const socket& from, ref<buffer_pool> pool, unsigned& came) {
      receive_result got = co_await from.receive(pool->try_grant(1), 64, no_deadline);
      if (got.bytes.size() == 1) ++came;
    }
    static task<> lanes(reactor& loop, std::vector<connection>& made) {
      for (int i = 0; i < 8; ++i) made.push_back(co_await connected(loop));
    }
  };
  for (const feature masked : masks) {
    // Half of them come in one turn, though sends complete before; and less than that ends the wait when it has been long enough.
    for (const auto& [patience, writers] : {std::pair{std::chrono::microseconds(1s), 4U}, std::pair{std::chrono::microseconds(2ms), 1U}}) {
      CAPTURE(static_cast<unsigned>(masked), writers);
      reactor loop({.masked = masked, .batch_wait = patience});
      const auto pool = loop.make_buffer_pool({.window_bytes = 64 << 14, .slot_bytes = 1 << 14});
      std::vector<connection> made;
      loop.run(scene::lanes(loop, made));
      unsigned came = 0;
      coro::scope many(loop.context());
      for (const connection& each : made) many.spawn(scene::receive(each.server, pool, came));
      loop.run_once(reactor::wait::no);
      loop.run_once(reactor::wait::no);
      std::vector<operation_owner> sends;
      static constexpr std::byte one[1]{};
      for (unsigned i = 0; i < writers; ++i) sends.push_back(made[i].server.start_send(one, {}));
      // Answers what was sent.
      std::thread peer([&made, count = writers] {
        char byte = 0;
        bool whole = true;
        for (unsigned i = 0; i < count; ++i) whole = ::recv(made[i].client.fd(), &byte, 1, 0) == 1 && whole;
        for (unsigned i = 0; i < count && whole; ++i) whole = ::send(made[i].client.fd(), &byte, 1, 0) == 1;
      });
      const std::uint64_t before = loop.turns();
      while (came == 0) loop.run_once(reactor::wait::yes);
      peer.join();
      CHECK(came == writers);
      if (writers == 4) CHECK(loop.turns() - before == 1);
      many.request_stop();
      while (pool->granted() > 0) loop.run_once(reactor::wait::no);
      sends.clear();
      drain(loop);
    }
  }
  CHECK(memory::live() == 0);
  CHECK(descriptor::live() == 0);
}

TEST_CASE("receives that find no slot at all wait for one without spinning") {
  for (const feature masked : masks) {
    reactor loop({.masked = masked});
    connection both = loop.run(connected(loop));
    drain(loop);
    const auto pool = loop.make_buffer_pool({.window_bytes = 4 << 12, .slot_bytes = 4096, .ring_bytes = 4 << 12});
    // Behind the pool's back, which gives no grant without a slot.
    std::vector<std::uint32_t> taken;
    while (pool->memory()->free_slots() > 0) taken.push_back(pool->memory()->take_free());
    const auto text = make_ref<memory>(std::string_view("late"));
    operation_owner sending = both.client.start_send(text->bytes(), text);
    s3pager::test::root<receive_result> run(loop.ready(), receive_some(both.server, pool->try_grant(1), 4096));
    for (int i = 0; i < 10; ++i) loop.run_once(reactor::wait::no);
    CHECK_FALSE(run.done());
    CHECK(loop.rearms() == 1);
    for (const std::uint32_t slot : taken) pool->memory()->put_free(slot);
    while (!run.done()) loop.run_once(reactor::wait::yes);
    CHECK(run.result().bytes.size() == 4);
    CHECK(loop.rearms() == 1);
  }
}

TEST_CASE("a receive that waits for a slot may be dropped") {
  reactor loop;
  connection both = loop.run(connected(loop));
  drain(loop);
  const auto pool = loop.make_buffer_pool({.window_bytes = 4 << 12, .slot_bytes = 4096, .ring_bytes = 4 << 12});
  while (pool->memory()->free_slots() > 0) static_cast<void>(pool->memory()->take_free());
  const auto text = make_ref<memory>(std::string_view("late"));
  operation_owner sending = both.client.start_send(text->bytes(), text);
  {
    s3pager::test::root<receive_result> run(loop.ready(), receive_some(both.server, pool->try_grant(1), 4096));
    for (int i = 0; i < 5; ++i) loop.run_once(reactor::wait::no);
  }
  sending.reset();
  drain(loop);
  CHECK(pool->granted() == 0);
  CHECK(both.server.handle()->operations() == 0);
}

task<io_result> receive_until(const socket& from, ref<memory> into, time_point deadline, operation_owner* request = nullptr) {
  const io_result got = co_await from.receive(into->bytes(), into, deadline, request);
  co_return got;
}

TEST_CASE("a deadline ends a receive, which then leaves its connection unfit for others") {
  manual_clock clock;
  reactor loop({.clock = &clock});
  connection both = loop.run(connected(loop));
  drain(loop);
  const auto into = make_ref<memory>(std::size_t{10});
  s3pager::test::root<io_result> run(loop.ready(), receive_until(both.server, into, after(clock.now(), 5s)));
  for (int i = 0; i < 3; ++i) loop.run_once(reactor::wait::no);
  clock.advance(5s - 1ns);
  for (int i = 0; i < 3; ++i) loop.run_once(reactor::wait::no);
  CHECK_FALSE(run.done());
  clock.advance(1ns);
  for (int i = 0; i < 3; ++i) loop.run_once(reactor::wait::no);
  REQUIRE(run.done());
  CHECK(run.result().error == errc::timed_out);
  CHECK(both.server.handle()->had_orphan());
  drain(loop);
  CHECK(both.server.handle()->operations() == 0);
  CHECK_FALSE(both.server.handle()->reusable());
  CHECK(both.client.handle()->reusable());
}

TEST_CASE("what has arrived when its deadline passes is no timeout") {
  manual_clock clock;
  reactor loop({.clock = &clock});
  connection both = loop.run(connected(loop));
  drain(loop);
  const auto text = make_ref<memory>(std::string_view("in time"));
  const auto into = make_ref<memory>(std::size_t{10});
  s3pager::test::root<io_result> run(loop.ready(), receive_until(both.server, into, after(clock.now(), 5s)));
  loop.run_once(reactor::wait::no);
  loop.run_once(reactor::wait::no);
  operation_owner sending = both.client.start_send(text->bytes(), text);
  clock.advance(10s);
  loop.run_once(reactor::wait::no);
  loop.run_once(reactor::wait::no);
  REQUIRE(run.done());
  // Loopback delivers within the send: completions are reaped before timers fire.
  CHECK(run.result().bytes == 7);
}

/// Receives with patience for a second at a time, and counts how often that ended.
task<receive_result> receive_patiently(const socket& from, grant slots, time_point deadline, int& ended) {
  operation_owner waiting = from.prepare_receive(std::move(slots), 4096);
  for (;;) {
    receive_result got =
        co_await socket::finish_receive(std::move(waiting), deadline, nullptr, after(from.loop().now(), 1s));
    if (!got.pending) co_return got;
    ++ended;
    waiting = std::move(got.pending);
  }
}

TEST_CASE("patience ends a wait and not its receive, which loses no byte") {
  for (const feature masked : masks) {
    manual_clock clock;
    reactor loop({.clock = &clock, .masked = masked});
    const auto pool = loop.make_buffer_pool({.window_bytes = 64 << 12, .slot_bytes = 4096, .ring_bytes = 16 << 12});
    connection both = loop.run(connected(loop));
    drain(loop);
    int ended = 0;
    s3pager::test::root<receive_result> run(loop.ready(),
                                            receive_patiently(both.server, pool->try_grant(2), no_deadline, ended));
    for (int i = 0; i < 3; ++i) loop.run_once(reactor::wait::no);
    for (int second = 1; second <= 3; ++second) {
      clock.advance(1s - 1ns);
      for (int i = 0; i < 3; ++i) loop.run_once(reactor::wait::no);
      CHECK(ended == second - 1);
      clock.advance(1ns);
      for (int i = 0; i < 3; ++i) loop.run_once(reactor::wait::no);
      CHECK(ended == second);
      CHECK(pool->granted() == 2);
    }
    REQUIRE(::send(both.client.fd(), "late", 4, 0) == 4);
    while (!run.done()) loop.run_once(reactor::wait::yes);
    {
      receive_result got = run.result();
      CHECK_FALSE(got.error);
      CHECK(as_chars(got.bytes.next_span().bytes()) == "late");
    }
    CHECK(ended == 3);
    CHECK(pool->granted() == 0);
    drain(loop);
    CHECK(both.server.handle()->reusable());
  }
}

TEST_CASE("what comes as patience ends is received") {
  for (const feature masked : masks) {
    manual_clock clock;
    reactor loop({.clock = &clock, .masked = masked});
    const auto pool = loop.make_buffer_pool({.window_bytes = 64 << 12, .slot_bytes = 4096, .ring_bytes = 16 << 12});
    connection both = loop.run(connected(loop));
    drain(loop);
    int ended = 0;
    s3pager::test::root<receive_result> run(loop.ready(),
                                            receive_patiently(both.server, pool->try_grant(2), no_deadline, ended));
    for (int i = 0; i < 3; ++i) loop.run_once(reactor::wait::no);
    clock.advance(1s);
    loop.timers().fire(clock.now());
    REQUIRE(::send(both.client.fd(), "just", 4, 0) == 4);
    while (!run.done()) loop.run_once(reactor::wait::yes);
    receive_result got = run.result();
    CHECK(as_chars(got.bytes.next_span().bytes()) == "just");
    CHECK(ended <= 1);
  }
}

TEST_CASE("a deadline that is not after the patience ends the receive") {
  manual_clock clock;
  reactor loop({.clock = &clock});
  const auto pool = loop.make_buffer_pool({.window_bytes = 64 << 12, .slot_bytes = 4096, .ring_bytes = 16 << 12});
  connection both = loop.run(connected(loop));
  drain(loop);
  int ended = 0;
  s3pager::test::root<receive_result> run(
      loop.ready(), receive_patiently(both.server, pool->try_grant(1), after(clock.now(), 2s), ended));
  for (int i = 0; i < 6; ++i) {
    loop.run_once(reactor::wait::no);
    if (i % 3 == 2) clock.advance(1s);
  }
  for (int i = 0; i < 3; ++i) loop.run_once(reactor::wait::no);
  REQUIRE(run.done());
  CHECK(run.result().error == errc::timed_out);
  CHECK(ended == 1);
  drain(loop);
  CHECK(pool->granted() == 0);
}

TEST_CASE("a receive that is dropped after its patience ended is abandoned") {
  manual_clock clock;
  reactor loop({.clock = &clock});
  const auto pool = loop.make_buffer_pool({.window_bytes = 64 << 12, .slot_bytes = 4096, .ring_bytes = 16 << 12});
  connection both = loop.run(connected(loop));
  drain(loop);
  {
    int ended = 0;
    s3pager::test::root<receive_result> run(loop.ready(),
                                            receive_patiently(both.server, pool->try_grant(1), no_deadline, ended));
    for (int i = 0; i < 3; ++i) loop.run_once(reactor::wait::no);
    clock.advance(1s);
    // Woken, and not resumed yet.
    loop.timers().fire(clock.now());
    CHECK(ended == 0);
  }
  CHECK(both.server.handle()->had_orphan());
  drain(loop);
  CHECK(pool->granted() == 0);
}

TEST_CASE("a stop ends a receive, whether it is queued or in the kernel's hands") {
  for (const int turns : {0, 2}) {
    reactor loop;
    connection both = loop.run(connected(loop));
    drain(loop);
    const coro::stop_source stop;
    const auto into = make_ref<memory>(std::size_t{10});
    s3pager::test::root<io_result> run(loop.ready(), receive_until(both.server, into, no_deadline), stop.token());
    loop.ready().run(1);
    for (int i = 0; i < turns; ++i) loop.run_once(reactor::wait::no);
    stop.request_stop();
    while (!run.done()) loop.run_once(reactor::wait::no);
    CHECK(run.result().error == errc::cancelled);
    drain(loop);
    CHECK(loop.live_operations() == 0);
  }
}

struct failing_send final : submit_hook {
  submit_verdict submitting(const operation& what, std::uint64_t) noexcept override {
    if (what.kind != operation_kind::send) return {};
    return {submit_verdict::action::answer, -EPIPE, ~0U};
  }
};

TEST_CASE("a receive ends with the failure of the send that it waits for the answer to") {
  failing_send hook;
  reactor loop({.hook = &hook});
  connection both = loop.run(connected(loop));
  const auto text = make_ref<memory>(std::string_view("a request"));
  const auto into = make_ref<memory>(std::size_t{10});
  operation_owner request = both.client.start_send(text->bytes(), text);
  CHECK(loop.run(receive_until(both.client, into, no_deadline, &request)).error == errno_code(EPIPE));
  CHECK(loop.run(receive_until(both.client, into, no_deadline, &request)).error == errno_code(EPIPE));
  request.reset();
  drain(loop);
}

task<std::uint64_t> await_completed(reactor& loop, const socket& client, coro::event& other, int times) {
  const auto text = make_ref<memory>(std::string_view("x"));
  for (int i = 0; i < times; ++i) {
    operation_owner sending = client.start_send(text->bytes(), text);
    while (!sending.completed()) static_cast<void>(co_await sleep_until(loop, loop.now()));
    const io_result sent = co_await socket::finish(std::move(sending), no_deadline);
    if (sent.error) throw error(sent.error, "send");
    if (other.is_set()) co_return loop.ready().resumptions();
  }
  co_return 0;
}

TEST_CASE("awaits of what is there already let others have their turn") {
  reactor loop;
  connection both = loop.run(connected(loop));
  coro::event other;
  struct late {
    static task<> set(coro::event& what) {
      what.set();
      co_return;
    }
  };
  s3pager::test::root<std::uint64_t> first(loop.ready(), await_completed(loop, both.client, other, 1'000'000));
  s3pager::test::root<> second(loop.ready(), late::set(other));
  while (!first.done()) loop.run_once(reactor::wait::no);
  CHECK(first.result() > 0);
  second.result();
}

}  // namespace
}  // namespace s3pager::ring
