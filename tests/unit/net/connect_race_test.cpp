#include "s3pager/net/connect_race.hpp"

#include <sys/resource.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <utility>
#include <vector>

#include "s3pager/coro/frame_pool.hpp"
#include "s3pager/coro/stop.hpp"
#include "s3pager/ring/descriptor.hpp"
#include "support/addresses.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"

using namespace s3pager;
using namespace s3pager::net;
using namespace std::chrono_literals;
using test::loopback;

namespace {

/// Counts what is connected to.
struct counting_hook final : ring::submit_hook {
  ring::submit_verdict submitting(const ring::operation& what, std::uint64_t) noexcept override {
    if (what.kind == ring::operation_kind::connect) ++connects;
    return {};
  }
  int connects = 0;
};

struct bench {
  explicit bench(std::vector<ring::socket_address> order, duration limit = 5s, time_point latest = no_deadline) {
    book.learn_for_good(order);
    run.emplace(loop.ready(), connect_first(loop, book, std::move(order), limit, latest), stop.token());
  }
  ~bench() {
    run.reset();
    // What a turn has ended is not waited for.
    while (loop.live_operations() > 0) loop.run_once(ring::reactor::wait::no);
  }
  bench(const bench&) = delete;
  bench& operator=(const bench&) = delete;

  void turns() {
    for (int i = 0; i < 30; ++i) loop.run_once(ring::reactor::wait::no);
  }
  void pass(duration span) {
    time.advance(span);
    turns();
  }
  race_result result() {
    while (!run->done()) loop.run_once();
    return run->result();
  }

  counting_hook hook;
  manual_clock time;
  ring::reactor loop{{.clock = &time, .hook = &hook}};
  address_book book;
  coro::stop_source stop;
  std::optional<test::root<race_result>> run;
};

struct listening {
  explicit listening(const ring::socket_address& at) {
    if (ring::socket::listen(loop, at, 16, socket)) throw std::runtime_error("a listener");
  }
  [[nodiscard]] ring::socket_address address() const { return socket.local_address(); }
  ring::reactor loop;
  ring::socket socket;
};

bool has_ipv6() {
  try {
    const test::refusing_address probe(test::loopback6(0));
    return true;
  } catch (const std::runtime_error&) {
    return false;
  }
}

}  // namespace

TEST_CASE("of several addresses one refuses and one hangs: the third is connected to after a quarter of a second", "[net][race]") {
  if (!has_ipv6()) {
    WARN("SKIP: there is no IPv6 here");
    return;
  }
  const test::refusing_address refuses(loopback(2, 0));
  const test::hanging_listener hangs(loopback(3, 0));
  const listening answers(test::loopback6(0));
  bench on({refuses.address(), hangs.address(), answers.address()});
  on.turns();
  CHECK(on.hook.connects == 2);  // the second one as soon as the first was refused
  on.pass(250ms - 1ns);
  CHECK(on.hook.connects == 2);
  CHECK_FALSE(on.run->done());
  on.pass(1ns);
  const race_result won = on.result();
  CHECK_FALSE(won.error);
  CHECK(won.socket);
  CHECK(won.peer == answers.address());
  CHECK(on.hook.connects == 3);
  // What refused and what did not answer in time is better tried last for a while.
  CHECK(on.book.order(on.time.now()) ==
        std::vector<ring::socket_address>{answers.address(), refuses.address(), hangs.address()});
  on.time.advance(10s);
  CHECK(on.book.order(on.time.now()).front() == refuses.address());
}

TEST_CASE("the first address that answers is the one, and no other is tried", "[net][race]") {
  const listening first(loopback(2, 0));
  const listening second(loopback(3, 0));
  bench on({first.address(), second.address()});
  const race_result won = on.result();
  CHECK(won.peer == first.address());
  CHECK(on.hook.connects == 1);
  on.pass(1h);
  CHECK(on.hook.connects == 1);
}

