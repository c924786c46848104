// A client against an origin on the same reactor and a clock that stands still: what comes, in which order, what fails
// and when, and who may be dropped first.

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "s3pager/coro/event.hpp"
#include "s3pager/coro/stop.hpp"
#include "s3pager/coro/when_all.hpp"
#include "s3pager/pager/client.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "support/watching_hook.hpp"
#include "support/world.hpp"

using namespace s3pager;
using namespace s3pager::test;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t kib = 1024;
constexpr std::uint64_t mib = 1024 * kib;

std::vector<std::string> keys_of(const testing::synthetic_bucket& from) {
  std::vector<std::string> keys;
  for (std::uint64_t i = 0; i < from.count(); ++i) keys.push_back(from.key(i));
  return keys;
}

page_stream paged(client& s3, page_order order, const page_options& what) {
  return order == page_order::by_key ? s3.page_ordered(what) : s3.page_unordered(what);
}

/// The error that a task ends with.
template <class T>
error failure_of(world& in, task<T> work) {
  try {
    in.run(std::move(work));
  } catch (const error& failed) {
    return failed;
  }
  return error(errc::invalid_argument, "it did not fail");
}

task<> take_all(page_stream& pages, std::vector<page>& into) {
  for (;;) {
    std::optional<page> got = co_await pages.next();
    if (!got) break;
    into.push_back(std::move(*got));
  }
}

task<> take_some(page_stream& pages, std::vector<page>& into, std::size_t count) {
  while (into.size() < count) {
    std::optional<page> got = co_await pages.next();
    if (!got) break;
    into.push_back(std::move(*got));
  }
}

testing::synthetic_options sizes(std::vector<std::uint64_t> each) {
  return {.count = each.size(), .sizes = each};
}

testing::request_hook on_key(std::string key, testing::behaviour how) {
  return [key, how](const testing::request_info& asked) { return asked.key == key ? how : testing::behaviour{}; };
}

}  // namespace

TEST_CASE("every byte of every object comes, whatever the order, the lanes and the window", "[pager][paging]") {
  const auto order = GENERATE(page_order::by_key, page_order::by_arrival);
  const auto lanes = GENERATE(1U, 2U, 5U, 64U);
  const auto window = GENERATE(256 * kib, 640 * kib, 8 * mib);
  const auto masked = GENERATE(ring::feature::none, ring::feature::all);
  CAPTURE(static_cast<int>(order), lanes, window, static_cast<int>(masked));
  // More objects than the plan holds with a small window; many sizes around those of slots and slices.
  world in({.origin = {.most_entries = 37},
            .objects = {.count = 120,
                        .sizes = {0, 1, 4096, 64 * kib - 1, 0, 64 * kib, 64 * kib + 1, 100, 512 * kib, 5,
                                  512 * kib + 1, 7, 3, 0, 0, 1300 * kib, 9, 1, 2, 3}},
            .masked = masked});
  client_options how = in.small();
  how.window_bytes = window;
  how.concurrency = lanes;
  client s3(in.loop, how);
  reader got(*in.objects);
  auto pages = paged(s3, order, {.bucket = "s"});
  in.run(read_all(pages, got));
  CHECK(got.complaint().empty());
  CHECK(got.all());
  if (order == page_order::by_key) CHECK(got.sequence() == keys_of(*in.objects));

  const testing::bucket_totals expected = testing::total(*in.objects);
  const summary total = pages.summary();
  CHECK(total.objects == expected.objects);
  CHECK(total.bytes == expected.bytes);
  CHECK(total.failures == 0);
  CHECK(total.requests == in.server->counters().requests);
  CHECK(total.elapsed == 0s);
  CHECK(in.server->counters().connections_accepted <= lanes + 1);
}

TEST_CASE("the bytes in memory never exceed the window", "[pager][paging]") {
  const auto order = GENERATE(page_order::by_key, page_order::by_arrival);
  world in({.objects = {.count = 40, .sizes = {1100 * kib, 10, 3000}}});
  client_options how = in.small();
  how.window_bytes = 512 * kib;
  how.concurrency = 8;
  client s3(in.loop, how);
  auto pages = paged(s3, order, {.bucket = "s"});
  std::size_t most = 0;
  in.run([](world& of, client& from, page_stream& stream, std::size_t& used) -> task<> {
    reader got(*of.objects);
    for (;;) {
      const std::optional<page> next = co_await stream.next();
      if (!next) break;
      got.take(*next);
      for (int i = 0; i < 50; ++i) {
        co_await turn();
        used = std::max(used, from.window_used());
      }
    }
    CHECK(got.all());
  }(in, s3, pages, most));
  CHECK(most <= 512 * kib);
  CHECK(most >= 448 * kib);
}

TEST_CASE("an empty object is one empty page that is its last", "[pager][paging]") {
  const bool given = GENERATE(false, true);
  world in({.objects = sizes({0, 0, 0})});
  client s3(in.loop, in.small());
  auto pages = given ? s3.page_ordered("s", keys_of(*in.objects)) : s3.page_ordered({.bucket = "s"});
  std::vector<page> got;
  in.run(take_all(pages, got));
  REQUIRE(got.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(got[i].object().key == in.objects->key(i));
    CHECK(got[i].object().size == 0U);
    CHECK(got[i].bytes().empty());
    CHECK(got[i].offset() == 0);
    CHECK(got[i].last());
  }
  CHECK(pages.summary().objects == 3);
}

