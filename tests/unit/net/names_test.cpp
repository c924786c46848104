// A host's name in the pool: looked up by one for all, kept for a while, and its addresses spread over.
#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "s3pager/coro/stop.hpp"
#include "s3pager/net/connection_pool.hpp"
#include "support/addresses.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "support/scripted_names.hpp"

using namespace s3pager;
using namespace s3pager::net;
using namespace std::chrono_literals;
using test::loopback;

namespace {

/// Answers at 127.0.0.2 and the next ones, as far as the kernel does that.
struct bench {
  explicit bench(int listeners = 3) {
    for (int i = 0; i < listeners; ++i) {
      ring::socket made;
      if (ring::socket::listen(servers, loopback(static_cast<std::uint8_t>(2 + i), 0), 64, made))
        throw std::runtime_error("a listener");
      at.push_back(made.local_address());
      ::fcntl(made.fd(), F_SETFL, O_NONBLOCK);
      sockets.push_back(std::move(made));
    }
    names.answer(at);
    to = pool->at({.host = "bucket.example", .port = 80});
  }
  bench(const bench&) = delete;
  bench& operator=(const bench&) = delete;
  ~bench() { names.open(); }

  [[nodiscard]] task<lease> connecting(const ring::socket_address* avoided = nullptr) {
    return to->connect(to->try_place(true), {.resolve = 7s}, avoided);
  }
  lease connect(const ring::socket_address* avoided = nullptr) {
    test::root<lease> made(loop.ready(), connecting(avoided));
    while (!made.done()) loop.run_once();
    let_in();
    return made.result();
  }
  /// Those who wait in the listeners' queues: where one is full, the kernel lets nobody connect for minutes.
  void let_in() {
    for (const ring::socket& each : sockets)
      for (int fd = 0; fd >= 0;)
        if ((fd = ::accept4(each.fd(), nullptr, nullptr, SOCK_CLOEXEC)) >= 0) ::close(fd);
  }
  error failure() {
    try {
      static_cast<void>(connect());
    } catch (const error& failed) {
      return failed;
    }
    throw std::logic_error("it connected");
  }
  void turns() {
    for (int i = 0; i < 30; ++i) loop.run_once(ring::reactor::wait::no);
  }
  /// Until so many lookups were begun, and turns enough for what the last one gave.
  void until_asked(std::size_t count) {
    while (names.asked().size() < count) loop.run_once(ring::reactor::wait::no);
  }

  test::scripted_names names{{}};
  ring::reactor servers;
  std::vector<ring::socket> sockets;
  std::vector<ring::socket_address> at;
  manual_clock time;
  ring::reactor loop{{.clock = &time}};
  std::optional<connection_pool> pool{std::in_place, loop, pool_options{.names = &names}};
  ref<host> to;
};

}  // namespace

TEST_CASE("connections are spread over all addresses of a name", "[net][names]") {
  bench on;
  std::vector<lease> made;
  std::vector<ring::socket_address> peers;
  for (int i = 0; i < 6; ++i) {
    made.push_back(on.connect());
    peers.push_back(made.back()->peer());
  }
  CHECK(peers == std::vector{on.at[0], on.at[1], on.at[2], on.at[0], on.at[1], on.at[2]});
  made.erase(made.begin() + 4);
  CHECK(on.connect()->peer() == on.at[1]);
  CHECK(on.names.asked() == std::vector<std::string>{"bucket.example 80"});
  CHECK(on.to->statistics().lookups == 1);
}

TEST_CASE("connections that begin at once are spread as well", "[net][names]") {
  bench on;
  std::deque<test::root<lease>> begun;
  for (int i = 0; i < 9; ++i) begun.emplace_back(on.loop.ready(), on.connecting());
  std::vector<lease> made;
  std::vector<int> at(3);
  for (auto& each : begun) {
    while (!each.done()) on.loop.run_once();
    made.push_back(each.result());
    for (std::size_t i = 0; i < 3; ++i) at[i] += made.back()->peer() == on.at[i] ? 1 : 0;
  }
  CHECK(at == std::vector{3, 3, 3});
  // One that is given up does not count any more, nor does one that nobody used for long.
  begun.clear();
  made.clear();
  { const test::root<lease> dropped(on.loop.ready(), on.connecting()); on.loop.run_once(ring::reactor::wait::no); }
  CHECK(on.connect()->peer() == on.at[0]);
}

TEST_CASE("who joins a lookup late has its own time", "[net][names]") {
  bench on;
  on.names.close();
  test::root<lease> first(on.loop.ready(), on.connecting());
  on.until_asked(1);
  on.turns();
  on.time.advance(6s);
  test::root<lease> second(on.loop.ready(), on.connecting());
  on.turns();
  on.time.advance(1s);
  on.turns();
  CHECK(first.done());
  CHECK_FALSE(second.done());
  on.until_asked(2);
  on.names.open();
  while (!second.done()) on.loop.run_once();
  CHECK(static_cast<bool>(second.result()));
}

TEST_CASE("one lookup is for all who wait", "[net][names]") {
  bench on;
  on.names.close();
  std::deque<test::root<lease>> waiting;
  for (int i = 0; i < 9; ++i) waiting.emplace_back(on.loop.ready(), on.connecting());
  on.until_asked(1);
  on.turns();
  waiting.pop_front();  // who began it may go
  on.names.open();
  for (auto& each : waiting) {
    while (!each.done()) on.loop.run_once();
    CHECK(static_cast<bool>(each.result()));
  }
  CHECK(on.names.asked().size() == 1);
}

