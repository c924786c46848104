// A stop token ends every call wherever it is, and a consumer that goes away for hours stops the reading, no more.

#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <future>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "s3pager/base/unique_fd.hpp"
#include "s3pager/coro/stop.hpp"
#include "s3pager/pager/client.hpp"
#include "s3pager/ring/offload.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "support/watching_hook.hpp"
#include "support/world.hpp"

using namespace s3pager;
using namespace s3pager::test;
using namespace std::chrono_literals;

namespace {

enum class call { page_ordered, page_unordered, keys, objects, get, list, list_pages };

async_generator<object> one_object(std::string key) {
  object made = object::of_key(key);
  co_yield std::move(made);
}

task<> drain(page_stream pages) {
  for (;;) {
    const std::optional<page> next = co_await pages.next();
    if (!next) break;
  }
}

template <class T>
task<> drain_generator(async_generator<T> values) {
  for (;;) {
    const std::optional<T> next = co_await values.next();
    if (!next) break;
  }
}

task<> made(client& s3, call which, const std::string& key, coro::stop_token stop) {
  const std::vector<std::string> keys{key};
  switch (which) {
    case call::page_ordered: return drain(s3.page_ordered({.bucket = "s", .stop = stop}));
    case call::page_unordered: return drain(s3.page_unordered({.bucket = "s", .stop = stop}));
    case call::keys: return drain(s3.page_ordered("s", keys, {.stop = stop}));
    case call::objects: return drain(s3.page_unordered("s", one_object(key), {.stop = stop}));
    case call::get: return drain(s3.get({.bucket = "s", .key = key, .stop = stop}));
    case call::list: return drain_generator(s3.list({.bucket = "s", .stop = stop}));
    case call::list_pages: return drain_generator(s3.list_pages({.bucket = "s", .stop = stop}));
  }
  return {};
}

void turns(world& in, int count = 60) {
  for (int i = 0; i < count; ++i) in.loop.run_once(ring::reactor::wait::no);
}

/// Stops the call once `reached` holds: it ends at once, though the clock stands.
template <class Reached>
void stops(world& in, const client_options& how, call which, Reached reached) {
  client s3(in.loop, how);
  const coro::stop_source stop;
  root<> run(in.loop.ready(), made(s3, which, in.objects->key(0), stop.token()));
  in.until(reached);
  turns(in);
  CHECK_FALSE(run.done());
  stop.request_stop();
  turns(in);
  REQUIRE(run.done());
  try {
    run.result();
    FAIL("it did not end with the stop");
  } catch (const error& failed) {
    CHECK(failed.code() == errc::cancelled);
  }
}

task<> block(ring::reactor& loop, std::shared_future<void> until) {
  const auto wait = [until] { until.wait(); };
  static_cast<void>(co_await ring::offload(loop, no_deadline, wait));
}

/// Counts the attempts that are to come again.
class retries final : public observer {
 public:
  int count = 0;

 private:
  void request_retried(const request_event&, std::error_code) noexcept override { ++count; }
};

constexpr call all_calls[] = {call::page_ordered, call::page_unordered, call::keys, call::objects,
                              call::get,          call::list,           call::list_pages};
constexpr bool lists(call which) {
  return which != call::keys && which != call::objects && which != call::get;
}
constexpr bool fetches(call which) { return which != call::list && which != call::list_pages; }

}  // namespace

