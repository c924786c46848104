#include "s3pager/testing/connection.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "s3pager/base/bytes.hpp"
#include "s3pager/coro/event.hpp"
#include "s3pager/testing/pattern.hpp"
#include "s3pager/xml/error_body.hpp"
#include "support/catch.hpp"
#include "unit/testing/bench.hpp"
#include "unit/testing/wire.hpp"

using namespace s3pager;
using namespace s3pager::testing;
using namespace std::chrono_literals;
using test::bench;
using ring::next_turn;
using test::turns_until;
using test::wire;
using test::wire_answer;

namespace {

/// A hook that does `first` to the first request, and nothing to the others.
request_hook once(const behaviour& first) {
  return [first](const request_info& asked) { return asked.index == 0 ? first : behaviour{}; };
}

}  // namespace

TEST_CASE("one connection answers one request after another", "[testing][connection]") {
  bench made;
  made.run([](bench& in) -> task<> {
    wire client(in.loop);
    co_await client.connect(in.server.port());
    const wire_answer whole = co_await client.ask("GET", "/m/k");
    CHECK(whole.status == 200);
    CHECK(whole.body == "0123456789");
    CHECK(whole.keep_alive);
    CHECK(whole.headers.at("content-length") == "10");
    CHECK(whole.headers.at("etag") == "\"781e5e245d69b566979b86e28d23f2c7\"");
    CHECK(whole.headers.at("date") == "Tue, 14 Nov 2023 22:13:20 GMT");
    CHECK(whole.headers.at("x-amz-request-id").size() == 16);
    CHECK(whole.headers.count("x-amz-id-2") == 1);

    const wire_answer part = co_await client.ask("GET", "/m/k", "Range: bytes=-4\r\n");
    CHECK(part.status == 206);
    CHECK(part.body == "6789");
    CHECK(part.headers.at("content-range") == "bytes 6-9/10");

    const wire_answer head = co_await client.ask("HEAD", "/m/k");
    CHECK(head.status == 200);
    CHECK(head.body.empty());
    CHECK(head.headers.at("content-length") == "10");

    const wire_answer unchanged = co_await client.ask("GET", "/m/k", "If-None-Match: *\r\n");
    CHECK(unchanged.status == 304);
    CHECK(unchanged.body.empty());

    const wire_answer missing = co_await client.ask("GET", "/m/none");
    CHECK(missing.status == 404);
    const auto error = xml::parse_error_body(missing.body);
    REQUIRE(error);
    CHECK(error->code == "NoSuchKey");
    CHECK(error->key == "none");
    CHECK(error->request_id == missing.headers.at("x-amz-request-id"));
    CHECK(error->host_id == missing.headers.at("x-amz-id-2"));

    const wire_answer empty = co_await client.ask("GET", "/s/00000000");
    CHECK(empty.status == 200);
    CHECK(empty.headers.at("content-length") == "0");
    CHECK(in.server.counters().requests == 6);
    CHECK(in.server.counters().connections_accepted == 1);
    CHECK(in.server.counters().connections_open == 1);
  }(made));
}