TEST_CASE("a large object comes in slices of the window's share of a lane", "[pager][paging]") {
  const auto how = GENERATE(0, 1, 2);
  const auto verified = GENERATE(verify::as_it_arrives, verify::off);
  world in({.objects = sizes({20 * mib + 1})});
  client_options options = in.small();  // 4 MiB and 4 lanes: slices of 1 MiB
  options.verify = verified;
  client s3(in.loop, options);
  std::vector<std::string> ranges;
  in.server->set_hook([&ranges](const testing::request_info& asked) -> testing::behaviour {
    if (!asked.key.empty()) ranges.emplace_back(asked.range);
    return {};
  });
  const std::string key = in.objects->key(0);
  page_stream pages = how == 0   ? s3.page_ordered({.bucket = "s"})
                      : how == 1 ? s3.page_ordered("s", std::vector<std::string_view>{key})
                                 : s3.get({.bucket = "s", .key = key});
  reader got(*in.objects);
  in.run(read_all(pages, got));
  CHECK(got.all());
  // Where a checksum is wanted of what may be small, it is asked for without a range, and 8 MiB of it are taken.
  const bool plain = how > 0 && verified != verify::off;
  REQUIRE(ranges.size() == (plain ? 14 : 21));
  CHECK(ranges.front() == (plain ? "" : "bytes=0-1048575"));
  CHECK(std::count(ranges.begin(), ranges.end(), "bytes=20971520-20971520") == 1);
}

TEST_CASE("given keys come in the order given, more than once if given so", "[pager][paging]") {
  world in({.objects = sizes({0, 100, 1200 * kib, 3, 70 * kib})});
  client_options how = in.small();
  how.window_bytes = 1 * mib;
  client s3(in.loop, how);
  std::vector<std::string> keys = keys_of(*in.objects);
  std::reverse(keys.begin(), keys.end());
  keys.push_back(keys.front());
  auto pages = s3.page_ordered("s", keys);
  std::vector<std::string> sequence;
  std::uint64_t bytes = 0;
  in.run([](page_stream& stream, std::vector<std::string>& order, std::uint64_t& sum) -> task<> {
    bool fresh = true;
    for (;;) {
      const std::optional<page> next = co_await stream.next();
      if (!next) break;
      if (fresh) order.emplace_back(next->object().key);
      fresh = next->last();
      sum += next->bytes().size();
    }
  }(pages, sequence, bytes));
  CHECK(sequence == keys);
  CHECK(bytes == 1200 * kib + 103 + 2 * 70 * kib);
  CHECK(pages.summary().objects == 6);
}

TEST_CASE("objects of a list may be left out on the way", "[pager][paging]") {
  world in({.objects = {.count = 9, .size = 1000}});
  client s3(in.loop, in.small());
  auto every_third = [](async_generator<object> all) -> async_generator<object> {
    for (int i = 0;; ++i) {
      std::optional<object> next = co_await all.next();
      if (!next) break;
      if (i % 3 == 0) co_yield std::move(*next);
    }
  };
  auto pages = s3.page_ordered("s", every_third(s3.list({.bucket = "s", .max_keys = 2})));
  reader got(*in.objects);
  in.run(read_all(pages, got));
  CHECK(got.complaint().empty());
  CHECK(got.sequence() == std::vector<std::string>{in.objects->key(0), in.objects->key(3), in.objects->key(6)});
}

TEST_CASE("lists may be chunked and of many pages", "[pager][paging]") {
  world in({.origin = {.most_entries = 3, .list_chunk_bytes = 11}, .objects = {.count = 100, .size = 10}});
  client s3(in.loop, in.small());
  reader got(*in.objects);
  auto pages = s3.page_ordered({.bucket = "s"});
  in.run(read_all(pages, got));
  CHECK(got.all());
  CHECK(pages.summary().requests == 134);
}

TEST_CASE("a prefix, a start and no objects at all", "[pager][paging]") {
  world in({.objects = {.count = 200, .size = 10}});
  client s3(in.loop, in.small());
  const auto count = [&in, &s3](const page_options& what) {
    reader got(*in.objects);
    auto pages = s3.page_ordered(what);
    in.run(read_all(pages, got));
    CHECK(got.complaint().empty());
    return got.whole();
  };
  CHECK(count({.bucket = "s", .prefix = "0000010"}) == 10);
  CHECK(count({.bucket = "s", .start_after = "00000189"}) == 10);
  CHECK(count({.bucket = "s", .prefix = "x"}) == 0);
  CHECK(count({.bucket = "m"}) == 0);
}

