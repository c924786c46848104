// Each fault of an origin as a client sees it on the wire.
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/base/bytes.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/testing/behaviour.hpp"
#include "s3pager/xml/error_body.hpp"
#include "s3pager/xml/list_result.hpp"
#include "support/catch.hpp"
#include "unit/testing/bench.hpp"
#include "unit/testing/wire.hpp"

using namespace s3pager;
using namespace s3pager::testing;
using namespace s3pager::test;
using namespace std::chrono_literals;

namespace {

request_hook once(behaviour how) {
  return [how](const request_info& asked) { return asked.index == 0 ? how : behaviour{}; };
}

/// How the first request's answer comes, and the raw text of all that came until the connection ended or `most` bytes.
struct faulty {
  wire_answer got;
  std::error_code end;   // of the connection, if it was waited for
};
faulty ask(behaviour how, std::string target = "/m/k", std::string headers = {}, bool to_end = false) {
  bench made;
  made.server.set_hook(once(how));
  faulty out;
  made.run([](bench& in, std::string what, std::string more, bool wait, faulty& seen) -> task<> {
    wire client(in.loop);
    co_await client.connect(in.server.port());
    seen.got = co_await client.ask("GET", std::move(what), std::move(more));
    if (wait) seen.end = co_await client.end();
  }(made, std::move(target), std::move(headers), to_end, out));
  return out;
}

/// Everything up to the end of the connection, as text.
std::string raw(behaviour how, std::string target = "/m/k") {
  bench made;
  made.server.set_hook(once(how));
  std::string out;
  made.run([](bench& in, std::string what, std::string& text) -> task<> {
    wire client(in.loop);
    co_await client.connect(in.server.port());
    co_await client.send("GET " + what + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    text = co_await client.rest();
  }(made, std::move(target), out));
  return out;
}

/// Reads `most` bytes of an answer without end, hangs up, and waits until the origin has noticed.
std::string some_of(behaviour how, std::string target, std::size_t most) {
  bench made;
  made.server.set_hook(once(how));
  std::string out;
  made.run([](bench& in, std::string what, std::size_t enough, std::string& text) -> task<> {
    wire client(in.loop);
    co_await client.connect(in.server.port());
    co_await client.send("GET " + what + " HTTP/1.1\r\nHost: h\r\n\r\n");
    text = co_await client.rest(enough);
    CHECK(in.server.counters().connections_open == 1);
    client.drop();
    co_await turns_until(in.loop, [&in] { return in.server.counters().connections_open == 0; });
  }(made, std::move(target), most, out));
  return out;
}

}  // namespace

TEST_CASE("an answer can be cut after any of its bytes, head included", "[testing][faults]") {
  const std::string whole = raw({});
  for (std::uint64_t at = 0; at < whole.size(); ++at) {
    CAPTURE(at);
    CHECK(raw({.cut_answer_at = at}) == whole.substr(0, at));
  }
  CHECK(raw({.cut_answer_at = whole.size() + 3, .wrap = true}) == whole.substr(0, 3));
}

TEST_CASE("a cut may be a reset, before the answer or in it", "[testing][faults]") {
  CHECK(ask({.cut_head = true, .cut = cut_kind::reset}, "/m/k", {}, true).end == errno_code(ECONNRESET));
  CHECK(ask({.cut_answer_at = 100, .cut = cut_kind::reset}, "/m/k", {}, true).end == errno_code(ECONNRESET));
  CHECK(ask({.cut_at = 2 << 20, .cut = cut_kind::reset}, "/s/00000002", {}, true).end == errno_code(ECONNRESET));
  CHECK_FALSE(ask({.cut_at = 5}, "/m/k", {}, true).end);
}

TEST_CASE("a half-closed connection stays until the client closes it", "[testing][faults]") {
  bench made;
  made.server.set_hook(once({.cut_at = 5, .cut = cut_kind::half_close}));
  made.run([](bench& in) -> task<> {
    wire client(in.loop);
    co_await client.connect(in.server.port());
    const wire_answer got = co_await client.ask("GET", "/m/k");
    CHECK(got.body == "01234");
    CHECK_FALSE(got.complete);
    for (int i = 0; i < 20; ++i) co_await ring::next_turn(in.loop);
    CHECK(in.server.counters().connections_open == 1);
    co_await client.send("more");
    client.drop();
    co_await turns_until(in.loop, [&in] { return in.server.counters().connections_open == 0; });
  }(made));
}

TEST_CASE("connections can be refused as soon as they are accepted", "[testing][faults]") {
  bench made;
  made.server.set_hook(once({.cut_head = true, .refuse_next = 2}));
  made.run([](bench& in) -> task<> {
    for (int i = 0; i < 4; ++i) {
      wire client(in.loop);
      co_await client.connect(in.server.port());
      const wire_answer got = co_await client.try_ask("/m/k");
      CHECK(got.status == (i == 3 ? 200 : 0));
    }
    CHECK(in.server.counters().requests == 2);
  }(made));
}

TEST_CASE("a stall without a gate lasts until the client hangs up, wherever it is", "[testing][faults]") {
  const std::string whole = some_of({}, "/m/k", 1);
  for (const std::uint64_t at : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{100}, whole.size() - 1}) {
    CAPTURE(at);
    CHECK(some_of({.stall_answer_at = at}, "/m/k", at) == whole.substr(0, at));
  }
  CHECK(some_of({.stall_head = true}, "/m/k", 0).empty());
}

