#include "s3pager/net/handshake.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/coro/scope.hpp"
#include "s3pager/coro/stop.hpp"
#include "s3pager/net/connection_pool.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "support/scripted_server.hpp"
#include "support/tls_front.hpp"
#include "support/tunnel_proxy.hpp"

using namespace s3pager;
using namespace s3pager::net;
using namespace std::chrono_literals;

namespace {

/// A server that answers nothing behind a front that speaks TLS, and a proxy.
struct bench {
  explicit bench(const test::certificate_wish& wish = {.hosts = "DNS:bucket.example"}, const test::tls_server_options& how = {})
      : secure(wish, how), front(loop, secure.server_context, server.port()), proxy(loop) {
    serving.push_back(std::make_unique<test::root<>>(loop.ready(), front.serve()));
    serving.push_back(std::make_unique<test::root<>>(loop.ready(), proxy.serve()));
  }
  bench(const bench&) = delete;
  bench& operator=(const bench&) = delete;

  [[nodiscard]] route way(std::uint16_t port) const {
    return {.host = "127.0.0.1", .port = port, .tls_name = "bucket.example", .trust = secure.client_context()};
  }
  [[nodiscard]] route way() const { return way(front.port()); }
  [[nodiscard]] route tunnelled() const {
    route made = way(proxy.port());
    made.tunnel_to = "bucket.example:" + std::to_string(front.port());
    made.authorization = "Basic dXNlcjp3b3Jk";
    return made;
  }

  static task<lease> connecting(host& to) { return to.connect(to.try_place(true), {}); }
  lease connect(host& to) {
    test::root<lease> made(loop.ready(), connecting(to));
    while (!made.done()) loop.run_once();
    return made.result();
  }
  error failure(host& to) {
    test::root<lease> made(loop.ready(), connecting(to));
    while (!made.done()) loop.run_once();
    return failure_of(made);
  }
  static error failure_of(test::root<lease>& made) {
    try {
      static_cast<void>(made.result());
    } catch (const error& failed) {
      return failed;
    }
    FAIL("it connected");
    return error(errc::unavailable, "");
  }
  void turns(int count = 40) {
    for (int i = 0; i < count; ++i) loop.run_once(ring::reactor::wait::no);
  }

  manual_clock time;
  ring::reactor loop{{.clock = &time}};
  test::scripted_server server{loop, {}};
  test::tls_world secure;
  test::tls_front front;
  test::tunnel_proxy proxy;
  std::vector<std::unique_ptr<test::root<>>> serving;
  connection_pool pool{loop};
};

/// As if an answer had been read whole.
void read_answer(connection& on) {
  on.request_began();
  std::span<const std::byte> input = as_byte_span("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  for (http::step next; next.kind != http::step_kind::end;) {
    next = on.parser().feed(input);
    input = input.subspan(next.consumed);
  }
}

task<> take_turn(ref<ring::turnstile> turns, ring::reactor& loop, std::vector<std::uint64_t>& taken, manual_clock& time, duration step) {
  task<coro::permit> mine = turns->take();
  const coro::permit turn = co_await std::move(mine);
  taken.push_back(loop.enters());
  time.advance(step);
}

}  // namespace

TEST_CASE("few handshakes go on in a turn, fewer that take long, in the order of coming", "[net][handshake]") {
  const duration step = GENERATE(0ms, 1ms, 5ms);
  manual_clock time;
  ring::reactor loop({.clock = &time});
  const auto turns = make_handshake_turns(loop);
  std::vector<std::uint64_t> taken;
  {
    std::vector<std::unique_ptr<test::root<>>> waiting;
    for (int i = 0; i < 64; ++i)
      waiting.push_back(std::make_unique<test::root<>>(loop.ready(), take_turn(turns, loop, taken, time, step)));
    waiting[10].reset();
    loop.run_once(ring::reactor::wait::no);
    const std::size_t in_one = step == 0ms ? 16 : step == 1ms ? 2 : 1;
    CHECK(taken.size() == in_one);
    waiting[in_one + (step == 0ms ? 1U : 0U)].reset();  // which is the next: 10 is gone
    waiting[30].reset();
    while (!waiting[63]->done()) loop.run_once(ring::reactor::wait::no);
    REQUIRE(taken.size() == 61);
    for (std::size_t i = in_one; i < taken.size(); ++i) CHECK(taken[i] > taken[i - in_one]);
  }
}