TEST_CASE("an object that fails stops the run with its error", "[pager][paging]") {
  const auto order = GENERATE(page_order::by_key, page_order::by_arrival);
  world in({.objects = {.count = 30, .size = 1000}});
  in.server->set_hook(on_key(in.objects->key(11), {.status = 403}));
  client s3(in.loop, in.small());
  reader got(*in.objects);
  auto pages = paged(s3, order, {.bucket = "s"});
  const error failed = failure_of(in, read_all(pages, got));
  CHECK(failed.code() == errc::access_denied);
  CHECK(failed.http_status() == 403);
  CHECK(failed.s3_code() == "AccessDenied");
  CHECK(failed.bucket() == "s");
  CHECK(failed.key() == in.objects->key(11));
  CHECK(failed.attempts() == 1);
  CHECK_FALSE(failed.request_id().empty());
  CHECK(got.complaint().empty());
  if (order == page_order::by_key) CHECK(got.whole() == 11);
  CHECK(pages.summary().failures == 1);
  // The stream has ended.
  in.run(read_all(pages, got));
  CHECK(pages.summary().failures == 1);
}

TEST_CASE("with failures as values the run goes on", "[pager][paging]") {
  const auto order = GENERATE(page_order::by_key, page_order::by_arrival);
  world in({.objects = sizes({1000, 900 * kib, 5, 1200 * kib, 1000, 64, 2 * mib, 10, 10, 10})});
  in.server->set_hook([&in](const testing::request_info& asked) -> testing::behaviour {
    if (asked.key == in.objects->key(1)) return {.cut_at = 300'000};
    if (asked.key == in.objects->key(4)) return {.status = 404};
    if (asked.key == in.objects->key(6) && asked.range != "bytes=0-524287")
      return {.status = 503, .code = "SlowDown"};
    return {};
  });
  client_options how = in.small();
  how.window_bytes = 1 * mib;
  client s3(in.loop, how);
  reader got(*in.objects);
  auto pages = paged(s3, order, {.bucket = "s", .on_error = on_error::report});
  in.run(read_all(pages, got));
  CHECK(got.complaint().empty());
  CHECK(got.whole() == 7);
  REQUIRE(got.failures().size() == 3);
  CHECK(got.failures().at(in.objects->key(1)).code() == errc::connection_lost);
  CHECK(got.failures().at(in.objects->key(4)).code() == errc::not_found);
  CHECK(got.failures().at(in.objects->key(6)).code() == errc::throttled);
  CHECK(pages.summary().failures == 3);
  CHECK(pages.summary().objects == 7);
  if (order == page_order::by_key) CHECK(got.sequence() == keys_of(*in.objects));
}

TEST_CASE("the failure of an object is a page whose bytes throw", "[pager][paging]") {
  world in({.objects = sizes({10})});
  in.server->set_hook(on_key(in.objects->key(0), {.status = 404}));
  client s3(in.loop, in.small());
  auto pages = s3.page_ordered({.bucket = "s", .on_error = on_error::report});
  std::vector<page> got;
  in.run(take_all(pages, got));
  REQUIRE(got.size() == 1);
  REQUIRE(got[0].failure() != nullptr);
  CHECK(got[0].failure()->code() == errc::not_found);
  CHECK(got[0].last());
  CHECK_THROWS_AS(got[0].bytes(), error);
  CHECK_THROWS_AS(got[0].copy(), error);
}

TEST_CASE("a missing key among given ones is not found", "[pager][paging]") {
  world in({.objects = sizes({10, 20})});
  client s3(in.loop, in.small());
  reader got(*in.objects);
  auto pages = s3.page_ordered("s", std::vector<std::string>{in.objects->key(0), "none", in.objects->key(1)});
  const error failed = failure_of(in, read_all(pages, got));
  CHECK(failed.code() == errc::not_found);
  CHECK(failed.key() == "none");
  CHECK(got.whole() == 1);
}

TEST_CASE("an object that changed since it was listed is told from one that is gone", "[pager][paging]") {
  const bool match = GENERATE(true, false);
  world in;
  in.memory->put("a", "old");
  in.memory->put("b", "old");
  in.server->set_hook([&in](const testing::request_info& asked) -> testing::behaviour {
    if (asked.key == "a") in.memory->put("a", "new");
    if (asked.key == "b") in.memory->remove("b");
    return {};
  });
  client s3(in.loop, in.small());
  auto pages = s3.page_ordered({.bucket = "m", .on_error = on_error::report, .match_etag = match});
  std::vector<page> got;
  in.run(take_all(pages, got));
  REQUIRE(got.size() == 2);
  if (match) {
    REQUIRE(got[0].failure() != nullptr);
    CHECK(got[0].failure()->code() == errc::changed);
  } else {
    CHECK(as_chars(got[0].bytes()) == "new");
  }
  REQUIRE(got[1].failure() != nullptr);
  CHECK(got[1].failure()->code() == errc::not_found);
}

TEST_CASE("a bucket that does not exist ends the stream", "[pager][paging]") {
  world in;
  client s3(in.loop, in.small());
  auto pages = s3.page_unordered({.bucket = "none", .on_error = on_error::report});
  reader got(*in.objects);
  const error failed = failure_of(in, read_all(pages, got));
  CHECK(failed.code() == errc::not_found);
  CHECK(failed.s3_code() == "NoSuchBucket");
  CHECK(failed.http_status() == 404);
}

TEST_CASE("a list that fails on its second page does so after the objects of the first", "[pager][paging]") {
  world in({.origin = {.most_entries = 10}, .objects = {.count = 30, .size = 10}});
  int lists = 0;
  in.server->set_hook([&lists](const testing::request_info& asked) -> testing::behaviour {
    if (asked.key.empty() && ++lists == 2) return {.status = 500};
    return {};
  });
  client s3(in.loop, in.small());
  auto pages = s3.page_ordered({.bucket = "s"});
  reader got(*in.objects);
  const error failed = failure_of(in, read_all(pages, got));
  CHECK(failed.code() == errc::unavailable);
  CHECK(got.complaint().empty());
  CHECK(got.whole() == 10);
}

TEST_CASE("pages outlive their stream, their client and the reactor", "[pager][paging]") {
  std::vector<page> kept;
  std::shared_ptr<testing::synthetic_bucket> objects;
  {
    world in({.objects = sizes({300 * kib, 5, 70 * kib})});
    objects = in.objects;
    {
      client s3(in.loop, in.small());
      auto pages = s3.page_ordered({.bucket = "s"});
      in.run(take_all(pages, kept));
    }
    in.end();
  }
  reader got(*objects);
  for (const page& each : kept) got.take(each);
  CHECK(got.all());
}

TEST_CASE("a stream outlives its client, and goes on", "[pager][paging]") {
  world in({.objects = {.count = 50, .size = 20'000}});
  auto pages = [&in] {
    client s3(in.loop, in.small());
    return s3.page_unordered({.bucket = "s"});
  }();
  reader got(*in.objects);
  in.run(read_all(pages, got));
  CHECK(got.all());
}

TEST_CASE("pages may be dropped on other threads, before and after the reactor's end", "[pager][paging]") {
  std::vector<page> kept;
  {
    world in({.objects = {.count = 40, .sizes = {200 * kib, 10}}});
    client_options how = in.small();
    how.window_bytes = 512 * kib;
    client s3(in.loop, how);
    auto pages = s3.page_ordered({.bucket = "s"});
    reader got(*in.objects);
    // Each round holds what fits, then another thread lets go of it while next() waits.
    for (bool more = true; more;) {
      std::vector<page> round;
      in.run([](page_stream& stream, reader& into, std::vector<page>& out, bool& goes_on) -> task<> {
        for (std::size_t bytes = 0; bytes < 200 * kib;) {
          std::optional<page> next = co_await stream.next();
          goes_on = next.has_value();
          if (!next) co_return;
          into.take(*next);
          bytes += next->bytes().size() + 64 * kib;
          out.push_back(std::move(*next));
        }
      }(pages, got, round, more));
      if (kept.empty() && !round.empty()) {
        kept.push_back(std::move(round.back()));
        round.pop_back();
      }
      std::thread elsewhere([given = std::move(round)]() mutable { given.clear(); });
      if (more) {
        std::vector<page> one;
        in.run(take_some(pages, one, 1));
        if (one.empty()) more = false;
        else got.take(one[0]);
      }
      elsewhere.join();
    }
    CHECK(got.all());
  }
  std::thread([late = std::move(kept)]() mutable { late.clear(); }).join();
}

TEST_CASE("a copy of a page is one's own, and its slots go back", "[pager][paging]") {
  world in({.objects = sizes({64 * kib})});
  client s3(in.loop, in.small());
  std::vector<owned_page> copies;
  {
    auto pages = s3.page_ordered({.bucket = "s"});
    std::vector<page> got;
    in.run(take_all(pages, got));
    for (const page& each : got) copies.push_back(each.copy());
    CHECK(s3.window_used() > 0);
  }
  CHECK(s3.window_used() == 0);
  std::uint64_t at = 0;
  for (const owned_page& each : copies) {
    CHECK(each.object.key == in.objects->key(0));
    CHECK(each.offset == at);
    CHECK(testing::synthetic_equal(1, 0, each.offset, each.bytes));
    at += each.bytes.size();
    CHECK(each.last == (at == 64 * kib));
  }
  CHECK(at == 64 * kib);
}

TEST_CASE("a caller may hold pages in less than a quarter of the window at any time", "[pager][paging]") {
  const auto order = GENERATE(page_order::by_key, page_order::by_arrival);
  const bool by_keys = GENERATE(false, true);
  const auto verified = GENERATE(verify::as_it_arrives, verify::before_delivery);
  testing::origin_options origin;
  origin.checksums = {testing::checksum_algorithm::crc32c, testing::range_checksum::of_range};
  world in({.origin = origin, .objects = {.count = 60, .sizes = {700 * kib, 5, 64 * kib, 1300 * kib}}});
  coro::event gate;
  in.server->set_hook([&](const testing::request_info& asked) -> testing::behaviour {
    if (asked.key == in.objects->key(0) && !asked.range.ends_with("-716799")) return {.gate = &gate, .stall_at = 100 * kib};
    return {};
  });
  client_options how = in.small();
  how.window_bytes = 2 * mib;
  how.concurrency = 24;
  how.verify = verified;
  client s3(in.loop, how);
  page_stream pages;
  if (by_keys)
    pages = order == page_order::by_key ? s3.page_ordered("s", keys_of(*in.objects)) : s3.page_unordered("s", keys_of(*in.objects));
  else
    pages = paged(s3, order, {.bucket = "s"});
  in.run([](world& of, client& from, page_stream& stream, coro::event& opens) -> task<> {
    const ring::buffer_pool& window = *from.window();
    const std::uint32_t quarter = window.capacity() / 4;
    reader got(*of.objects);
    std::deque<page> held;
    for (;;) {
      std::optional<page> next = co_await stream.next();
      if (!next) break;
      got.take(*next);
      held.push_back(std::move(*next));
      while (!held.empty() && window.handed_on() >= quarter) held.pop_front();
      if (opens.is_set()) continue;
      // All that may be read ahead is, while the first object's server stalls: then that needs room beside it, and the caller too.
      held.clear();
      for (int more = 0; more < 500; ++more) {
        co_await turn();
        if (window.available() + window.handed_on() > quarter + window.capacity() / 16) more = 0;
      }
      opens.set();
    }
    CHECK(got.all());
  }(in, s3, pages, gate));
}

TEST_CASE("a caller that holds the whole window is told how much it holds", "[pager][paging]") {
  const auto order = GENERATE(page_order::by_key, page_order::by_arrival);
  world in({.objects = {.count = 100, .size = 1000}});
  client_options how = in.small();
  how.window_bytes = 512 * kib;
  how.window_wait = 7s;
  client s3(in.loop, how);
  std::vector<page> held;
  {
    auto pages = paged(s3, order, {.bucket = "s"});
    root<> run(in.loop.ready(), take_all(pages, held));
    in.until([&] { return held.size() == 8; });
    while (in.loop.run_once(ring::reactor::wait::no)) {
    }
    in.time.advance(6999ms);
    while (in.loop.run_once(ring::reactor::wait::no)) {
    }
    CHECK_FALSE(run.done());
    in.time.advance(1ms);
    in.until([&] { return run.done(); });
    try {
      run.result();
      FAIL("it did not fail");
    } catch (const error& failed) {
      CHECK(failed.code() == errc::window_exhausted);
      CHECK(failed.details().message.find("of a window of 524288 bytes") != std::string::npos);
      CHECK(failed.details().message.find(" take 524288;") != std::string::npos);
    }
    CHECK(held.size() == 8);
  }
  held.clear();
  reader got(*in.objects);
  auto pages = paged(s3, order, {.bucket = "s"});
  in.run(read_all(pages, got));
  CHECK(got.all());
}

TEST_CASE("a slow origin is no exhausted window", "[pager][paging]") {
  world in({.objects = {.count = 20, .size = 1000}});
  coro::event gate;
  std::uint64_t asked_for = 0;
  in.server->set_hook([&](const testing::request_info& asked) -> testing::behaviour {
    if (asked.key.empty()) return {};
    ++asked_for;
    // The first object's slot comes back and goes to another: its rest is asked for under the last one there is.
    if (asked.key == in.objects->key(0)) return {.gate = &gate, .stall_at = 500};
    return {.gate = &gate, .stall_head = true};
  });
  client_options how = in.small();
  how.window_bytes = 256 * kib;  // four slots, and more lanes that want one
  how.concurrency = 8;
  how.window_wait = 1s;
  client s3(in.loop, how);
  auto pages = s3.page_ordered({.bucket = "s"});
  reader got(*in.objects);
  root<> run(in.loop.ready(), read_all(pages, got));
  in.until([&] { return asked_for >= 2 && got.bytes() == 500; });
  for (int i = 0; i < 50; ++i) in.loop.run_once(ring::reactor::wait::no);
  for (int i = 0; i < 5; ++i) {
    in.time.advance(2s);
    while (in.loop.run_once(ring::reactor::wait::no)) {
    }
  }
  CHECK_FALSE(run.done());
  gate.set();
  in.until([&] { return run.done(); });
  CHECK_NOTHROW(run.result());
  CHECK(got.all());
}

TEST_CASE("lanes of a failed object do not stand in the way of the next object", "[pager][paging]") {
  // Object 0 fails in its first slice while its second waits for room, which objects further down have taken.
  world in({.objects = sizes({1024 * kib, 100, 1000, 1000, 1000, 1000, 1000, 1000})});
  coro::event first;
  coro::event second;
  std::uint64_t small_ones = 0;
  in.server->set_hook([&](const testing::request_info& asked) -> testing::behaviour {
    if (asked.key == in.objects->key(0) && asked.range == "bytes=0-524287")
      return {.gate = &first, .stall_head = true, .status = 404};
    if (asked.key == in.objects->key(1)) return {.gate = &second, .stall_at = 50};
    if (asked.key > in.objects->key(1)) ++small_ones;
    return {};
  });
  client_options how = in.small();
  how.window_bytes = 256 * kib;
  how.concurrency = 4;
  client s3(in.loop, how);
  auto pages = s3.page_ordered({.bucket = "s", .on_error = on_error::report});
  reader got(*in.objects);
  root<> run(in.loop.ready(), read_all(pages, got));
  const auto quiet = [&in] {
    for (int i = 0; i < 50; ++i) in.loop.run_once(ring::reactor::wait::no);
  };
  in.until([&] { return in.server->counters().requests >= 3; });
  quiet();
  first.set();
  quiet();
  second.set();
  in.until([&] { return run.done(); });
  run.result();
  CHECK(got.complaint().empty());
  CHECK(got.whole() == 7);
}

TEST_CASE("streams of one client share its window", "[pager][paging]") {
  const auto window = GENERATE(256 * kib, 1 * mib);
  const auto order = GENERATE(page_order::by_key, page_order::by_arrival);
  world in({.objects = {.count = 30, .sizes = {10, 700 * kib, 0, 3000}}});
  client_options how = in.small();
  how.window_bytes = window;
  client s3(in.loop, how);
  std::vector<std::unique_ptr<reader>> readers;
  std::vector<page_stream> streams;
  std::vector<task<>> tasks;
  for (int i = 0; i < 3; ++i) {
    readers.push_back(std::make_unique<reader>(*in.objects));
    streams.push_back(paged(s3, order, {.bucket = "s"}));
  }
  for (std::size_t i = 0; i < 3; ++i) tasks.push_back(read_all(streams[i], *readers[i]));
  in.run([](std::vector<task<>> all) -> task<> { co_await coro::when_all(std::move(all)); }(std::move(tasks)));
  for (const auto& each : readers) {
    CHECK(each->complaint().empty());
    CHECK(each->all());
  }
}

TEST_CASE("a stop ends a stream, before it begins and on the way", "[pager][paging]") {
  world in({.objects = {.count = 50, .size = 1000}});
  client s3(in.loop, in.small());
  coro::stop_source source;
  auto running = s3.page_ordered({.bucket = "s", .stop = source.token()});
  std::vector<page> got;
  in.run(take_some(running, got, 5));
  CHECK(got.size() == 5);
  source.request_stop();
  const error on_the_way = failure_of(in, take_all(running, got));
  CHECK(on_the_way.code() == errc::cancelled);

  const std::uint64_t requests = in.server->counters().requests;
  auto never = s3.page_unordered({.bucket = "s", .stop = source.token()});
  const error at_once = failure_of(in, take_all(never, got));
  CHECK(at_once.code() == errc::cancelled);
  CHECK(in.server->counters().requests == requests);

  // While next() waits.
  coro::event gate;
  bool stalled = false;
  in.server->set_hook([&](const testing::request_info& asked) -> testing::behaviour {
    if (asked.key.empty()) return {};
    stalled = true;
    return {.gate = &gate, .stall_head = true};
  });
  const coro::stop_source other;
  auto waiting = s3.page_ordered({.bucket = "s", .stop = other.token()});
  std::vector<page> none;
  root<> run(in.loop.ready(), take_all(waiting, none));
  in.until([&] { return stalled; });
  other.request_stop();
  in.until([&] { return run.done(); });
  try {
    run.result();
    FAIL("it did not end with the stop");
  } catch (const error& failed) {
    CHECK(failed.code() == errc::cancelled);
  }
  CHECK(none.empty());
  gate.set();
}

TEST_CASE("a closed stream has ended, however often and early it is closed", "[pager][paging]") {
  world in({.objects = {.count = 50, .sizes = {1000, 900 * kib}}});
  client s3(in.loop, in.small());
  auto early = s3.page_ordered({.bucket = "s"});
  in.run(early.close());
  CHECK(in.server->counters().requests == 0);
  std::vector<page> got;
  in.run(take_all(early, got));
  CHECK(got.empty());

  auto late = s3.page_ordered({.bucket = "s"});
  in.run(take_some(late, got, 3));
  in.run(late.close());
  in.run(late.close());
  in.run(take_all(late, got));
  CHECK(got.size() == 3);
  got.clear();
  CHECK(s3.window_used() == 0);
  page_stream empty;
  in.run(empty.close());
  CHECK(empty.summary().objects == 0);
}

TEST_CASE("an await of next() that is dropped loses no page", "[pager][paging]") {
  world in({.objects = {.count = 30, .size = 100'000}});
  client s3(in.loop, in.small());
  auto pages = s3.page_ordered({.bucket = "s"});
  reader got(*in.objects);
  // Each attempt is dropped after a few turns, if it has not ended by then.
  for (bool more = true; more;) {
    std::vector<page> one;
    root<> attempt(in.loop.ready(), take_some(pages, one, 1));
    for (int i = 0; i < 3 && !attempt.done(); ++i) in.loop.run_once(ring::reactor::wait::no, 1);
    if (!attempt.done()) continue;
    if (one.empty()) more = false;
    else got.take(one[0]);
  }
  CHECK(got.all());
}

namespace {

/// Writes down what it is told.
class notes final : public observer {
 public:
  std::vector<std::string> lines;

 private:
  void request_began(const request_event& what) noexcept override { note("began", what); }
  void request_ended(const request_event& what, const request_outcome& how) noexcept override {
    note("ended", what);
    lines.back() += " status " + std::to_string(how.http_status);
    if (how.error) lines.back() += " failed";
    else if (what.kind == request_kind::get_object) lines.back() += " body " + std::to_string(how.body_bytes);
    if (how.request_id.empty()) lines.back() += " without id";
  }
  void request_retried(const request_event& what, std::error_code why) noexcept override {
    note("retried", what);
    if (!(why == errc::connection_lost)) lines.back() += " for another reason";
  }
  void note(const char* word, const request_event& what) {
    lines.push_back(std::string(word) + ' ' + std::to_string(what.id) +
                    (what.kind == request_kind::list_objects ? " list " : " get ") + std::string(what.bucket) + '/' +
                    std::string(what.key) + (what.offset != 0 ? " from " + std::to_string(what.offset) : "") +
                    (what.reused_connection ? " again" : "") + (what.peer == nullptr ? " no peer" : ""));
  }
};

}  // namespace

TEST_CASE("an observer sees each request begin, end and be retried", "[pager][paging]") {
  world in({.objects = sizes({10, 0, 20})});
  int second = 0;
  in.server->set_hook([&](const testing::request_info& asked) -> testing::behaviour {
    if (asked.key == in.objects->key(1) && ++second == 1) return {.cut_head = true};
    if (asked.key == in.objects->key(2)) return {.status = 403};
    return {};
  });
  notes seen;
  client_options how = in.small();
  how.concurrency = 1;
  how.observer = &seen;
  client s3(in.loop, how);
  auto pages = s3.page_ordered({.bucket = "s", .prefix = "0", .on_error = on_error::report});
  reader got(*in.objects);
  in.run(read_all(pages, got));
  CHECK(got.whole() == 2);
  const std::vector<std::string> expected{
      "began 1 list s/0",
      "ended 1 list s/0 status 200",
      "began 2 get s/00000000 again",
      "ended 2 get s/00000000 again status 200 body 10",
      "began 3 get s/00000001 again",
      "ended 3 get s/00000001 again status 0 failed without id",
      "retried 3 get s/00000001 again",
      "began 4 get s/00000001",
      "ended 4 get s/00000001 status 200 body 0",
      "began 5 get s/00000002 again",
      "ended 5 get s/00000002 again status 403 failed",
  };
  CHECK(seen.lines == expected);
  CHECK(pages.summary().requests == 5);
}

TEST_CASE("a kept connection that was closed is retried on a fresh one, once", "[pager][paging]") {
  world in({.objects = sizes({10, 10})});
  std::vector<std::uint64_t> cuts;
  in.server->set_hook([&](const testing::request_info& asked) -> testing::behaviour {
    if (asked.key != in.objects->key(1)) return {};
    cuts.push_back(asked.index);
    return {.cut_head = true};
  });
  client_options how = in.small();
  how.concurrency = 1;
  client s3(in.loop, how);
  auto pages = s3.page_ordered({.bucket = "s"});
  reader got(*in.objects);
  const error failed = failure_of(in, read_all(pages, got));
  CHECK(failed.code() == errc::connection_lost);
  CHECK(failed.key() == in.objects->key(1));
  CHECK(cuts == std::vector<std::uint64_t>{2, 3});
  CHECK(in.server->counters().connections_accepted == 2);
}

TEST_CASE("an origin that ends connections after some requests costs connections, no failures", "[pager][paging]") {
  world in({.origin = {.requests_per_connection = 3}, .objects = {.count = 20, .size = 50'000}});
  client_options how = in.small();
  how.concurrency = 1;
  client s3(in.loop, how);
  auto pages = s3.page_ordered({.bucket = "s"});
  reader got(*in.objects);
  in.run(read_all(pages, got));
  CHECK(got.all());
  CHECK(pages.summary().requests == 22);
  CHECK(in.server->counters().connections_accepted == 8);
}

TEST_CASE("an answer that never begins and one that stops ends at its deadline, not before", "[pager][paging]") {
  const bool head = GENERATE(true, false);
  world in({.objects = sizes({100'000})});
  coro::event gate;
  bool asked_for = false;
  in.server->set_hook([&](const testing::request_info& asked) -> testing::behaviour {
    if (asked.key.empty()) return {};
    asked_for = true;
    if (head) return {.gate = &gate, .stall_head = true};
    return {.gate = &gate, .stall_at = 50'000};
  });
  client_options how = in.small();
  how.deadlines.first_byte = 11s;
  how.deadlines.idle = 5s;
  client s3(in.loop, how);
  auto pages = s3.page_ordered({.bucket = "s"});
  std::vector<page> got;
  root<> run(in.loop.ready(), take_all(pages, got));
  const auto received = [&got] {
    std::size_t sum = 0;
    for (const page& each : got) sum += each.bytes().size();
    return sum;
  };
  in.until([&] { return asked_for && received() == (head ? 0 : 50'000); });
  const auto quiet = [&in] {
    while (in.loop.run_once(ring::reactor::wait::no)) {
    }
  };
  quiet();
  in.time.advance(head ? 10'999ms : 4'999ms);
  quiet();
  CHECK_FALSE(run.done());
  in.time.advance(1ms);
  in.until([&] { return run.done(); });
  try {
    run.result();
    FAIL("it did not time out");
  } catch (const error& failed) {
    CHECK(failed.code() == errc::timed_out);
    CHECK(failed.key() == in.objects->key(0));
    CHECK(failed.http_status() == (head ? 0 : 200));
  }
  gate.set();
}

TEST_CASE("a consumer may be slow for hours", "[pager][paging]") {
  const auto order = GENERATE(page_order::by_key, page_order::by_arrival);
  watching_hook watch;
  world in({.objects = {.count = 12, .size = 900 * kib}, .hook = &watch});
  client_options how = in.small();
  how.window_bytes = 512 * kib;
  client s3(in.loop, how);
  auto pages = paged(s3, order, {.bucket = "s"});
  reader got(*in.objects);
  in.run([](world& of, const watching_hook& seen, page_stream& stream, reader& into) -> task<> {
    for (;;) {
      const std::optional<page> next = co_await stream.next();
      if (!next) break;
      into.take(*next);
      // Only when no lane waits for its peer: a stall of the origin would be no doing of the consumer.
      for (int i = 0; i < 5000 && seen.waits_for_peer(); ++i) co_await turn();
      if (!seen.waits_for_peer()) of.time.advance(1h);
    }
  }(in, watch, pages, got));
  CHECK(got.complaint().empty());
  CHECK(got.all());
  CHECK(pages.summary().elapsed >= 1h);
}

TEST_CASE("a host that does not answer is given up at the deadline of a connect", "[pager][paging]") {
  world in;
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
  how.deadlines.connect = 3s;
  client s3(in.loop, how);
  auto pages = s3.page_ordered({.bucket = "s"});
  reader got(*in.objects);
  root<> run(in.loop.ready(), read_all(pages, got));
  const auto quiet = [&in] {
    for (int i = 0; i < 20; ++i) in.loop.run_once(ring::reactor::wait::no);
  };
  quiet();
  in.time.advance(2999ms);
  quiet();
  CHECK_FALSE(run.done());
  in.time.advance(1ms);
  in.until([&] { return run.done(); });
  try {
    run.result();
    FAIL("it did not time out");
  } catch (const error& failed) {
    CHECK(failed.code() == errc::timed_out);
    CHECK(failed.bucket() == "s");
  }
}

TEST_CASE("a host that refuses is unavailable", "[pager][paging]") {
  world in;
  std::uint16_t port = 0;
  {
    ring::socket gone;
    REQUIRE_FALSE(ring::socket::listen(in.loop, ring::socket_address::loopback(0), 1, gone));
    port = gone.local_address().port();
  }
  client_options how = in.small();
  how.connect_host = "127.0.0.1";
  how.connect_port = port;
  client s3(in.loop, how);
  auto pages = s3.get({.bucket = "s", .key = "k"});
  reader got(*in.objects);
  const error failed = failure_of(in, read_all(pages, got));
  CHECK(failed.code() == errc::unavailable);
  CHECK(failed.key() == "k");
}

TEST_CASE("one object may be had in part or on a condition", "[pager][paging]") {
  world in;
  in.memory->put("k", "0123456789");
  client s3(in.loop, in.small());
  const auto text = [&in](page_stream pages) {
    std::vector<page> got;
    in.run(take_all(pages, got));
    std::string all;
    for (const page& each : got) all += as_chars(each.bytes());
    CHECK(got.back().last());
    return all;
  };
  const auto code = [&in](page_stream pages) {
    std::vector<page> got;
    return failure_of(in, take_all(pages, got)).code();
  };
  CHECK(text(s3.get({.bucket = "m", .key = "k"})) == "0123456789");
  CHECK(text(s3.get({.bucket = "m", .key = "k", .range = byte_range{3, 5}})) == "345");
  CHECK(text(s3.get({.bucket = "m", .key = "k", .range = byte_range{8, 100}})) == "89");
  CHECK(code(s3.get({.bucket = "m", .key = "k", .range = byte_range{10, 11}})) == errc::invalid_argument);
  CHECK(code(s3.get({.bucket = "m", .key = "k", .if_match = "\"x\""})) == errc::precondition_failed);
  CHECK(code(s3.get({.bucket = "m", .key = "k", .if_none_match = "*"})) == errc::not_modified);
  CHECK(code(s3.get({.bucket = "m", .key = "none"})) == errc::not_found);
}

TEST_CASE("a wrong secret is refused", "[pager][paging]") {
  world in;
  client_options how = in.small();
  how.secret_access_key = "another";
  client s3(in.loop, how);
  auto pages = s3.page_ordered({.bucket = "s"});
  reader got(*in.objects);
  const error failed = failure_of(in, read_all(pages, got));
  CHECK(failed.code() == errc::access_denied);
  CHECK(failed.s3_code() == "SignatureDoesNotMatch");
}

TEST_CASE("options that can't be are refused by their names", "[pager][paging]") {
  world in;
  const auto message = [&in](auto change) {
    client_options how = in.small();
    change(how);
    try {
      client s3(in.loop, how);
      static_cast<void>(s3.page_ordered({.bucket = "s"}));
    } catch (const error& failed) {
      CHECK(failed.code() == errc::invalid_argument);
      return failed.details().message;
    }
    return std::string();
  };
  CHECK(message([](client_options& how) { how.concurrency = 4097; }).find("concurrency is 4097") == 0);
  CHECK(message([](client_options& how) { how.window_bytes = 3 * 65536; }).find("window_bytes is 196608") == 0);
  CHECK(message([](client_options& how) { how.slot_bytes = 5000; }).find("slot_bytes is 5000") == 0);
  CHECK(message([](client_options& how) { how.secret_access_key = {}; }).find("access_key_id is given") == 0);
  client s3(in.loop, in.small());
  CHECK_THROWS_AS(s3.page_ordered({.bucket = "s", .max_keys = 1001}), error);
  CHECK_THROWS_AS(s3.get({.bucket = "s", .key = "k", .range = byte_range{2, 1}}), error);
}