TEST_CASE("a stop before a call begins ends it, and nothing is sent", "[pager][stop]") {
  for (const call which : all_calls) {
    CAPTURE(static_cast<int>(which));
    world in({.objects = {.count = 1, .size = 100'000}});
    client s3(in.loop, in.small());
    const coro::stop_source stop;
    stop.request_stop();
    root<> run(in.loop.ready(), made(s3, which, in.objects->key(0), stop.token()));
    turns(in);
    REQUIRE(run.done());
    CHECK_THROWS_AS(run.result(), error);
    CHECK(in.server->counters().connections_accepted == 0);
  }
}

TEST_CASE("a stop ends a call while a name is looked up", "[pager][stop]") {
  for (const call which : all_calls) {
    CAPTURE(static_cast<int>(which));
    world in({.objects = {.count = 1, .size = 100'000}});
    std::promise<void> open;
    const std::shared_future<void> opened = open.get_future().share();
    root<> one(in.loop.ready(), block(in.loop, opened));
    root<> two(in.loop.ready(), block(in.loop, opened));
    turns(in);
    client_options how = in.small();
    how.connect_host = "127.1";
    stops(in, how, which, [] { return true; });
    open.set_value();
    in.until([&] { return one.done() && two.done(); });
  }
}

TEST_CASE("a stop ends a call while it connects", "[pager][stop]") {
  for (const call which : all_calls) {
    CAPTURE(static_cast<int>(which));
    world in({.objects = {.count = 1, .size = 100'000}});
    // A queue of connections that is full: the kernel ignores further attempts.
    ring::socket full;
    REQUIRE_FALSE(ring::socket::listen(in.loop, ring::socket_address::loopback(0), 0, full));
    const ring::socket_address there = full.local_address();
    std::vector<unique_fd> queued;
    for (int i = 0; i < 4; ++i) {
      queued.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      static_cast<void>(::connect(queued.back().get(), reinterpret_cast<const sockaddr*>(&there.storage), there.size));
    }
    const std::string url = "http://127.0.0.1:" + std::to_string(there.port());
    client_options how = in.small();
    how.endpoint_url = url;
    stops(in, how, which, [] { return true; });
  }
}

TEST_CASE("a stop ends a call while it waits for a place among the connections", "[pager][stop]") {
  for (const call which : all_calls) {
    CAPTURE(static_cast<int>(which));
    world in({.objects = {.count = 1, .size = 100'000}});
    in.server->set_hook([](const testing::request_info&) -> testing::behaviour { return {.stall_head = true}; });
    client_options how = in.small();
    how.max_connections = 1;
    client s3(in.loop, how);
    root<> holds(in.loop.ready(), drain(s3.get({.bucket = "s", .key = "k"})));
    in.until([&] { return in.server->counters().requests == 1; });
    const coro::stop_source stop;
    root<> run(in.loop.ready(), made(s3, which, in.objects->key(0), stop.token()));
    turns(in);
    const net::host& pool = *s3.service().bucket("s")->host();
    CHECK(pool.waiting() == 1);
    stop.request_stop();
    turns(in);
    CHECK(pool.waiting() == 0);
    REQUIRE(run.done());
    CHECK_THROWS_AS(run.result(), error);
    CHECK_FALSE(holds.done());
  }
}

TEST_CASE("a stop ends a call while it waits for a list", "[pager][stop]") {
  for (const call which : all_calls) {
    if (!lists(which)) continue;
    CAPTURE(static_cast<int>(which));
    for (const bool head : {true, false}) {
      world in({.objects = {.count = 1, .size = 100'000}});
      in.server->set_hook([&](const testing::request_info&) -> testing::behaviour {
        if (head) return {.stall_head = true};
        return {.stall_at = 50};
      });
      stops(in, in.small(), which, [&] { return in.server->counters().requests == 1; });
    }
  }
}

TEST_CASE("a stop ends a call while it waits for an object", "[pager][stop]") {
  for (const call which : all_calls) {
    if (!fetches(which)) continue;
    CAPTURE(static_cast<int>(which));
    for (const bool head : {true, false}) {
      world in({.objects = {.count = 1, .size = 100'000}});
      bool asked_for = false;
      in.server->set_hook([&](const testing::request_info& asked) -> testing::behaviour {
        if (asked.key.empty()) return {};
        asked_for = true;
        if (head) return {.stall_head = true};
        return {.stall_at = 50'000};
      });
      stops(in, in.small(), which, [&] { return asked_for; });
    }
  }
}

TEST_CASE("a stop ends a call between two attempts", "[pager][stop]") {
  for (const call which : all_calls) {
    CAPTURE(static_cast<int>(which));
    for (const bool list : {true, false}) {
      if (list ? !lists(which) : !fetches(which)) continue;
      world in({.objects = {.count = 1, .size = 100'000}});
      in.server->set_hook([&](const testing::request_info& asked) -> testing::behaviour {
        if (asked.key.empty() == list) return {.status = 500};
        return {};
      });
      retries seen;
      client_options how = in.small();
      how.observer = &seen;
      how.retry = {.base_delay = 24h, .max_delay = 24h, .max_elapsed = no_limit};
      how.jitter_seed = 7;
      stops(in, how, which, [&] { return seen.count == 1; });
    }
  }
}

TEST_CASE("a stop ends a list between two of its values", "[pager][stop]") {
  world in({.objects = {.count = 900, .size = 1}});
  client s3(in.loop, in.small());
  const coro::stop_source stop;
  std::size_t count = 0;
  std::optional<std::error_code> why;
  in.run([](client& of, const coro::stop_source& source, std::size_t& came, std::optional<std::error_code>& end) -> task<> {
    auto objects = of.list({.bucket = "s", .stop = source.token()});
    try {
      for (;;) {
        const std::optional<object> next = co_await objects.next();
        if (!next) break;
        if (++came == 5) source.request_stop();
      }
    } catch (const error& failed) {
      end = failed.code();
    }
    const std::optional<object> after = co_await objects.next();
    CHECK_FALSE(after);
  }(s3, stop, count, why));
  CHECK(count == 5);
  REQUIRE(why);
  CHECK(*why == errc::cancelled);
}

namespace {

/// The most that the kernel keeps of one TCP connection on one side, `tcp_rmem` or `tcp_wmem`.
std::uint64_t most_of(const char* name) {
  std::ifstream file("/proc/sys/net/ipv4/" + std::string(name));
  std::uint64_t least = 0;
  std::uint64_t usual = 0;
  std::uint64_t most = 0;
  file >> least >> usual >> most;
  return most;
}

task<> take_some(page_stream& from, reader& into, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::optional<page> next = co_await from.next();
    if (!next) break;
    into.take(*next);
  }
}

}  // namespace

TEST_CASE("a consumer that goes away for hours stops the reading, and all goes on where it was", "[pager][stop]") {
  const auto order = GENERATE(page_order::by_key, page_order::by_arrival);
  const bool hangs_up = GENERATE(false, true);
  CAPTURE(hangs_up);
  watching_hook watch;
  // By arrival, objects come whole: more than all buffers on the way can take.
  const std::uint64_t size = order == page_order::by_key ? 3 << 20 : 40 << 20;
  world in({.objects = {.count = 6, .size = size}, .hook = &watch});
  retries seen;
  client_options how = in.small();
  how.window_bytes = 1 << 20;
  how.observer = &seen;
  how.retry = {.base_delay = duration::zero()};
  client s3(in.loop, how);
  page_stream pages = order == page_order::by_key ? s3.page_ordered({.bucket = "s"}) : s3.page_unordered({.bucket = "s"});
  reader got(*in.objects);
  in.run(take_some(pages, got, 3));
  in.until([&] { return !watch.waits_for_peer(); });
  turns(in, 200);

  CHECK(s3.window_used() <= how.window_bytes);
  CHECK(in.server->counters().connections_open >= 4);
  const std::uint64_t sent = in.server->counters().bytes_sent;
  const std::uint64_t buffers = 5 * (most_of("tcp_rmem") + most_of("tcp_wmem"));
  CHECK(sent <= got.bytes() + how.window_bytes + buffers);
  CHECK(sent < 6 * size);
  const std::uint64_t asked = in.server->counters().requests;
  for (int hour = 0; hour < 6; ++hour) {
    in.time.advance(1h);
    turns(in);
    if (hour != 3 || !hangs_up) continue;
    in.serving.reset();
    turns(in, 200);
    CHECK(in.server->counters().connections_open == 0);
    in.serving.emplace(in.loop.ready(), in.server->serve());
    turns(in);
  }
  // What the kernel had taken already may have gone on; nobody has read it.
  CHECK(in.server->counters().bytes_sent <= got.bytes() + how.window_bytes + buffers);
  CHECK(in.server->counters().requests == asked);
  CHECK(seen.count == 0);

  in.run(read_all(pages, got));
  CHECK(got.complaint().empty());
  CHECK(got.all());
  // Those that had an answer under way are resumed; those that had none are replaced.
  if (hangs_up) CHECK(seen.count + s3.connections().expired > 0);
  else CHECK(seen.count == 0);
}