TEST_CASE("a stop ends the wait for a turn", "[net][handshake]") {
  manual_clock time;
  ring::reactor loop({.clock = &time});
  const auto turns = make_handshake_turns(loop);
  std::vector<std::uint64_t> taken;
  coro::stop_source stop;
  test::root<> first(loop.ready(), take_turn(turns, loop, taken, time, 3ms));
  test::root<> second(loop.ready(), take_turn(turns, loop, taken, time, 3ms), stop.token());
  test::root<> third(loop.ready(), take_turn(turns, loop, taken, time, 3ms), stop.token());
  test::root<> fourth(loop.ready(), take_turn(turns, loop, taken, time, 3ms));
  loop.run_once(ring::reactor::wait::no);
  stop.request_stop();
  while (!fourth.done()) loop.run_once(ring::reactor::wait::no);
  // The second one's turn had come.
  CHECK(taken.size() == 3);
  second.result();
  CHECK_THROWS_AS(third.result(), error);
}

TEST_CASE("a connection by TLS is verified, kept, and shortens the next one's handshake", "[net][handshake]") {
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  bench on({.hosts = "DNS:bucket.example"}, {.min_version = version, .max_version = version});
  const auto to = on.pool.at(on.way());
  CHECK(on.pool.at(on.way()) == to);
  CHECK_FALSE(on.pool.at({.host = "127.0.0.1", .port = on.front.port()}) == to);
  {
    lease first = on.connect(*to);
    REQUIRE(first->stream().layers() == 1);
    CHECK(first->stream().security()->version() == (version == TLS1_3_VERSION ? "TLSv1.3" : "TLSv1.2"));
    CHECK_FALSE(first->stream().security()->resumed());
    read_answer(*first);
    // What the server's side waits for before it gives tickets may only have been written.
    const auto sending = first->stream().start_send(as_byte_span("GET"), {});
    while (!sending.completed() || on.front.handshakes == 0) on.loop.run_once();
    first->stream().sent();
    on.turns();
    first.give_back();
  }
  CHECK(to->idle() == 1);
  {
    // Tickets that came meanwhile don't make it useless.
    place idle = to->try_place(false);
    CHECK(idle.connected());
  }
  CHECK(to->idle() == 1);
  {
    // Another one, while the first is kept; its session is that one's once it is gone.
    lease gone = on.connect(*to);
  }
  place idle = to->try_place(false);
  REQUIRE(idle.connected());
  task<lease> taking = to->connect(std::move(idle), {});
  test::root<lease> taken(on.loop.ready(), std::move(taking));
  while (!taken.done()) on.loop.run_once();
  taken.result().reset();
  lease second = on.connect(*to);
  CHECK(second->stream().security()->resumed());
  // In TLS 1.2 the session is there with the handshake, and was good for the connection that is gone as well.
  CHECK(to->statistics().resumed == (version == TLS1_3_VERSION ? 1 : 2));
  CHECK(to->statistics().connects == 3);
}