TEST_CASE("a lookup that fails or takes too long fails all who wait for it", "[net][names]") {
  const bool late = GENERATE(false, true);
  bench on;
  on.names.fail({EAI_AGAIN, ring::resolver_category()});
  on.names.close();
  std::deque<test::root<lease>> waiting;
  for (int i = 0; i < 3; ++i) waiting.emplace_back(on.loop.ready(), on.connecting());
  on.until_asked(1);
  if (late) {
    on.turns();
    on.time.advance(7s - 1ns);
    on.turns();
    for (auto& each : waiting) CHECK_FALSE(each.done());
    on.time.advance(1ns);
  } else {
    on.names.open();
  }
  for (auto& each : waiting) {
    while (!each.done()) on.loop.run_once(ring::reactor::wait::no);
    try {
      static_cast<void>(each.result());
      FAIL("it connected");
    } catch (const error& failed) {
      CHECK(failed.code() == (late ? errc::timed_out : errc::unavailable));
      CHECK(failed.details().message ==
            (late ? "resolving bucket.example: deadlines.resolve of 7 s passed" : "resolving bucket.example"));
    }
  }
  CHECK(on.names.asked().size() == 1);
  waiting.clear();
  CHECK(on.to->open() == 0);
}

TEST_CASE("after five seconds a name is looked up again, and nobody waits for that", "[net][names]") {
  bench on;
  CHECK(on.connect()->peer() == on.at[0]);
  on.time.advance(5s - 1ns);
  CHECK(on.connect()->peer() == on.at[0]);
  CHECK(on.to->statistics().lookups == 1);
  on.time.advance(1ns);
  on.names.close();
  on.names.answer({on.at[2], on.at[1]});
  CHECK(on.connect()->peer() == on.at[0]);
  CHECK(on.connect()->peer() == on.at[0]);
  on.until_asked(2);
  CHECK(on.to->statistics().lookups == 2);
  on.names.open();
  while (on.connect()->peer() == on.at[0]) on.turns();
  CHECK(on.connect()->peer() == on.at[2]);
  CHECK(on.to->statistics().lookups == 2);
}

TEST_CASE("where lookups fail, what is known is good for a minute", "[net][names]") {
  bench on;
  static_cast<void>(on.connect());
  on.names.fail({EAI_AGAIN, ring::resolver_category()});
  on.time.advance(60s - 1ns);
  CHECK(on.connect()->peer() == on.at[0]);
  on.until_asked(2);
  on.turns();
  on.time.advance(1ns);
  CHECK(on.failure().code() == std::error_code(EAI_AGAIN, ring::resolver_category()));
  on.names.answer(on.at);
  CHECK(on.connect()->peer() == on.at[0]);
}

TEST_CASE("of a name's addresses one refuses and one hangs", "[net][names]") {
  bench on(1);
  const test::refusing_address refuses(loopback(2, 0));
  const test::hanging_listener hangs(loopback(3, 0));
  on.names.answer({refuses.address(), hangs.address(), on.at[0]});
  test::root<lease> made(on.loop.ready(), on.connecting());
  on.until_asked(1);
  while (!made.done()) {
    on.turns();
    on.time.advance(125ms);
  }
  CHECK(made.result()->peer() == on.at[0]);
  // They are not tried any more, for a while.
  const time_point now = on.time.now();
  CHECK(on.connect()->peer() == on.at[0]);
  CHECK(on.connect()->peer() == on.at[0]);
  CHECK(on.time.now() == now);
}

TEST_CASE("an address that is late, or to be avoided, is left alone while others are there", "[net][names]") {
  bench on;
  CHECK(on.connect(&on.at[0])->peer() == on.at[1]);
  CHECK(on.connect()->peer() == on.at[0]);
  on.to->was_slow(on.at[0]);
  CHECK(on.connect()->peer() == on.at[1]);
  on.to->was_slow(on.at[1]);
  on.to->was_slow(on.at[2]);
  CHECK(on.connect()->peer() == on.at[0]);
}

TEST_CASE("the address that is to be avoided is connected to if no other answers", "[net][names]") {
  bench on(1);
  const test::refusing_address refuses(loopback(2, 0));
  on.names.answer({on.at[0], refuses.address()});
  CHECK(on.connect(&on.at[0])->peer() == on.at[0]);
}

TEST_CASE("who waits for a name may be stopped or dropped, and the host may go while one is looked up", "[net][names]") {
  bench on;
  on.names.close();
  const coro::stop_source stop;
  std::optional<test::root<lease>> dropped(std::in_place, on.loop.ready(), on.connecting());
  std::optional<test::root<lease>> stopped(std::in_place, on.loop.ready(), on.connecting(), stop.token());
  on.until_asked(1);
  on.turns();
  dropped.reset();
  stop.request_stop();
  on.turns();
  REQUIRE(stopped->done());
  try {
    static_cast<void>(stopped->result());
    FAIL("it connected");
  } catch (const error& failed) {
    CHECK(failed.code() == errc::cancelled);
    CHECK(failed.details().message == "stopped while resolving bucket.example");
  }
  stopped.reset();
  CHECK(on.to->open() == 0);
  on.to = {};
  on.pool.reset();
  on.names.open();
}

TEST_CASE("a source that says at once that it timed out is believed", "[net][names]") {
  bench on;
  on.names.fail(errno_code(ETIMEDOUT));
  CHECK(on.failure().code() == errc::timed_out);
  CHECK(on.names.asked().size() == 2);
}
