// Every wait has a deadline: what an origin stalls at ends there, on time, and says so; and a consumer that is slow trips none.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/coro/event.hpp"
#include "s3pager/pager/client.hpp"
#include "s3pager/ring/offload.hpp"
#include "support/addresses.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "support/scripted_names.hpp"
#include "support/watching_hook.hpp"
#include "support/world.hpp"

using namespace s3pager;
using namespace s3pager::test;
using namespace std::chrono_literals;

namespace {

testing::synthetic_options sizes(std::vector<std::uint64_t> each) { return {.count = each.size(), .sizes = each}; }

void turns(world& in, int count = 60) {
  for (int i = 0; i < count; ++i) in.loop.run_once(ring::reactor::wait::no);
}
void pass(world& in, duration span) {
  in.time.advance(span);
  turns(in);
}

/// A consumer of its own, that takes all pages there are, or stops for a while after some.
struct consumer {
  consumer(world& in, page_stream from, std::size_t pages = ~std::size_t{0})
      : stream(std::move(from)), got(*in.objects), run(std::in_place, in.loop.ready(), take(*this, pages)) {}

  static task<> take(consumer& self, std::size_t most) {
    try {
      for (std::size_t i = 0; i < most; ++i) {
        const std::optional<page> next = co_await self.stream.next();
        if (!next) break;
        self.got.take(*next);
      }
    } catch (const error& failed) {
      self.failure.emplace(failed);
    }
  }
  void go_on(world& in, std::size_t pages = ~std::size_t{0}) { run.emplace(in.loop.ready(), take(*this, pages)); }
  [[nodiscard]] bool done() const { return run->done(); }
  [[nodiscard]] std::string message() const { return failure ? failure->details().message : std::string("no failure"); }
  [[nodiscard]] bool timed_out() const { return failure && failure->code() == errc::timed_out; }

  page_stream stream;
  reader got;
  std::optional<error> failure;
  std::optional<root<>> run;
};

/// Nothing but what a test sets ends a wait.
s3pager::deadlines none() {
  return {.resolve = no_limit,
          .connect = no_limit,
          .handshake = no_limit,
          .place = no_limit,
          .first_byte = no_limit,
          .idle = no_limit,
          .min_bytes_per_second = 0,
          .object = no_limit,
          .run = no_limit};
}

/// How a deadline's error says where.
std::string place(const world& in) { return " at " + in.endpoint.substr(7).replace(in.endpoint.find(':', 7) - 7, 1, " port "); }

/// The wait ends when `span` has passed, and not before.
void ends_after(world& in, const consumer& who, duration span) {
  pass(in, span - 1ns);
  CHECK_FALSE(who.done());
  in.time.advance(1ns);
  in.until([&who] { return who.done(); });
  CHECK(who.timed_out());
}

task<> block(ring::reactor& loop, std::shared_future<void> until) {
  const auto wait = [until] { until.wait(); };
  static_cast<void>(co_await ring::offload(loop, no_deadline, wait));
}

}  // namespace

TEST_CASE("a name that is not resolved in time", "[pager][deadlines]") {
  world in({.objects = sizes({10})});
  std::promise<void> open;
  const std::shared_future<void> opened = open.get_future().share();
  // Every thread that could look it up has something else to do.
  root<> one(in.loop.ready(), block(in.loop, opened));
  root<> two(in.loop.ready(), block(in.loop, opened));
  turns(in);
  client_options how = in.small();
  how.connect_host = "127.1";
  how.deadlines = none();
  how.deadlines.resolve = 7s;
  client s3(in.loop, how);
  consumer waits(in, s3.page_ordered({.bucket = "s"}));
  turns(in);
  ends_after(in, waits, 7s);
  CHECK(waits.message() == "resolving 127.1: deadlines.resolve of 7 s passed");
  open.set_value();
  in.until([&] { return one.done() && two.done(); });
}