TEST_CASE("where all addresses fail it is the failure that came last", "[net][race]") {
  const test::refusing_address refuses(loopback(2, 0));
  const test::hanging_listener hangs(loopback(3, 0));
  const bool alone = GENERATE(true, false);
  bench on(alone ? std::vector{hangs.address()} : std::vector{refuses.address(), hangs.address()});
  on.turns();
  on.pass(5s - 1ns);
  CHECK_FALSE(on.run->done());
  on.pass(1ns);
  const race_result lost = on.result();
  CHECK(lost.error == errno_code(ETIMEDOUT));
  CHECK_FALSE(lost.socket);

  bench again({refuses.address()});
  CHECK(again.result().error == errno_code(ECONNREFUSED));
}

TEST_CASE("each address has its own time, and none any after the latest", "[net][race]") {
  const test::hanging_listener one(loopback(2, 0));
  const test::hanging_listener two(loopback(3, 0));
  SECTION("one after the other") {
    bench on({one.address(), two.address()});
    on.turns();
    on.pass(250ms);
    CHECK(on.hook.connects == 2);
    on.pass(5s - 1ns);
    CHECK_FALSE(on.run->done());
    on.pass(1ns);
    CHECK(on.result().error == errno_code(ETIMEDOUT));
  }
  SECTION("up to the latest") {
    manual_clock start;
    bench on({one.address(), two.address()}, 5s, start.now() + 100ms);
    on.turns();
    on.pass(100ms - 1ns);
    CHECK_FALSE(on.run->done());
    on.pass(1ns);
    CHECK(on.result().error == errno_code(ETIMEDOUT));
    CHECK(on.hook.connects == 1);
  }
}

TEST_CASE("an address that refuses late leaves the others their time", "[net][race]") {
  std::optional<test::hanging_listener> first(loopback(2, 0));
  const test::hanging_listener second(loopback(3, 0));
  bench on({first->address(), second.address()});
  on.turns();
  on.pass(250ms);
  CHECK(on.hook.connects == 2);
  // Nobody listens any more: the waiting connect ends, and only the second is under way.
  first.reset();
  on.turns();
  on.pass(5s);
  CHECK(on.result().error == errno_code(ETIMEDOUT));
}

TEST_CASE("an address is set aside for what it did, not for want of sockets or of time", "[net][race]") {
  const test::hanging_listener hangs(loopback(2, 0));
  const listening answers(loopback(3, 0));
  SECTION("too little time for an answer") {
    manual_clock start;
    bench on({hangs.address(), answers.address()}, 5s, start.now() + 100ms);
    on.turns();
    on.pass(100ms);
    CHECK(on.result().error == errno_code(ETIMEDOUT));
    CHECK(on.book.order(on.time.now()).front() == hangs.address());
  }
  SECTION("no socket") {
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    bench on({hangs.address(), answers.address()});
    rlimit none = before;
    none.rlim_cur = 0;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    on.turns();
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK(on.result().error == errno_code(EMFILE));
    CHECK(on.book.order(on.time.now()).front() == hangs.address());
  }
}

TEST_CASE("a race that is stopped or dropped leaves nothing behind", "[net][race]") {
  const std::size_t frames = coro::frame_pool::local().live();
  const std::size_t descriptors = ring::descriptor::live();
  {
    const test::hanging_listener one(loopback(2, 0));
    const test::hanging_listener two(loopback(3, 0));
    for (const bool both : {false, true}) {
      bench on({one.address(), two.address()});
      on.turns();
      if (both) on.pass(250ms);
      CHECK(on.hook.connects == (both ? 2 : 1));
      on.stop.request_stop();
      CHECK(on.result().error == errno_code(ECANCELED));
    }
    for (int turns = 0; turns < 12; ++turns) {
      bench on({one.address(), two.address()});
      for (int i = 0; i < turns; ++i) on.loop.run_once(ring::reactor::wait::no);
      if (turns > 6) on.pass(250ms);
      on.run.reset();
    }
  }
  CHECK(ring::descriptor::live() == descriptors);
  CHECK(coro::frame_pool::local().live() == frames);
}