TEST_CASE("some bytes of an answer can go slowly", "[testing][faults]") {
  bench made;
  made.server.set_hook(once({.slow_at = 10, .slow_bytes = 2000, .slow_rate = 50'000}));
  made.run([](bench& in) -> task<> {
    wire client(in.loop);
    co_await client.connect(in.server.port());
    co_await client.send("GET /s/00000002 HTTP/1.1\r\nHost: h\r\n\r\n");
    // 2,000 bytes, the head's rest among them, at 50 a millisecond: 40 ms in all.
    const time_point began = in.loop.now();
    int pauses = 0;
    while (in.loop.now() - began < 40ms) {
      co_await turns_until(in.loop, [&in] {
        return in.loop.timers().size() > 0 && in.loop.timers().next() > in.loop.now();
      });
      ++pauses;
      in.time.advance(in.loop.timers().next() - in.loop.now());
    }
    CHECK(pauses >= 2);
    CHECK(in.server.counters().bytes_sent == 2010);
    const wire_answer got = co_await client.receive();
    CHECK(got.body.size() == 3 << 20);
    CHECK(in.loop.now() - began == 40ms);
  }(made));
}

TEST_CASE("bytes may follow an answer", "[testing][faults]") {
  const std::string whole = raw({});
  CHECK(raw({.extra = "HTTP/1.1 200 OK\r\n\r\n"}) == whole + "HTTP/1.1 200 OK\r\n\r\n");
  const std::string large = raw({}, "/s/00000002");
  CHECK(raw({.extra = "x"}, "/s/00000002") == large + "x");
}

TEST_CASE("lengths and ranges may be wrong", "[testing][faults]") {
  CHECK(ask({.close = true, .length_off = 5}).got.headers.at("content-length") == "15");
  CHECK(ask({.length_off = -3}).got.body == "0123456");
  CHECK(ask({.length_off = -30}).got.headers.at("content-length") == "0");
  const faulty moved = ask({.range_off = 2}, "/m/k", "Range: bytes=2-5\r\n");
  CHECK(moved.got.status == 206);
  CHECK(moved.got.headers.at("content-range") == "bytes 4-7/10");
  CHECK(moved.got.body == "2345");
  const faulty ignored = ask({.ignore_range = true}, "/m/k", "Range: bytes=2-5\r\n");
  CHECK(ignored.got.status == 200);
  CHECK(ignored.got.headers.count("content-range") == 0);
  CHECK(ignored.got.body == "0123456789");
}

TEST_CASE("one bit of a body can be flipped", "[testing][faults]") {
  const faulty flipped = ask({.flip_at = 13});
  CHECK(flipped.got.body == "012;456789");
  CHECK(ask({.flip_at = 13}, "/s/00000000").got.body.empty());
  bench made;
  made.server.set_hook(once({.flip_at = 2'000'000}));
  made.run([](bench& in) -> task<> {
    wire client(in.loop);
    co_await client.connect(in.server.port());
    wire_answer got = co_await client.ask("GET", "/s/00000002");
    CHECK(got.complete);
    CHECK_FALSE(synthetic_equal(1, 2, 0, as_byte_span(got.body)));
    got.body[2'000'000] ^= 1;
    CHECK(synthetic_equal(1, 2, 0, as_byte_span(got.body)));
  }(made));
}

TEST_CASE("throttling may say when to come back, and a redirect where to go", "[testing][faults]") {
  const faulty slow = ask({.status = 503, .retry_after = 7s});
  CHECK(slow.got.status == 503);
  CHECK(slow.got.headers.at("retry-after") == "7");
  CHECK(ask({.status = 503}).got.headers.count("retry-after") == 0);
  CHECK(xml::parse_error_body(ask({.status = 429}).got.body)->code == "TooManyRequests");
  const faulty elsewhere = ask({.status = 307, .location = "http://127.0.0.1:1/x"});
  CHECK(elsewhere.got.status == 307);
  CHECK(elsewhere.got.headers.at("location") == "http://127.0.0.1:1/x");
  CHECK(xml::parse_error_body(elsewhere.got.body)->code == "TemporaryRedirect");
  const faulty moved = ask({.status = 301, .region = "eu-central-1"});
  CHECK(moved.got.headers.count("location") == 0);
  CHECK(moved.got.headers.at("x-amz-bucket-region") == "eu-central-1");
  CHECK(xml::parse_error_body(moved.got.body)->code == "PermanentRedirect");
}

TEST_CASE("a list may be an error, broken or half", "[testing][faults]") {
  const std::string target = "/m?list-type=2";
  const std::string right = ask({}, target).got.body;
  const faulty failed = ask({.list = list_fault::error}, target);
  CHECK(failed.got.status == 200);
  CHECK(xml::parse_error_body(failed.got.body)->code == "InternalError");
  for (const list_fault how : {list_fault::broken, list_fault::truncated}) {
    const faulty spoiled = ask({.list = how}, target);
    CHECK(spoiled.got.status == 200);
    CHECK(spoiled.got.complete);
    CHECK(spoiled.got.body != right);
    auto bytes = std::make_unique<char[]>(spoiled.got.body.size());
    std::copy(spoiled.got.body.begin(), spoiled.got.body.end(), bytes.get());
    ref<xml::list_page> page;
    CHECK(xml::parse_list_page(std::move(bytes), spoiled.got.body.size(), page));
  }
}

TEST_CASE("what never ends goes on until the client hangs up", "[testing][faults]") {
  constexpr std::size_t enough = 3 << 20;
  const std::string interim = some_of({.without_end = endless::informational}, "/m/k", enough);
  CHECK(interim.size() >= enough);
  CHECK(interim.substr(25, 25) == "HTTP/1.1 100 Continue\r\n\r\n");
  const std::string head = some_of({.without_end = endless::headers}, "/m/k", enough);
  CHECK(head.size() >= enough);
  CHECK(head.find("\r\n\r\n") == std::string::npos);
  const std::string body = some_of({.without_end = endless::chunks}, "/m/k", enough);
  CHECK(body.size() >= enough);
  CHECK(body.find("Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n4000\r\n") != std::string::npos);
  const std::string list = some_of({.without_end = endless::chunks}, "/m?list-type=2", enough);
  CHECK(list.size() >= enough);
  CHECK(list.find("<Contents><Key>endless</Key>") != std::string::npos);
}

TEST_CASE("a few interim answers may come before an answer", "[testing][faults]") {
  CHECK(raw({.informational = 2}) == "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + raw({}));
}

TEST_CASE("a kept connection may be closed without notice, at once or with the next request", "[testing][faults]") {
  for (const bool at_once : {true, false}) {
    CAPTURE(at_once);
    bench made;
    made.server.set_hook(once({.close_silently = at_once, .close_on_next = !at_once}));
    made.run([](bench& in, bool now) -> task<> {
      wire client(in.loop);
      co_await client.connect(in.server.port());
      const wire_answer got = co_await client.ask("GET", "/m/k");
      CHECK(got.complete);
      CHECK(got.keep_alive);
      if (!now) {
        for (int i = 0; i < 20; ++i) co_await ring::next_turn(in.loop);
        CHECK(in.server.counters().connections_open == 1);
        co_await client.send("GET /m/k HTTP/1.1\r\nHost: h\r\n\r\n");
      }
      const bool closed = co_await client.closed();
      CHECK(closed);
      CHECK(in.server.counters().requests == 1);
    }(made, at_once));
  }
}

TEST_CASE("a deaf connection answers nothing more, and stays", "[testing][faults]") {
  bench made;
  made.server.set_hook(once({.deaf = true}));
  made.run([](bench& in) -> task<> {
    wire client(in.loop);
    co_await client.connect(in.server.port());
    const wire_answer got = co_await client.ask("GET", "/m/k");
    CHECK(got.keep_alive);
    co_await client.send("GET /m/k HTTP/1.1\r\nHost: h\r\n\r\n");
    for (int i = 0; i < 20; ++i) co_await ring::next_turn(in.loop);
    CHECK(in.server.counters().connections_open == 1);
    CHECK(in.server.counters().requests == 1);
    client.drop();
    co_await turns_until(in.loop, [&in] { return in.server.counters().connections_open == 0; });
  }(made));
}