TEST_CASE("a server that can't be trusted is refused, told why, and not set aside", "[net][handshake]") {
  struct wrong {
    test::certificate_wish wish;
    test::tls_server_options how;
    const char* words;
  };
  const wrong what = GENERATE(
      wrong{{.hosts = "DNS:other.example"}, {}, "the certificate of bucket.example is for another host"},
      wrong{{.hosts = "DNS:bucket.example", .ends = -60}, {}, "the certificate of bucket.example is expired"},
      wrong{{.hosts = "DNS:bucket.example", .extended_key_usage = "clientAuth"}, {}, "the certificate of bucket.example is not for servers"},
      wrong{{.hosts = "DNS:bucket.example"}, {.min_version = TLS1_VERSION, .max_version = TLS1_1_VERSION}, "bucket.example: the server speaks TLS 1.1 or older only"});
  bench on(what.wish, what.how);
  const auto to = on.pool.at(on.way());
  const error failed = on.failure(*to);
  CHECK(failed.code() == errc::untrusted_peer);
  const std::string begins = "connecting to 127.0.0.1 port " + std::to_string(on.front.port()) + ": TLS: " + what.words;
  CHECK(failed.details().message.substr(0, begins.size()) == begins);
  on.turns();
  CHECK(on.front.accepted == 1);
  CHECK(on.front.handshakes == 0);
  CHECK(to->open() == 0);
}

TEST_CASE("an authority that is not trusted makes a server unknown", "[net][handshake]") {
  bench on;
  const test::tls_world other;
  route way = on.way();
  way.trust = other.client_context();
  const error failed = on.failure(*on.pool.at(way));
  CHECK(failed.code() == errc::untrusted_peer);
  CHECK(failed.code() == tls::tls_error::unknown_authority);
}

TEST_CASE("a server that does not go on with the handshake ends at its deadline", "[net][handshake]") {
  bench on;
  ring::socket silent;
  REQUIRE_FALSE(ring::socket::listen(on.loop, ring::socket_address::loopback(0), 64, silent));
  const auto to = on.pool.at(on.way(silent.local_address().port()));
  test::root<lease> made(on.loop.ready(), bench::connecting(*to));
  on.turns();
  CHECK_FALSE(made.done());
  on.time.advance(10s - 1ns);
  on.turns();
  CHECK_FALSE(made.done());
  on.time.advance(1ns);
  while (!made.done()) on.loop.run_once(ring::reactor::wait::no);
  const error failed = bench::failure_of(made);
  CHECK(failed.code() == errc::timed_out);
  CHECK(failed.details().message == "the handshake with " + to->where() + ": deadlines.handshake of 10 s passed");
}

TEST_CASE("a server that speaks no TLS, or leaves, is named as that", "[net][handshake]") {
  bench on;
  SECTION("plain HTTP") {
    ring::socket listening;
    REQUIRE_FALSE(ring::socket::listen(on.loop, ring::socket_address::loopback(0), 64, listening));
    const auto to = on.pool.at(on.way(listening.local_address().port()));
    test::root<lease> made(on.loop.ready(), bench::connecting(*to));
    const auto answer = [](ring::socket& at) -> task<> {
      ring::accept_result peer = co_await at.accept(no_deadline);
      const auto text = make_ref<testing::text_block>("HTTP/1.1 400 Bad Request\r\n\r\n");
      static_cast<void>(co_await peer.peer.send(as_byte_span(text->text), text, no_deadline));
      static_cast<void>(co_await peer.peer.poll(POLLRDHUP, no_deadline));
    };
    test::root<> answering(on.loop.ready(), answer(listening));
    while (!made.done()) on.loop.run_once();
    const error failed = bench::failure_of(made);
    CHECK(failed.code() == tls::tls_error::plain_http);
    CHECK(failed.code() == errc::untrusted_peer);
  }
  SECTION("an early end") {
    ring::socket listening;
    REQUIRE_FALSE(ring::socket::listen(on.loop, ring::socket_address::loopback(0), 64, listening));
    const auto to = on.pool.at(on.way(listening.local_address().port()));
    test::root<lease> made(on.loop.ready(), bench::connecting(*to));
    const auto leave = [](ring::socket& at) -> task<> {
      ring::accept_result peer = co_await at.accept(no_deadline);
      const auto memory = make_ref<receive_buffer>();
      static_cast<void>(co_await peer.peer.receive(memory->bytes(), memory, no_deadline));
    };
    test::root<> leaving(on.loop.ready(), leave(listening));
    while (!made.done()) on.loop.run_once();
    const error failed = bench::failure_of(made);
    CHECK(failed.code() == tls::tls_error::closed_in_handshake);
    CHECK(failed.code() == errc::connection_lost);
  }
}

