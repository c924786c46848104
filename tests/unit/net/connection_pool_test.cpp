#include "s3pager/net/connection_pool.hpp"

#include <poll.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "s3pager/ring/descriptor.hpp"
#include "support/catch.hpp"
#include "support/scripted_server.hpp"

using namespace s3pager;
using namespace s3pager::net;
using namespace std::chrono_literals;

namespace {

const std::string empty_answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

struct bench {
  explicit bench(std::vector<std::vector<test::scripted_answer>> answers = {}) : server(loop, std::move(answers)) {}

  /// A new connection, in a place of its own.
  static task<lease> connecting(host& to, connect_deadlines limits = {}) { return to.connect(to.try_place(true), limits); }
  /// The idle connection that is the next one's, if there is one.
  lease idle(host& to) {
    if (to.idle() == 0) return {};
    test::root<lease> made(loop.ready(), to.connect(to.try_place(false), {}));
    while (!made.done()) loop.run_once();
    return made.result();
  }
  lease connect(host& to) {
    test::root<lease> made(loop.ready(), connecting(to));
    while (!made.done()) loop.run_once();
    return made.result();
  }
  error failure(host& to) {
    test::root<lease> made(loop.ready(), connecting(to));
    while (!made.done()) loop.run_once();
    try {
      static_cast<void>(made.result());
    } catch (const error& failed) {
      return failed;
    }
    FAIL("it connected");
    return error(errc::unavailable, "");
  }
  /// An answer read whole, as far as the connection knows.
  static void read_answer(connection& on) {
    on.request_began();
    std::span<const std::byte> input = as_byte_span(empty_answer);
    for (http::step next; next.kind != http::step_kind::end;) {
      next = on.parser().feed(input);
      input = input.subspan(next.consumed);
    }
  }
  void turns() {
    for (int i = 0; i < 20; ++i) loop.run_once(ring::reactor::wait::no);
  }

  manual_clock time;
  ring::reactor loop{{.clock = &time}};
  test::scripted_server server;
  connection_pool pool{loop};
};

/// Fails the first connects, as if nobody listened.
struct refusing final : ring::submit_hook {
  explicit refusing(int times, int error_number) : left(times), result(-error_number) {}
  ring::submit_verdict submitting(const ring::operation& what, std::uint64_t) noexcept override {
    if (what.kind != ring::operation_kind::connect) return {};
    ++connects;
    if (left == 0) return {};
    --left;
    return {ring::submit_verdict::action::answer, result};
  }
  int left;
  int result;
  int connects = 0;
};

}  // namespace

int receive_buffer_bytes(lease& of) {
  int value = 0;
  socklen_t size = sizeof value;
  REQUIRE(::getsockopt(of->stream().socket().fd(), SOL_SOCKET, SO_RCVBUF, &value, &size) == 0);
  return value;
}

TEST_CASE("each connection's receive window is what it was asked for") {
  bench in({{}, {}});
  host& narrow = *in.pool.at({.host = "127.0.0.1", .port = in.server.port()});
  lease first = in.connect(narrow);
  connection_pool widening(in.loop, {.receive_window_bytes = 1 << 20});
  host& wide = *widening.at({.host = "127.0.0.1", .port = in.server.port()});
  lease second = in.connect(wide);
  CHECK(receive_buffer_bytes(first) < 1 << 20);
  CHECK(receive_buffer_bytes(second) >= 1 << 20);
}

TEST_CASE("one authority has one host, whose idle connections are kept apart from others'", "[net][connection_pool]") {
  bench on;
  const auto a = on.pool.at({.host = "127.0.0.1", .port = on.server.port()});
  CHECK(on.pool.at({.host = "127.0.0.1", .port = on.server.port()}) == a);
  CHECK_FALSE(on.pool.at({.host = "127.0.0.1", .port = 1}) == a);
  CHECK_FALSE(on.pool.at({.host = "localhost", .port = on.server.port()}) == a);
  CHECK(a->name() == "127.0.0.1");
  CHECK(a->port() == on.server.port());
  CHECK(a->idle() == 0);
  CHECK(a->open() == 0);
}