TEST_CASE("a large body arrives byte for byte", "[testing][connection]") {
  bench made({.send_bytes = 100'000});
  made.run([](bench& in) -> task<> {
    wire client(in.loop);
    co_await client.connect(in.server.port());
    const wire_answer whole = co_await client.ask("GET", "/s/00000002");
    CHECK(whole.body.size() == 3 << 20);
    CHECK(synthetic_equal(1, 2, 0, as_byte_span(whole.body)));
    const wire_answer part = co_await client.ask("GET", "/s/00000005", "Range: bytes=1000000-2999999\r\n");
    CHECK(part.status == 206);
    CHECK(part.body.size() == 2'000'000);
    CHECK(synthetic_equal(1, 5, 1'000'000, as_byte_span(part.body)));
    CHECK(in.server.counters().bytes_sent > (3U << 20) + 2'000'000);
    CHECK(in.server.counters().bytes_sent < (3U << 20) + 2'002'000);
  }(made));
}

TEST_CASE("lists come with a length or in chunks, and are the same", "[testing][connection]") {
  std::vector<std::string> bodies;
  for (const std::size_t chunk : {0U, 1U, 7U, 1000U, 1U << 20}) {
    bench made({.list_chunk_bytes = chunk});
    made.run([](bench& in, std::vector<std::string>& out, bool chunked) -> task<> {
      wire client(in.loop);
      co_await client.connect(in.server.port());
      const wire_answer got = co_await client.ask("GET", "/s?list-type=2&max-keys=200");
      CHECK(got.complete);
      CHECK(got.headers.count("transfer-encoding") == (chunked ? 1 : 0));
      CHECK(got.headers.count("content-length") == (chunked ? 0 : 1));
      CHECK(got.headers.at("content-type") == "application/xml");
      out.push_back(got.body);
      const wire_answer after = co_await client.ask("GET", "/m/k");
      CHECK(after.body == "0123456789");
    }(made, bodies, chunk != 0));
  }
  for (const std::string& body : bodies) CHECK(body == bodies.front());
}

TEST_CASE("a connection ends after as many requests as it may have", "[testing][connection]") {
  bench made({.requests_per_connection = 2});
  made.run([](bench& in) -> task<> {
    wire client(in.loop);
    co_await client.connect(in.server.port());
    const wire_answer first = co_await client.ask("GET", "/m/k");
    CHECK(first.keep_alive);
    const wire_answer second = co_await client.ask("GET", "/m/k");
    CHECK(second.body == "0123456789");
    CHECK_FALSE(second.keep_alive);
    const bool closed = co_await client.closed();
    CHECK(closed);
  }(made));
}

TEST_CASE("a connection ends when its client wants it to, or sends what is no request", "[testing][connection]") {
  for (const char* text : {"GET /m/k HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "GET /m/k HTTP/1.0\r\nHost: h\r\n\r\n",
                           "PUT /m/k HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n", "nonsense\r\n\r\n",
                           "GET /m/k HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    CAPTURE(text);
    bench made;
    made.run([](bench& in, std::string request) -> task<> {
      wire client(in.loop);
      co_await client.connect(in.server.port());
      co_await client.send(std::move(request));
      const wire_answer got = co_await client.receive();
      CHECK(got.complete);
      CHECK((got.status == 200 || got.status == 400 || got.status == 405));
      CHECK_FALSE(got.keep_alive);
      const bool closed = co_await client.closed();
      CHECK(closed);
    }(made, text));
  }
}

TEST_CASE("a request may come in pieces", "[testing][connection]") {
  bench made;
  made.run([](bench& in) -> task<> {
    wire client(in.loop);
    co_await client.connect(in.server.port());
    for (const char* piece : {"GET /m/", "k HTTP/1.1\r", "\nHost: h\r\n\r", "\n"}) {
      co_await client.send(piece);
      for (int i = 0; i < 10; ++i) co_await next_turn(in.loop);
    }
    const wire_answer got = co_await client.receive();
    CHECK(got.body == "0123456789");
  }(made));
}

TEST_CASE("a delay is on the reactor's clock", "[testing][connection]") {
  bench made({.first_byte_delay = 3s});
  made.server.set_hook(once({.delay = 2s}));
  made.run([](bench& in) -> task<> {
    wire client(in.loop);
    co_await client.connect(in.server.port());
    co_await client.send("GET /m/k HTTP/1.1\r\nHost: h\r\n\r\n");
    co_await turns_until(in.loop, [&] { return in.loop.timers().size() > 0; });
    CHECK(in.loop.timers().next() == in.loop.now() + 5s);
    CHECK(in.server.counters().bytes_sent == 0);
    in.time.advance(5s);
    const wire_answer got = co_await client.receive();
    CHECK(got.body == "0123456789");
  }(made));
}

TEST_CASE("a rate is kept for each connection", "[testing][connection]") {
  bench made({.bytes_per_second = 50'000});
  made.run([](bench& in) -> task<> {
    wire client(in.loop);
    co_await client.connect(in.server.port());
    const time_point began = in.loop.now();
    co_await client.send("GET /s/00000002 HTTP/1.1\r\nHost: h\r\nRange: bytes=0-99999\r\n\r\n");
    for (int step = 1; step <= 100; ++step) {  // of 20 ms, 1,000 bytes each
      co_await turns_until(in.loop, [&] { return in.loop.timers().size() > 0; });
      CHECK(in.loop.timers().next() == began + step * 20ms);
      in.time.advance(20ms);
      if (step == 100) break;
      co_await turns_until(in.loop, [&] { return in.loop.timers().size() == 0; });
    }
    const wire_answer got = co_await client.receive();
    CHECK(got.complete);
    CHECK(synthetic_equal(1, 2, 0, as_byte_span(got.body)));
  }(made));
}

TEST_CASE("a stall lasts until its gate opens", "[testing][connection]") {
  coro::event gate;
  bench made;
  for (const std::uint64_t at : {0U, 1U, 700'000U}) {
    gate.reset();
    made.server.set_hook([&gate, at](const request_info&) { return behaviour{.gate = &gate, .stall_at = at}; });
    made.run([](bench& in, coro::event& stalled, std::uint64_t bytes) -> task<> {
      wire client(in.loop);
      co_await client.connect(in.server.port());
      const std::uint64_t before = in.server.counters().bytes_sent;
      co_await client.send("GET /s/00000002 HTTP/1.1\r\nHost: h\r\n\r\n");
      const wire_answer begun = co_await client.receive(false, bytes);
      CHECK(begun.status == (bytes == 0 ? 0 : 200));
      CHECK(begun.body.size() == bytes);
      stalled.set();
      co_await turns_until(in.loop, [&] { return in.server.counters().bytes_sent >= before + (3 << 20); });
      client.drop();
    }(made, gate, at));
  }
}

TEST_CASE("a head may stall too", "[testing][connection]") {
  coro::event gate;
  bench made;
  made.server.set_hook(once({.gate = &gate, .stall_head = true}));
  made.run([](bench& in, coro::event& stalled) -> task<> {
    wire client(in.loop);
    co_await client.connect(in.server.port());
    co_await client.send("GET /m/k HTTP/1.1\r\nHost: h\r\n\r\n");
    co_await turns_until(in.loop, [&] { return in.server.counters().requests == 1; });
    for (int i = 0; i < 20; ++i) co_await next_turn(in.loop);
    CHECK(in.server.counters().bytes_sent == 0);
    stalled.set();
    const wire_answer got = co_await client.receive();
    CHECK(got.body == "0123456789");
  }(made, gate));
}

TEST_CASE("a cut ends the connection after as many bytes of the body", "[testing][connection]") {
  struct row {
    const char* target;
    std::uint64_t at;
    std::size_t arrives;
    bool complete;
  };
  for (const row& each : {row{"/m/k", 0, 0, false}, row{"/m/k", 9, 9, false}, row{"/m/k", 10, 10, true},
                          row{"/s/00000002", 1'234'567, 1'234'567, false}}) {
    CAPTURE(each.target, each.at);
    bench made;
    made.server.set_hook(once({.cut_at = each.at}));
    made.run([](bench& in, row want) -> task<> {
      wire client(in.loop);
      co_await client.connect(in.server.port());
      const wire_answer got = co_await client.ask("GET", want.target);
      CHECK(got.status == 200);
      CHECK(got.body.size() == want.arrives);
      CHECK(got.complete == want.complete);
      const bool closed = co_await client.closed();
      CHECK(closed);
    }(made, each));
  }
  bench made;
  made.server.set_hook(once({.cut_head = true}));
  made.run([](bench& in) -> task<> {
    wire client(in.loop);
    co_await client.connect(in.server.port());
    const wire_answer got = co_await client.ask("GET", "/m/k");
    CHECK(got.status == 0);
  }(made));
}

TEST_CASE("any status can be had", "[testing][connection]") {
  bench made;
  made.server.set_hook([](const request_info& asked) {
    if (asked.index == 0) return behaviour{.status = 503};
    if (asked.index == 1) return behaviour{.status = 500, .code = "OperationAborted", .close = true};
    return behaviour{};
  });
  made.run([](bench& in) -> task<> {
    wire client(in.loop);
    co_await client.connect(in.server.port());
    const wire_answer slow = co_await client.ask("GET", "/m/k");
    CHECK(slow.status == 503);
    CHECK(slow.keep_alive);
    CHECK(xml::parse_error_body(slow.body)->code == "SlowDown");
    const wire_answer aborted = co_await client.ask("GET", "/m/k");
    CHECK(aborted.status == 500);
    CHECK_FALSE(aborted.keep_alive);
    CHECK(xml::parse_error_body(aborted.body)->code == "OperationAborted");
  }(made));
}
