#include "s3pager/testing/origin.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "s3pager/aws/signer.hpp"
#include "s3pager/coro/scope.hpp"
#include "s3pager/coro/when_all.hpp"
#include "s3pager/testing/directory_bucket.hpp"
#include "s3pager/xml/error_body.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "unit/testing/bench.hpp"
#include "unit/testing/wire.hpp"

using namespace s3pager;
using namespace s3pager::testing;
using test::bench;
using test::wire;
using test::wire_answer;

TEST_CASE("an origin asks for signatures if it has a key", "[testing][origin]") {
  bench made({.access_key_id = "AKEXAMPLE", .secret_access_key = "example"});
  made.run([](bench& in) -> task<> {
    wire client(in.loop);
    co_await client.connect(in.server.port());
    const wire_answer refused = co_await client.ask("GET", "/m/k");
    CHECK(refused.status == 403);
    CHECK(xml::parse_error_body(refused.body)->code == "AccessDenied");

    aws::signer signer({.access_key_id = "AKEXAMPLE", .secret_access_key = "example"}, "us-east-1");
    const std::string date(signer.amz_date(in.time.wall()));
    const std::vector<aws::signed_header> headers{
        {"host", "s3.localhost"}, {"x-amz-content-sha256", aws::unsigned_payload}, {"x-amz-date", date}};
    aws::signature signature;
    const auto failure = signer.sign({.method = "GET", .path = "/m/k", .headers = headers}, in.time.wall(), signature);
    CHECK_FALSE(failure);
    const std::string more = "x-amz-date: " + date + "\r\nx-amz-content-sha256: UNSIGNED-PAYLOAD\r\nAuthorization: " +
                             std::string(signature.authorization()) + "\r\n";
    const wire_answer let_in = co_await client.ask("GET", "/m/k", more);
    CHECK(let_in.status == 200);
    CHECK(let_in.body == "0123456789");
    in.time.advance(std::chrono::minutes(16));
    const wire_answer late = co_await client.ask("GET", "/m/k", more);
    CHECK(xml::parse_error_body(late.body)->code == "RequestTimeTooSkewed");
  }(made));
}