TEST_CASE("the connection that was given back last is taken first", "[net][connection_pool]") {
  bench on;
  const auto to = on.pool.at({.host = "127.0.0.1", .port = on.server.port()});
  std::vector<connection*> made;
  std::vector<lease> leases;
  for (int i = 0; i < 3; ++i) {
    leases.push_back(on.connect(*to));
    made.push_back(&*leases.back());
    bench::read_answer(*leases.back());
  }
  for (lease& each : leases) each.give_back();
  CHECK_FALSE(leases[0]);
  CHECK(to->idle() == 3);
  CHECK(to->statistics().connects == 3);
  const lease last = on.idle(*to);
  const lease middle = on.idle(*to);
  const lease first = on.idle(*to);
  CHECK(&*last == made[2]);
  CHECK(&*middle == made[1]);
  CHECK(&*first == made[0]);
  CHECK(to->idle() == 0);
  CHECK(to->statistics().reuses == 3);
  CHECK(to->statistics().discards == 0);
}

TEST_CASE("a lease that is dropped, reset or assigned to closes its connection", "[net][connection_pool]") {
  bench on;
  const std::size_t before = ring::descriptor::live();
  const auto to = on.pool.at({.host = "127.0.0.1", .port = on.server.port()});
  { const lease dropped = on.connect(*to); }
  lease reset = on.connect(*to);
  reset.reset();
  lease assigned = on.connect(*to);
  assigned = on.connect(*to);
  CHECK(to->statistics().discards == 3);
  assigned = lease();
  on.turns();
  CHECK(on.server.hung_up() == 4);
  CHECK(to->idle() == 0);
  CHECK(ring::descriptor::live() == before);
}