TEST_CASE("a proxy is asked for a tunnel, with what it wants to be shown, and TLS goes through it", "[net][handshake][tunnel]") {
  bench on;
  const auto to = on.pool.at(on.tunnelled());
  CHECK_FALSE(on.pool.at(on.way(on.proxy.port())) == to);
  CHECK(to->where() == "bucket.example:" + std::to_string(on.front.port()) + " through the proxy 127.0.0.1 port " +
                           std::to_string(on.proxy.port()));
  const lease made = on.connect(*to);
  CHECK(made->stream().layers() == 1);
  const std::string name = "bucket.example:" + std::to_string(on.front.port());
  CHECK(on.proxy.heads == std::vector<std::string>{"CONNECT " + name + " HTTP/1.1\r\nHost: " + name +
                                                   "\r\nProxy-Authorization: Basic dXNlcjp3b3Jk\r\nUser-Agent: s3pager\r\n\r\n"});
}

TEST_CASE("a proxy that gives no tunnel is named with its reason, and repeats no secret", "[net][handshake][tunnel]") {
  struct refusal {
    const char* answer;
    errc code;
    std::string words;
  };
  const refusal what = GENERATE(
      refusal{"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 20\r\n\r\nnot Basic dXNlcjp3b3Jk", errc::access_denied,
              "the proxy wants a user name and password, or others"},
      refusal{"HTTP/1.1 403 Forbidden\r\n\r\n", errc::access_denied, "the proxy refused CONNECT with status 403"},
      refusal{"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", errc::unavailable, "the proxy refused CONNECT with status 502"},
      refusal{"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", errc::invalid_argument, "the proxy refused CONNECT with status 302"},
      refusal{"HTTP/1.1 20x OK\r\n\r\n", errc::protocol_violation, "the proxy's answer to CONNECT: "},
      refusal{"HTTP/1.1 407", errc::connection_lost, "the proxy's answer to CONNECT: "});
  bench on;
  on.proxy.answer = what.answer;
  const auto to = on.pool.at(on.tunnelled());
  const error failed = on.failure(*to);
  CHECK(failed.code() == what.code);
  CHECK(failed.details().message.find("connecting to " + to->where() + ": " + what.words) == 0);
  CHECK(failed.details().message.find("dXNlcjp3b3Jk") == std::string::npos);
}

TEST_CASE("an answer to CONNECT means the same however it is cut", "[net][handshake][tunnel]") {
  const auto feed = [](std::string_view text, std::size_t cut) {
    tunnel_answer answer;
    try {
      if (answer.feed(as_byte_span(text.substr(0, cut)))) return std::string("early");
      return std::string(answer.feed(as_byte_span(text.substr(cut))) ? "open" : "waits");
    } catch (const error& failed) {
      return std::to_string(failed.http_status()) + " " + failed.details().message;
    }
  };
  // The length of what is no body counts for nothing (RFC 9110 9.3.6).
  const std::string open = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string plain = "HTTP/1.0 200 Connection established\r\nContent-Length: 10\r\n\r\n";
  const std::string refused = "HTTP/1.1 407 No\r\nContent-Length: 3\r\n\r\nabc";
  for (std::size_t cut = 0; cut < plain.size(); ++cut) CHECK(feed(plain, cut) == "open");
  for (std::size_t cut = 0; cut < refused.size() - 3; ++cut)
    CHECK(feed(refused, cut) == "407 the proxy wants a user name and password, or others");
  CHECK(feed(plain + "x", plain.size() - 1) == "0 the proxy speaks in the tunnel's place");
  CHECK(feed(open, 5).find("0 the proxy's answer to CONNECT: ") == 0);  // two lengths are no answer
}