TEST_CASE("a bucket is found by path and by host", "[testing][origin]") {
  bench made;
  made.run([](bench& in) -> task<> {
    wire client(in.loop);
    co_await client.connect(in.server.port());
    co_await client.send("GET /k HTTP/1.1\r\nHost: m.s3.localhost:80\r\n\r\n");
    const wire_answer by_host = co_await client.receive();
    CHECK(by_host.body == "0123456789");
    co_await client.send("GET /m/k HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    const wire_answer by_path = co_await client.receive();
    CHECK(by_path.body == "0123456789");
  }(made));
}

TEST_CASE("a hook sees what is asked", "[testing][origin]") {
  bench made;
  std::vector<std::string> seen;
  made.server.set_hook([&seen](const request_info& asked) {
    seen.push_back(std::to_string(asked.index) + ' ' + std::string(asked.method) + ' ' + std::string(asked.bucket) +
                   ' ' + std::string(asked.key) + ' ' + std::string(asked.range) + ' ' + std::string(asked.query));
    return behaviour{};
  });
  made.run([](bench& in) -> task<> {
    wire client(in.loop);
    co_await client.connect(in.server.port());
    co_await client.ask("GET", "/m/a%20b", "Range: bytes=0-1\r\n");
    co_await client.ask("HEAD", "/s?list-type=2");
  }(made));
  CHECK(seen == std::vector<std::string>{"0 GET m a b bytes=0-1 ", "1 HEAD s   list-type=2"});
}

TEST_CASE("buckets may change while they are served", "[testing][origin]") {
  bench made;
  made.run([](bench& in) -> task<> {
    wire client(in.loop);
    co_await client.connect(in.server.port());
    in.memory->put("k", "new");
    const wire_answer replaced = co_await client.ask("GET", "/m/k");
    CHECK(replaced.body == "new");
    in.memory->remove("k");
    const wire_answer removed = co_await client.ask("GET", "/m/k");
    CHECK(removed.status == 404);
    in.server.add_bucket("later", in.memory);
    const wire_answer added = co_await client.ask("GET", "/later?list-type=2");
    CHECK(added.status == 200);
  }(made));
}

TEST_CASE("an origin serves many connections side by side", "[testing][origin]") {
  bench made;
  made.run([](bench& in) -> task<> {
    coro::scope clients(co_await coro::this_context());
    for (int i = 0; i < 50; ++i)
      clients.spawn([](bench& of) -> task<> {
        wire client(of.loop);
        co_await client.connect(of.server.port());
        for (int n = 0; n < 5; ++n) {
          const wire_answer got = co_await client.ask("GET", n % 2 == 0 ? "/s/00000001" : "/s/00000002");
          CHECK(synthetic_equal(1, n % 2 == 0 ? 1 : 2, 0, as_byte_span(got.body)));
          CHECK(got.body.size() == (n % 2 == 0 ? 1024 : 3 << 20));
        }
      }(in));
    co_await clients.join();
    CHECK(in.server.counters().connections_accepted == 50);
    CHECK(in.server.counters().requests == 250);
  }(made));
  CHECK(made.server.counters().connections_open == 0);
}

TEST_CASE("a stop ends all connections where they are", "[testing][origin]") {
  coro::event gate;
  bench made;
  made.server.set_hook([&gate](const request_info&) { return behaviour{.gate = &gate, .stall_at = 5}; });
  made.loop.run(coro::when_all(made.server.serve(), [](bench& in) -> task<> {
    wire idle(in.loop);
    co_await idle.connect(in.server.port());
    wire stalled(in.loop);
    co_await stalled.connect(in.server.port());
    co_await stalled.send("GET /m/k HTTP/1.1\r\nHost: h\r\n\r\n");
    const wire_answer begun = co_await stalled.receive(false, 5);
    CHECK(begun.body == "01234");
    in.server.stop();
    const wire_answer cut = co_await stalled.receive();
    CHECK_FALSE(cut.complete);
    const bool closed = co_await idle.closed();
    CHECK(closed);
  }(made)));
  CHECK(made.server.counters().connections_open == 0);
}

TEST_CASE("a port that is taken is an error", "[testing][origin]") {
  bench made;
  const origin_options options{.port = made.server.port()};
  CHECK_THROWS_AS(origin(made.loop, options), error);
}

TEST_CASE("dropping an origin and its clients anywhere leaves nothing behind", "[testing][origin]") {
  bench made({.list_chunk_bytes = 300,
              .first_byte_delay = std::chrono::seconds(1),
              .bytes_per_second = 1'000'000,
              .requests_per_connection = 3});
  const auto directory = std::make_shared<directory_bucket>(std::filesystem::path(__FILE__).parent_path());
  made.server.add_bucket("d", directory);
  coro::event gate;
  std::uint64_t asked = 0;
  made.server.set_hook([&](const request_info&) {
    return ++asked % 5 == 1 ? behaviour{.gate = &gate, .stall_head = true} : behaviour{.gate = &gate, .stall_at = 100};
  });
  const std::size_t descriptors = ring::descriptor::live();
  const auto client = [](bench& in) -> task<> {
    wire first(in.loop);
    co_await first.connect(in.server.port());
    for (const char* target : {"/m/k", "/s?list-type=2&max-keys=3", "/d/wire.hpp"}) {
      const wire_answer got = co_await first.ask("GET", target);
      CHECK(got.status == 200);
    }
    wire second(in.loop);
    co_await second.connect(in.server.port());
    co_await second.ask("GET", "/s/00000001");
  };
  const auto step = [&] {
    if (made.loop.ready().empty() && made.loop.timers().size() > 0) made.time.advance(std::chrono::milliseconds(100));
    gate.set();
    gate.reset();
    made.loop.run_once(ring::reactor::wait::no, 1);
    return true;
  };
  const auto settle = [&] {
    made.settle();
    asked = 0;
    if (ring::descriptor::live() != descriptors) throw std::logic_error("descriptors are left");
    if (made.loop.live_operations() != 0) throw std::logic_error("operations are left");
    if (made.loop.timers().size() != 0) throw std::logic_error("timers are left");
    if (made.server.counters().connections_open != 0) throw std::logic_error("connections are left");
  };
  const auto report = test::drop_sweep(
      made.loop.ready(),
      [&]() -> task<> {
        return [](bench& in, task<> of) -> task<> {
          co_await coro::when_any(in.server.serve(), std::move(of));
        }(made, client(made));
      },
      step, settle);
  CHECK(report.drops > 50);
  for (const test::site& missed : report.missed()) UNSCOPED_INFO(missed.file << ':' << missed.line);
  CHECK(report.missed().empty());
}