TEST_CASE("a handshake of TLS that does not go on in time", "[pager][deadlines][secure]") {
  world in({.objects = sizes({10})});
  ring::socket silent;
  REQUIRE_FALSE(ring::socket::listen(in.loop, ring::socket_address::loopback(0), 16, silent));
  const std::string port = std::to_string(silent.local_address().port());
  const std::string url = "https://127.0.0.1:" + port;
  client_options how = in.small();
  how.endpoint_url = url;
  how.deadlines = none();
  how.deadlines.handshake = 7s;
  client s3(in.loop, how);
  consumer waits(in, s3.page_ordered({.bucket = "s"}));
  turns(in);
  ends_after(in, waits, 7s);
  CHECK(waits.message() == "the handshake with 127.0.0.1 port " + port + ": deadlines.handshake of 7 s passed");
}

TEST_CASE("an address that gives no first byte in time is left for another one", "[pager][deadlines]") {
  world in({.objects = sizes({10})});
  ring::socket silent;
  REQUIRE_FALSE(ring::socket::listen(in.loop, loopback(2, 0), 16, silent));
  scripted_names names({silent.local_address(), ring::socket_address::loopback(in.server->port())});
  client_options how = in.small();
  how.connect_host = "origin.example";
  how.names = &names;
  how.deadlines = none();
  how.deadlines.first_byte = 3s;
  how.retry = {.max_attempts = 2, .base_delay = duration::zero()};
  client s3(in.loop, how);
  consumer waits(in, s3.page_ordered({.bucket = "s"}));
  in.until([&] { return s3.connections().connects == 1; });
  turns(in);
  in.time.advance(3s);
  in.until([&] { return waits.done(); });
  CHECK(waits.message() == "no failure");
  CHECK(waits.got.all());
  // Neither the second attempt nor what came after it went there again.
  CHECK(in.server->counters().requests == 2);
  CHECK(s3.service().requests() == 3);
}

TEST_CASE("a place among the connections that does not become free in time", "[pager][deadlines]") {
  world in({.objects = sizes({10, 20, 30, 40})});
  coro::event gate;
  std::vector<std::string> asked;
  in.server->set_hook([&](const testing::request_info& what) -> testing::behaviour {
    asked.emplace_back(what.key);
    if (what.key == in.objects->key(3)) return {};
    return {.gate = what.key == in.objects->key(1) ? &gate : nullptr, .stall_head = true};
  });
  client_options how = in.small();
  how.max_connections = 2;
  how.deadlines = none();
  how.deadlines.place = 10s;
  client s3(in.loop, how);
  const net::host& pool = *s3.service().bucket("s")->host();

  const std::vector<std::string> two{in.objects->key(1), in.objects->key(3)};
  consumer holds(in, s3.get({.bucket = "s", .key = in.objects->key(0)}));
  consumer pages(in, s3.page_ordered("s", two), 1);
  in.until([&] { return asked.size() == 2; });
  SECTION("while its consumer waits") {
    consumer waits(in, s3.get({.bucket = "s", .key = in.objects->key(2)}));
    turns(in);
    CHECK(pool.open() == 2);
    CHECK(pool.statistics().waits == 1);
    ends_after(in, waits, 10s);
    CHECK(waits.message() == "deadlines.place of 10 s passed: none of 2 connections to 127.0.0.1 port " +
                                 std::to_string(in.server->port()) + " became free (max_connections)");
    CHECK(waits.failure->key() == in.objects->key(2));
    CHECK(asked.size() == 2);
  }
  SECTION("but not while its consumer is busy") {
    consumer takes_it(in, s3.get({.bucket = "s", .key = in.objects->key(2)}));
    turns(in);
    gate.set();
    in.until([&] { return pages.done() && asked.size() == 3; });
    turns(in);
    CHECK(pages.got.whole() == 1);
    CHECK(pool.waiting() == 1);
    for (int i = 0; i < 5; ++i) pass(in, 1h);
    CHECK(pool.waiting() == 1);
    pages.go_on(in);
    turns(in);
    ends_after(in, pages, 10s);
    CHECK(pages.message().find("deadlines.place of 10 s passed") == 0);
  }
}