TEST_CASE("only a connection whose answer was read whole and that may live on is kept", "[net][connection_pool]") {
  bench on;
  const auto to = on.pool.at({.host = "127.0.0.1", .port = on.server.port()});
  const auto kept_after = [&](const std::string& answer, bool request = true) {
    lease made = on.connect(*to);
    if (request) made->request_began();
    std::span<const std::byte> input = as_byte_span(answer);
    for (;;) {
      const http::step next = made->parser().feed(input);
      input = input.subspan(next.consumed);
      if (next.kind == http::step_kind::end || next.kind == http::step_kind::error || next.kind == http::step_kind::need_more) break;
    }
    made.give_back();
    const bool kept = to->idle() == 1;
    on.idle(*to).reset();
    return kept;
  };
  CHECK(kept_after(empty_answer));
  CHECK_FALSE(kept_after("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
  CHECK_FALSE(kept_after("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"));
  CHECK_FALSE(kept_after("HTTP/1.1 200 OK\r\n\r\nuntil the close"));
  CHECK_FALSE(kept_after("HTTP/1.1 2"));
  CHECK_FALSE(kept_after("nonsense\r\n"));
  CHECK_FALSE(kept_after(""));
}

TEST_CASE("a connection whose peer has spoken out of turn is not taken", "[net][connection_pool]") {
  bench on({{{{empty_answer, empty_answer}}}, {{{empty_answer}}}});
  const auto at = on.pool.at({.host = "127.0.0.1", .port = on.server.port()});
  lease spoken = on.connect(*at);
  lease silent = on.connect(*at);
  for (lease* each : {&spoken, &silent}) {
    constexpr std::string_view request = "GET / HTTP/1.1\r\n\r\n";
    CHECK(::send((*each)->stream().socket().fd(), request.data(), request.size(), 0) == static_cast<ssize_t>(request.size()));
    bench::read_answer(**each);
    // One answer is what was asked for.
    std::byte answer[39];
    for (std::size_t read = 0; read < empty_answer.size();) {
      on.loop.run_once(ring::reactor::wait::no);
      const ssize_t got = ::recv((*each)->stream().socket().fd(), answer, empty_answer.size() - read, MSG_DONTWAIT);
      if (got > 0) read += static_cast<std::size_t>(got);
    }
  }
  on.turns();
  silent.give_back();
  const connection* const kept = [&] {
    lease taken = on.idle(*at);
    const connection* const which = &*taken;
    taken.give_back();
    return which;
  }();
  spoken.give_back();
  CHECK(at->idle() == 2);
  lease taken = on.idle(*at);
  CHECK(&*taken == kept);
  CHECK(at->idle() == 0);
  CHECK(at->statistics().expired == 1);
}

TEST_CASE("a connection that its peer has closed is never given, and goes within a second", "[net][connection_pool]") {
  const bool taken = GENERATE(true, false);
  bench on({{{{}, test::afterwards::close}}});
  const auto to = on.pool.at({.host = "127.0.0.1", .port = on.server.port()});
  lease made = on.connect(*to);
  constexpr std::string_view request = "GET / HTTP/1.1\r\n\r\n";
  CHECK(::send(made->stream().socket().fd(), request.data(), request.size(), 0) == static_cast<ssize_t>(request.size()));
  bench::read_answer(*made);
  made.give_back();
  CHECK(to->statistics().idle == 1);
  pollfd closed{.fd = -1, .events = POLLIN, .revents = 0};
  {
    lease same = on.idle(*to);
    closed.fd = same->stream().socket().fd();
    same.give_back();
  }
  while (::poll(&closed, 1, 0) != 1) on.turns();
  if (taken) {
    const place next = to->try_place(false);
    CHECK(static_cast<bool>(next));
    CHECK_FALSE(next.connected());
  } else {
    on.time.advance(1s - 1ns);
    on.turns();
    CHECK(to->idle() == 1);
    on.time.advance(1ns);
    on.turns();
    CHECK(to->open() == 0);
  }
  CHECK(to->idle() == 0);
  CHECK(to->statistics().expired == 1);
}

TEST_CASE("a connection that nobody uses is closed after keep_alive", "[net][connection_pool]") {
  bench on;
  const auto to = on.pool.at({.host = "127.0.0.1", .port = on.server.port()});
  const auto kept = [&] {
    lease made = on.connect(*to);
    bench::read_answer(*made);
    return made;
  };
  lease one = kept();
  lease two = kept();
  one.give_back();
  on.time.advance(10s);
  two.give_back();
  on.time.advance(5s - 1ns);
  on.turns();
  CHECK(to->idle() == 2);
  on.time.advance(1ns);
  on.turns();
  CHECK(to->idle() == 1);
  on.time.advance(10s - 1ns);
  on.turns();
  CHECK(to->idle() == 1);
  on.time.advance(1ns);
  on.turns();
  const pool_statistics after = on.pool.statistics();
  CHECK(after.idle == 0);
  CHECK(after.open == 0);
  CHECK(after.connects == 2);
  CHECK(after.expired == 2);
  CHECK(after.discards == 0);
  // Nothing is left that would wake the reactor.
  CHECK(on.loop.timers().empty());
}

TEST_CASE("no connection is kept if none is to be", "[net][connection_pool]") {
  bench on;
  connection_pool pool(on.loop, {.keep_alive = duration::zero()});
  const auto to = pool.at({.host = "127.0.0.1", .port = on.server.port()});
  lease made = on.connect(*to);
  bench::read_answer(*made);
  made.give_back();
  CHECK(to->idle() == 0);
  CHECK(to->open() == 0);
}

TEST_CASE("a connection with something abandoned on it is not kept", "[net][connection_pool]") {
  bench on;
  const auto to = on.pool.at({.host = "127.0.0.1", .port = on.server.port()});
  lease made = on.connect(*to);
  bench::read_answer(*made);
  {
    test::root<> receiving(on.loop.ready(), [](connection& of) -> task<> {
      static_cast<void>(co_await of.stream().socket().receive(std::as_writable_bytes(of.out()->bytes()), of.out(), no_deadline));
    }(*made));
    on.turns();
    CHECK_FALSE(receiving.done());
  }
  made.give_back();
  CHECK(to->idle() == 0);
  CHECK(to->statistics().discards == 1);
}

TEST_CASE("a refused connection is an error with host and port", "[net][connection_pool]") {
  bench on;
  const error failed = on.failure(*on.pool.at({.host = "127.0.0.1", .port = 1}));
  CHECK(failed.code() == errc::unavailable);
  CHECK(failed.code() == std::error_code(ECONNREFUSED, std::system_category()));
  CHECK(failed.details().message == "connecting to 127.0.0.1 port 1");
}

TEST_CASE("a name that can't be a host's is an error at once", "[net][connection_pool]") {
  bench on;
  const error failed = on.failure(*on.pool.at({.host = std::string(300, 'x'), .port = 80}));
  CHECK(failed.code() == errc::unavailable);
  CHECK(failed.details().message.substr(0, 11) == "resolving x");
}

TEST_CASE("addresses are tried one after the other, and the last failure is told", "[net][connection_pool]") {
  for (const int failures : {1, 2}) {
    refusing hook(failures, EHOSTUNREACH);
    manual_clock time;
    ring::reactor loop({.clock = &time, .hook = &hook});
    test::scripted_server server(loop, {});
    connection_pool pool(loop);
    const auto to = pool.at({.host = "localhost", .port = server.port()});  // 127.0.0.1, then ::1, where nobody listens
    test::root<lease> made(loop.ready(), bench::connecting(*to));
    while (!made.done()) loop.run_once();
    try {
      static_cast<void>(made.result());
      FAIL("it connected");
    } catch (const error& failed) {
      CHECK(failed.code() == errc::unavailable);
      if (failures == 2) CHECK(failed.code() == std::error_code(EHOSTUNREACH, std::system_category()));
    }
    CHECK(hook.connects == 2);
    CHECK(to->statistics().connects == 0);
  }
}

TEST_CASE("an address that is to be avoided is connected to when no other answers", "[net][connection_pool]") {
  // Of 127.0.0.1, where the server listens, and ::1 the first connect is refused: the one to 127.0.0.1 only if it is the first.
  for (const bool avoided : {false, true}) {
    refusing hook(1, EHOSTUNREACH);
    manual_clock time;
    ring::reactor loop({.clock = &time, .hook = &hook});
    test::scripted_server server(loop, {});
    connection_pool pool(loop);
    const auto to = pool.at({.host = "localhost", .port = server.port()});
    const ring::socket_address late = ring::socket_address::loopback(server.port());
    test::root<lease> made(loop.ready(), to->connect(to->try_place(true), {}, avoided ? &late : nullptr));
    while (!made.done()) loop.run_once();
    if (avoided) {
      CHECK(made.result()->peer() == late);
    } else {
      CHECK_THROWS_AS(made.result(), error);
    }
    CHECK(hook.connects == 2);
  }
}

TEST_CASE("connecting has a deadline for each address", "[net][connection_pool]") {
  manual_clock time;
  ring::reactor loop({.clock = &time});
  // A listener whose queue is full answers nobody.
  ring::socket full;
  REQUIRE_FALSE(ring::socket::listen(loop, ring::socket_address::loopback(0), 0, full));
  connection_pool pool(loop);
  const auto to = pool.at({.host = "127.0.0.1", .port = full.local_address().port()});
  std::vector<lease> taken;
  for (;;) {
    test::root<lease> one(loop.ready(), bench::connecting(*to, {.connect = std::chrono::hours(1)}));
    for (int i = 0; i < 50 && !one.done(); ++i) loop.run_once(ring::reactor::wait::no);
    if (!one.done()) break;
    taken.push_back(one.result());
  }
  test::root<lease> waits(loop.ready(), bench::connecting(*to));
  for (int i = 0; i < 20; ++i) loop.run_once(ring::reactor::wait::no);
  time.advance(std::chrono::seconds(5) - std::chrono::nanoseconds(1));
  for (int i = 0; i < 20; ++i) loop.run_once(ring::reactor::wait::no);
  CHECK_FALSE(waits.done());
  time.advance(std::chrono::nanoseconds(1));
  while (!waits.done()) loop.run_once(ring::reactor::wait::no);
  try {
    static_cast<void>(waits.result());
    FAIL("it connected");
  } catch (const error& failed) {
    CHECK(failed.code() == errc::timed_out);
  }
}

TEST_CASE("a connect that is dropped or stopped leaves nothing behind", "[net][connection_pool]") {
  bench on;
  const std::size_t before = ring::descriptor::live();
  const auto to = on.pool.at({.host = "127.0.0.1", .port = on.server.port()});
  {
    const test::root<lease> dropped(on.loop.ready(), bench::connecting(*to));
    on.loop.run_once(ring::reactor::wait::no);
  }
  const coro::stop_source stop;
  stop.request_stop();
  test::root<lease> stopped(on.loop.ready(), bench::connecting(*to), stop.token());
  on.turns();
  REQUIRE(stopped.done());
  try {
    static_cast<void>(stopped.result());
    FAIL("it connected");
  } catch (const error& failed) {
    CHECK(failed.code() == errc::cancelled);
  }
  on.turns();
  CHECK(ring::descriptor::live() == before);
  CHECK(to->statistics().connects == 0);
}

TEST_CASE("a lease keeps its host when the pool is gone", "[net][connection_pool]") {
  bench on;
  std::optional<connection_pool> pool(std::in_place, on.loop);
  auto to = pool->at({.host = "127.0.0.1", .port = on.server.port()});
  lease made = on.connect(*to);
  bench::read_answer(*made);
  to = {};
  pool.reset();
  CHECK(made->requests() == 1);
  made.give_back();
}

namespace {

/// Waits for a place, and keeps it.
task<> take_place(host& of, bool fresh, duration limit, const stopwatch* watch, place_result& into) {
  into = co_await of.wait_for_place(fresh, limit, watch);
}

struct waiter {
  waiter(bench& on, host& of, bool fresh = false, duration limit = std::chrono::seconds(30),
         const stopwatch* watch = nullptr, coro::stop_token stop = {})
      : run(on.loop.ready(), take_place(of, fresh, limit, watch, got), stop) {
    on.turns();
  }
  place_result got;
  test::root<> run;
};

struct narrow_bench : bench {
  narrow_bench() : to(narrow.at({.host = "127.0.0.1", .port = server.port()})) {}
  connection_pool narrow{loop, {.most_connections = 2}};
  ref<host> to;
};

}  // namespace

TEST_CASE("a host has no more connections than it may, being made, in use and idle", "[net][connection_pool]") {
  narrow_bench on;
  CHECK(on.to->most() == 2);
  place being_made = on.to->try_place(false);
  CHECK(being_made);
  CHECK_FALSE(being_made.connected());
  lease used = on.connect(*on.to);
  CHECK(on.to->open() == 2);
  CHECK_FALSE(on.to->try_place(false));
  bench::read_answer(*used);
  used.give_back();
  CHECK(on.to->open() == 2);
  {
    const place with_one = on.to->try_place(false);
    CHECK(with_one.connected());
    CHECK(on.to->idle() == 0);
  }
  CHECK(on.to->idle() == 1);
  being_made.reset();
  CHECK(on.to->open() == 1);
  CHECK(on.to->statistics().waits == 0);
}

TEST_CASE("one that has to be new takes the place of the one that was idle for the longest", "[net][connection_pool]") {
  narrow_bench on;
  lease first = on.connect(*on.to);
  lease second = on.connect(*on.to);
  const connection* last = &*second;
  bench::read_answer(*first);
  bench::read_answer(*second);
  first.give_back();
  second.give_back();
  const lease fresh = on.connect(*on.to);
  CHECK(fresh->requests() == 0);
  CHECK(on.to->open() == 2);
  CHECK(on.to->idle() == 1);
  CHECK(&*on.idle(*on.to) == last);
}

TEST_CASE("who waits for a place is served in the order of coming, by what is given back or closed",
          "[net][connection_pool]") {
  narrow_bench on;
  lease first = on.connect(*on.to);
  lease second = on.connect(*on.to);
  const connection* kept = &*first;
  waiter a(on, *on.to);
  waiter b(on, *on.to);
  waiter c(on, *on.to, true);
  CHECK(on.to->waiting() == 3);
  CHECK(on.to->statistics().waits == 3);
  CHECK_FALSE(a.run.done());

  bench::read_answer(*first);
  first.give_back();
  CHECK_FALSE(on.to->try_place(false));
  on.turns();
  REQUIRE(a.run.done());
  CHECK_FALSE(b.run.done());
  CHECK_FALSE(a.got.error);
  CHECK(a.got.given.connected());

  second.reset();
  on.turns();
  REQUIRE(b.run.done());
  CHECK_FALSE(b.got.given.connected());
  CHECK_FALSE(c.run.done());

  // It has to be a new one: the one that is given back is closed for it.
  test::root<lease> used(on.loop.ready(), on.to->connect(std::move(a.got.given), {}));
  while (!used.done()) on.loop.run_once();
  lease again = used.result();
  CHECK(&*again == kept);
  again.give_back();
  on.turns();
  REQUIRE(c.run.done());
  CHECK_FALSE(c.got.given.connected());
  CHECK(on.to->idle() == 0);
  CHECK(on.to->open() == 2);
  CHECK(on.to->waiting() == 0);
}

TEST_CASE("who stops waiting for a place, or is dropped with one, passes it on", "[net][connection_pool]") {
  narrow_bench on;
  place first = on.to->try_place(false);
  const place second = on.to->try_place(false);
  std::optional<waiter> in_line(std::in_place, on, *on.to);
  std::optional<waiter> woken(std::in_place, on, *on.to);
  const coro::stop_source stop;
  waiter stopped(on, *on.to, false, std::chrono::seconds(30), nullptr, stop.token());
  waiter last(on, *on.to);
  CHECK(on.to->waiting() == 4);
  in_line.reset();
  CHECK(on.to->waiting() == 3);
  first.reset();  // it is given to the second, which is dropped before it goes on
  CHECK(on.to->waiting() == 2);
  stop.request_stop();
  CHECK(on.to->waiting() == 1);
  woken.reset();
  on.turns();
  REQUIRE(stopped.run.done());
  CHECK(stopped.got.error == errc::cancelled);
  CHECK_FALSE(stopped.got.given);
  REQUIRE(last.run.done());
  CHECK(last.got.given);
  CHECK(on.to->open() == 2);
  last.got.given.reset();
  CHECK(on.to->open() == 1);
  waiter too_late(on, *on.to, false, std::chrono::seconds(30), nullptr, stop.token());
  REQUIRE(too_late.run.done());
  CHECK(too_late.got.error == errc::cancelled);
  CHECK(on.to->open() == 1);
}

TEST_CASE("a wait for a place has a deadline, which stands while its watch does, and begins anew when the line moves",
          "[net][connection_pool]") {
  using namespace std::chrono_literals;
  narrow_bench on;
  place first = on.to->try_place(false);
  const place second = on.to->try_place(false);
  const auto pass = [&on](duration span) {
    on.time.advance(span);
    on.turns();
  };
  SECTION("of all time") {
    waiter one(on, *on.to, false, 10s);
    pass(10s - 1ns);
    CHECK_FALSE(one.run.done());
    pass(1ns);
    REQUIRE(one.run.done());
    CHECK(one.got.error == errc::timed_out);
    CHECK_FALSE(one.got.given);
    CHECK(on.to->waiting() == 0);
    CHECK(on.to->open() == 2);
  }
  SECTION("of some time") {
    stopwatch watch;
    watch.start(on.time.now());
    waiter one(on, *on.to, false, 10s, &watch);
    pass(4s);
    watch.stop(on.time.now());
    for (int i = 0; i < 5; ++i) pass(1h);
    CHECK_FALSE(one.run.done());
    watch.start(on.time.now());
    pass(6s - 1ns);
    CHECK_FALSE(one.run.done());
    // It looks again only from time to time while its watch stands.
    pass(10s);
    CHECK(one.run.done());
    CHECK(one.got.error == errc::timed_out);
  }
  SECTION("in a line that moves") {
    waiter ahead(on, *on.to, false, 10s);
    waiter one(on, *on.to, false, 10s);
    pass(9s);
    first.reset();
    on.turns();
    REQUIRE(ahead.run.done());
    CHECK(ahead.got.given);
    pass(1s);
    CHECK_FALSE(one.run.done());
    pass(10s - 1ns);
    CHECK_FALSE(one.run.done());
    pass(1ns);
    CHECK(one.run.done());
  }
  SECTION("never") {
    waiter one(on, *on.to, false, no_limit);
    pass(24h * 365);
    CHECK_FALSE(one.run.done());
    first.reset();
    on.turns();
    CHECK(one.got.given);
  }
}