TEST_CASE("an answer that does not begin, or stops, in time", "[pager][deadlines]") {
  const bool head = GENERATE(true, false);
  world in({.objects = sizes({100'000})});
  in.server->set_hook([&](const testing::request_info& asked) -> testing::behaviour {
    if (asked.key.empty()) return {};
    if (head) return {.stall_head = true};
    return {.stall_at = 50'000};
  });
  client_options how = in.small();
  how.deadlines = none();
  how.deadlines.first_byte = 11s;
  how.deadlines.idle = 5s;
  client s3(in.loop, how);
  consumer waits(in, s3.page_ordered({.bucket = "s"}));
  in.until([&] { return in.server->counters().requests == 2 && waits.got.bytes() == (head ? 0 : 50'000); });
  turns(in);
  ends_after(in, waits, head ? 11s : 5s);
  CHECK(waits.message() == (head ? "waiting for the answer: deadlines.first_byte of 11 s passed" + place(in)
                                 : "receiving the body: deadlines.idle of 5 s passed" + place(in)));
}

TEST_CASE("a list that does not begin, or stops, in time", "[pager][deadlines]") {
  const bool head = GENERATE(true, false);
  world in({.objects = sizes({10})});
  in.server->set_hook([&](const testing::request_info&) -> testing::behaviour {
    if (head) return {.stall_head = true};
    return {.stall_at = 50};
  });
  client_options how = in.small();
  how.deadlines = none();
  how.deadlines.first_byte = 11s;
  how.deadlines.idle = 5s;
  client s3(in.loop, how);
  consumer waits(in, s3.page_ordered({.bucket = "s"}));
  in.until([&] { return in.server->counters().requests == 1; });
  turns(in, 200);
  ends_after(in, waits, head ? 11s : 5s);
  CHECK(waits.message() == (head ? "receiving a page of the list: deadlines.first_byte of 11 s passed" + place(in)
                                 : "receiving a page of the list: deadlines.idle of 5 s passed" + place(in)));
}

TEST_CASE("an answer that comes too slowly", "[pager][deadlines]") {
  // Four bytes a second.
  world in({.origin = {.bytes_per_second = 4}, .objects = sizes({100})});
  client_options how = in.small();
  how.deadlines = none();
  how.deadlines.min_bytes_per_second = 5;
  how.deadlines.throughput_window = 10s;
  const auto drip = [&in](const consumer& to) {
    while (!to.done()) {
      turns(in, 8);
      if (!to.done()) in.time.advance(in.loop.timers().next() - in.time.now());
    }
  };
  SECTION("is given up") {
    client s3(in.loop, how);
    consumer waits(in, s3.get({.bucket = "s", .key = in.objects->key(0)}));
    in.until([&] { return waits.got.bytes() > 0 || in.server->counters().bytes_sent > 0; });
    const time_point began = in.time.now();
    drip(waits);
    CHECK(waits.timed_out());
    CHECK(in.time.now() - began == 10s);
    // How much of what was sent has come by then is the kernel's affair: what is sent at the very end may be in time.
    const std::string begin = "receiving the body: only ";
    const std::string message = waits.message();
    const std::size_t number_ends = message.find(" bytes came in 10 s" + place(in) + " (deadlines.min_bytes_per_second is 5)");
    REQUIRE(message.find(begin) == 0);
    REQUIRE(number_ends != std::string::npos);
    const int came = std::stoi(message.substr(begin.size(), number_ends - begin.size()));
    CHECK(came >= 1);
    CHECK(came <= 41);
  }
  SECTION("is resumed, as after any timeout") {
    how.retry = {.max_attempts = 2, .base_delay = duration::zero()};
    client s3(in.loop, how);
    consumer waits(in, s3.get({.bucket = "s", .key = in.objects->key(0)}));
    drip(waits);
    CHECK(waits.message() == "no failure");
    CHECK(waits.got.whole() == 1);
    CHECK(waits.stream.summary().requests == 3);
  }
  SECTION("unless it is not asked to be faster") {
    how.deadlines.min_bytes_per_second = 3;
    client s3(in.loop, how);
    consumer waits(in, s3.get({.bucket = "s", .key = in.objects->key(0)}));
    drip(waits);
    CHECK(waits.message() == "no failure");
    CHECK(waits.stream.summary().requests == 1);
  }
}

TEST_CASE("an object that takes too long in all", "[pager][deadlines]") {
  const bool report = GENERATE(true, false);
  world in({.objects = sizes({100'000, 10})});
  // Each attempt gets on, and none far.
  in.server->set_hook([&](const testing::request_info& asked) -> testing::behaviour {
    if (asked.key != in.objects->key(0)) return {};
    return {.stall_at = 1000};
  });
  client_options how = in.small();
  how.concurrency = 1;
  how.deadlines = none();
  how.deadlines.idle = 10s;
  how.deadlines.object = 25s;
  how.retry = {.base_delay = duration::zero()};
  client s3(in.loop, how);
  consumer waits(in, s3.page_ordered({.bucket = "s", .on_error = report ? on_error::report : on_error::stop}));
  for (const std::uint64_t bytes : {1000U, 2000U}) {
    in.until([&] { return waits.got.bytes() == bytes; });
    turns(in);
    pass(in, 10s);
  }
  in.until([&] { return waits.got.bytes() == 3000; });
  turns(in);
  pass(in, 5s - 1ns);
  CHECK_FALSE(waits.done());
  CHECK(waits.got.failures().empty());
  in.time.advance(1ns);
  in.until([&] { return waits.done(); });
  const std::string message = "deadlines.object of 25 s passed, 3000 bytes into the object: receiving the body: timed out";
  if (report) {
    REQUIRE(waits.got.failures().size() == 1);
    const error& failed = waits.got.failures().at(in.objects->key(0));
    CHECK(failed.code() == errc::timed_out);
    CHECK(failed.details().message == message);
    CHECK(failed.attempts() == 3);
    CHECK(waits.got.whole() == 1);
    CHECK_FALSE(waits.failure);
  } else {
    CHECK(waits.timed_out());
    CHECK(waits.message() == message);
    CHECK(waits.failure->key() == in.objects->key(0));
  }
}

TEST_CASE("the pause before an attempt counts as an object's time", "[pager][deadlines]") {
  world in({.objects = sizes({10})});
  in.server->set_hook([&](const testing::request_info& asked) -> testing::behaviour {
    return asked.key.empty() ? testing::behaviour{} : testing::behaviour{.status = 503};
  });
  client_options how = in.small();
  how.deadlines = none();
  how.deadlines.object = 3s;
  how.retry = {.max_attempts = 100, .base_delay = 100h, .max_delay = 100h, .max_elapsed = no_limit};
  how.jitter_seed = 1;
  client s3(in.loop, how);
  consumer waits(in, s3.page_ordered({.bucket = "s"}));
  in.until([&] { return in.server->counters().requests == 2 && !in.loop.timers().empty(); });
  turns(in);
  ends_after(in, waits, 3s);
  CHECK(waits.message().find("deadlines.object of 3 s passed, 0 bytes into the object: ") == 0);
}

TEST_CASE("a run that takes too long in all", "[pager][deadlines]") {
  const bool own = GENERATE(true, false);
  world in({.objects = sizes({10})});
  in.server->set_hook([](const testing::request_info&) -> testing::behaviour { return {.stall_head = true}; });
  client_options how = in.small();
  how.deadlines = none();
  how.deadlines.run = own ? duration(1h) : duration(20s);
  const duration of_call = own ? duration(20s) : duration::zero();
  client s3(in.loop, how);
  const std::vector<std::string> keys{in.objects->key(0)};
  const int call = GENERATE(0, 1, 2, 3);
  consumer waits(in, call == 0   ? s3.page_ordered({.bucket = "s", .run_deadline = of_call})
                     : call == 1 ? s3.page_unordered({.bucket = "s", .run_deadline = of_call})
                     : call == 2 ? s3.page_ordered("s", keys, {.run_deadline = of_call})
                                 : s3.get({.bucket = "s", .key = keys[0], .run_deadline = of_call}));
  in.until([&] { return in.server->counters().requests == 1; });
  turns(in);
  ends_after(in, waits, 20s);
  CHECK(waits.message() == "deadlines.run or run_deadline of 20 s passed: waiting for a page");
  CHECK(waits.failure->bucket() == "s");
}

TEST_CASE("a run's time is that in which its consumer waits", "[pager][deadlines]") {
  world in({.objects = sizes({10, 20})});
  coro::event gate;
  in.server->set_hook([&](const testing::request_info& asked) -> testing::behaviour {
    if (asked.key == in.objects->key(1)) return {.stall_head = true};
    return {.gate = &gate, .stall_head = true};
  });
  client_options how = in.small();
  how.deadlines = none();
  how.deadlines.run = 20s;
  client s3(in.loop, how);
  consumer waits(in, s3.page_ordered({.bucket = "s"}), 1);
  in.until([&] { return in.server->counters().requests == 1; });
  pass(in, 4s);
  gate.set();
  in.until([&] { return waits.done() && in.server->counters().requests == 3; });
  CHECK(waits.got.whole() == 1);
  pass(in, 5h);
  waits.go_on(in);
  turns(in);
  ends_after(in, waits, 16s);
  CHECK(waits.message() == "deadlines.run or run_deadline of 20 s passed: waiting for a page");
}

TEST_CASE("a list alone is a run as well", "[pager][deadlines]") {
  world in({.origin = {.most_entries = 2}, .objects = sizes({10, 10, 10, 10, 10})});
  in.server->set_hook([](const testing::request_info& asked) -> testing::behaviour {
    return asked.index < 2 ? testing::behaviour{} : testing::behaviour{.stall_head = true};
  });
  client_options how = in.small();
  how.deadlines = none();
  client s3(in.loop, how);
  auto objects = s3.list({.bucket = "s", .run_deadline = 20s});
  std::size_t count = 0;
  std::optional<error> failure;
  const auto some = [](async_generator<object>& from, std::size_t most, std::size_t& into,
                       std::optional<error>& why) -> task<> {
    try {
      for (std::size_t i = 0; i < most; ++i) {
        const std::optional<object> next = co_await from.next();
        if (!next) break;
        ++into;
      }
    } catch (const error& failed) {
      why.emplace(failed);
    }
  };
  in.run(some(objects, 4, count, failure));
  CHECK(count == 4);
  // The time between two of its values is the consumer's.
  in.until([&] { return in.server->counters().requests == 3; });
  pass(in, 5h);
  root<> rest(in.loop.ready(), some(objects, 4, count, failure));
  turns(in);
  pass(in, 20s - 1ns);
  CHECK_FALSE(rest.done());
  in.time.advance(1ns);
  in.until([&] { return rest.done(); });
  REQUIRE(failure);
  CHECK(failure->code() == errc::timed_out);
  CHECK(failure->bucket() == "s");
  CHECK(failure->details().message == "deadlines.run or run_deadline of 20 s passed: waiting for a page of the list");
  CHECK(count == 4);
}

TEST_CASE("a consumer that is slow trips no deadline", "[pager][deadlines]") {
  const auto order = GENERATE(page_order::by_key, page_order::by_arrival);
  watching_hook watch;
  world in({.objects = {.count = 6, .size = 900 << 10}, .hook = &watch});
  client_options how = in.small();
  how.window_bytes = 512 << 10;
  how.deadlines = {.resolve = 1min,
                   .connect = 1min,
                   .place = 1min,
                   .first_byte = 1min,
                   .idle = 1min,
                   .min_bytes_per_second = 1 << 20,
                   .throughput_window = 1min,
                   .object = 1min,
                   .run = 1min};
  client s3(in.loop, how);
  consumer slow(in, order == page_order::by_key ? s3.page_ordered({.bucket = "s"}) : s3.page_unordered({.bucket = "s"}), 1);
  std::size_t hours = 0;
  while (!slow.failure && slow.got.whole() < 6) {
    in.until([&] { return slow.done(); });
    // The lanes get as far as they can; from then on nobody is waited for but the consumer.
    in.until([&] { return !watch.waits_for_peer(); });
    pass(in, 1h);
    ++hours;
    slow.go_on(in, 1);
  }
  CHECK(slow.message() == "no failure");
  CHECK(slow.got.all());
  CHECK(slow.stream.summary().requests == (order == page_order::by_key ? 13 : 7));
  CHECK(hours > 20);
}

TEST_CASE("deadlines that can't be are refused by their names", "[pager][deadlines]") {
  world in;
  const auto message = [&in](auto change) {
    client_options how = in.small();
    change(how);
    try {
      const client s3(in.loop, how);
    } catch (const error& failed) {
      CHECK(failed.code() == errc::invalid_argument);
      return failed.details().message;
    }
    return std::string();
  };
  const std::string rest = " is not positive (no_limit turns it off)";
  CHECK(message([](client_options& how) { how.deadlines.resolve = 0s; }) == "deadlines.resolve" + rest);
  CHECK(message([](client_options& how) { how.deadlines.connect = -1s; }) == "deadlines.connect" + rest);
  CHECK(message([](client_options& how) { how.deadlines.place = 0s; }) == "deadlines.place" + rest);
  CHECK(message([](client_options& how) { how.deadlines.first_byte = 0s; }) == "deadlines.first_byte" + rest);
  CHECK(message([](client_options& how) { how.deadlines.idle = 0s; }) == "deadlines.idle" + rest);
  CHECK(message([](client_options& how) { how.deadlines.throughput_window = 0s; }) == "deadlines.throughput_window" + rest);
  CHECK(message([](client_options& how) { how.deadlines.object = 0s; }) == "deadlines.object" + rest);
  CHECK(message([](client_options& how) { how.deadlines.run = 0s; }) == "deadlines.run" + rest);
  CHECK(message([](client_options& how) { how.keep_alive = -1ns; }) == "keep_alive is negative");
  CHECK(message([](client_options& how) { how.max_connections = 0; }) == "max_connections is 0, 1 to 65535 is needed");
  CHECK(message([](client_options& how) { how.max_connections = 65'536; }) ==
        "max_connections is 65536, 1 to 65535 is needed");
  CHECK(message([](client_options& how) { how.receive_window_bytes = (1 << 30) + 1; }) ==
        "receive_window_bytes is 1073741825, 0 to 1073741824 is needed");
  CHECK(message([](client_options& how) { how.deadlines = none(); }).empty());
  client s3(in.loop, in.small());
  CHECK_THROWS_AS(s3.page_ordered({.bucket = "s", .run_deadline = -1s}), error);
  CHECK_THROWS_AS(s3.list({.bucket = "s", .run_deadline = -1s}), error);
}

TEST_CASE("a stream never has more connections than it may", "[pager][deadlines]") {
  const std::uint32_t most = GENERATE(1U, 2U, 3U);
  world in({.origin = {.most_entries = 7}, .objects = {.count = 40, .size = 9000}});
  client_options how = in.small();
  how.concurrency = 16;
  how.max_connections = most;
  client s3(in.loop, how);
  page_stream pages = s3.page_unordered({.bucket = "s", .concurrency = 32});
  reader got(*in.objects);
  in.run(read_all(pages, got));
  CHECK(got.all());
  CHECK(in.server->counters().connections_accepted == most);
}
