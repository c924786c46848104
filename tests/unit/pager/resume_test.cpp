// Faults of a server in mid-run, and that a run gets over them, or names them.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "s3pager/pager/client.hpp"
#include "s3pager/ring/next_turn.hpp"
#include "s3pager/testing/memory_bucket.hpp"
#include "s3pager/testing/origin.hpp"
#include "s3pager/testing/synthetic_bucket.hpp"
#include "support/catch.hpp"
#include "support/scripted_server.hpp"

namespace {

using namespace s3pager;
using testing::behaviour;
using testing::request_info;

/// An origin and a client on one reactor. Retries are made at once: the clock stands still.
struct fixture {
  explicit fixture(std::vector<std::uint64_t> sizes, page_order with = page_order::by_key)
      : order(with),
        bucket(std::make_shared<testing::synthetic_bucket>(
            testing::synthetic_options{.count = sizes.size(), .sizes = sizes})),
        server(loop),
        serving(loop.context()) {
    server.add_bucket("b", bucket);
    serving.spawn(server.serve());
    options.endpoint_url = endpoint = server.endpoint();
    options.anonymous = true;
    options.window_bytes = 8 << 20;
    options.concurrency = 4;
    options.retry.base_delay = options.retry.throttled_delay = duration::zero();
    options.jitter_seed = 1;
  }

  task<> page_all() {
    client s3(loop, options);
    const page_options what{.bucket = "b", .on_error = failures};
    auto pages = order == page_order::by_key ? s3.page_ordered(what) : s3.page_unordered(what);
    for (;;) {
      const std::optional<page> next = co_await pages.next();
      if (!next) break;
      const std::string key(next->object().key);
      if (next->failure() != nullptr) {
        failed.emplace(key, *next->failure());
        continue;
      }
      const auto index = *bucket->index_of(key);
      exact = exact && next->offset() == came[key] &&
              testing::synthetic_equal(bucket->seed(), index, next->offset(), next->bytes());
      came[key] += next->bytes().size();
      ended[key] += next->last() ? 1 : 0;
    }
    total = pages.summary();
  }
  void run() { loop.run(page_all()); }

  [[nodiscard]] bool all_whole() const {
    for (std::uint64_t i = 0; i < bucket->count(); ++i) {
      const auto found = came.find(bucket->key(i));
      if (found == came.end() || found->second != bucket->size(i) || ended.at(bucket->key(i)) != 1) return false;
    }
    return exact;
  }

  manual_clock time;
  ring::reactor loop{{.clock = &time}};
  page_order order;
  on_error failures = on_error::stop;
  std::shared_ptr<testing::synthetic_bucket> bucket;
  testing::origin server;
  coro::scope serving;
  std::string endpoint;
  client_options options;
  std::map<std::string, std::uint64_t> came;
  std::map<std::string, int> ended;
  std::map<std::string, error> failed;
  bool exact = true;
  summary total;
};

}  // namespace

TEST_CASE("a body that breaks off goes on at the exact next byte, of the same version") {
  const page_order order = GENERATE(page_order::by_key, page_order::by_arrival);
  const std::uint64_t cut = GENERATE(0U, 1U, 1000U, 65'536U, 399'999U);
  fixture world({400'000, 3'000'000, 10}, order);
  std::vector<std::string> ranges;
  bool once = false;
  world.server.set_hook([&](const request_info& asked) {
    behaviour made;
    if (asked.key != world.bucket->key(0)) return made;
    ranges.emplace_back(asked.range);
    if (!std::exchange(once, true)) made.cut_at = cut;
    return made;
  });
  world.run();
  CHECK(world.all_whole());
  REQUIRE(ranges.size() == 2);
  CHECK(ranges[0].empty());
  CHECK(ranges[1] == (cut == 0 ? std::string() : "bytes=" + std::to_string(cut) + "-399999"));
}

TEST_CASE("an answer that goes on behind its object's last byte ends the object once") {
  const page_order order = GENERATE(page_order::by_key, page_order::by_arrival);
  const std::uint64_t size = GENERATE(0U, 1U, 1000U, 300'000U, 3'000'000U);
  fixture world({10, size, 10}, order);
  world.failures = on_error::report;
  bool once = false;
  world.server.set_hook([&](const request_info& asked) {
    behaviour made;
    if (asked.key == world.bucket->key(1) && !std::exchange(once, true)) made.without_end = testing::endless::chunks;
    return made;
  });
  world.run();
  CHECK(world.exact);
  const std::string key = world.bucket->key(1);
  CHECK(world.ended[key] + static_cast<int>(world.failed.count(key)) == 1);
  CHECK(world.came[key] == (world.ended[key] == 1 ? size : world.came[key]));
  CHECK(world.ended[world.bucket->key(0)] == 1);
  CHECK(world.ended[world.bucket->key(2)] == 1);
}

TEST_CASE("an answer that breaks off between its last byte and its end is no end, and comes once") {
  manual_clock time;
  ring::reactor loop({.clock = &time});
  const std::string list =
      "<ListBucketResult><IsTruncated>false</IsTruncated>"
      "<Contents><Key>k</Key><ETag>&quot;e&quot;</ETag><Size>3003</Size></Contents></ListBucketResult>";
  const std::string listed = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(list.size()) + "\r\n\r\n" + list;
  const std::string begin(3000, 'a');
  const std::string chunked =
      "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nTransfer-Encoding: chunked\r\n\r\nbb8\r\n" + begin + "\r\n3\r\ndef\r\n";
  const std::string rest =
      "HTTP/1.1 206 Partial Content\r\nETag: \"e\"\r\nContent-Range: bytes 3000-3002/3003\r\nContent-Length: 3\r\n\r\ndef";
  const std::string broken = GENERATE("", "bad");
  test::scripted_server server(
      loop, {{{.segments = {listed}}, {.segments = {chunked, broken}, .then = test::afterwards::close}}, {{.segments = {rest}}}});
  const std::string endpoint = server.endpoint();
  const page_order order = GENERATE(page_order::by_key, page_order::by_arrival);
  std::string came;
  std::size_t last = 0;
  const auto page_it = [&]() -> task<> {
    client s3(loop, {.anonymous = true, .endpoint_url = endpoint, .retry = {.base_delay = duration::zero()}, .jitter_seed = 1});
    const page_options what{.bucket = "b"};
    auto pages = order == page_order::by_key ? s3.page_ordered(what) : s3.page_unordered(what);
    for (;;) {
      const std::optional<page> next = co_await pages.next();
      if (!next) break;
      came += next->text();
      last += next->last() ? 1 : 0;
    }
    CHECK(pages.summary().objects == 1);
  };
  loop.run(page_it());
  CHECK(came == begin + "def");
  CHECK(last == 1);
  REQUIRE(server.requests().size() == 3);
  CHECK(server.requests()[2].find("range: bytes=3000-3002\r\n") != std::string::npos);
}

TEST_CASE("progress refills the attempts, so that a long object over a bad line arrives") {
  fixture world({500'000});
  world.server.set_hook([&](const request_info& asked) {
    behaviour made;
    if (!asked.key.empty()) made.cut_at = 20'000;
    return made;
  });
  world.run();
  CHECK(world.all_whole());
  CHECK(world.total.requests == 1 + 25);
}

TEST_CASE("a line that gives nothing is given up on after the attempts of the policy") {
  fixture world({1000});
  world.server.set_hook([&](const request_info& asked) {
    behaviour made;
    made.cut_head = !asked.key.empty();
    return made;
  });
  try {
    world.run();
    FAIL("it came");
  } catch (const error& failed) {
    CHECK(failed.code() == errc::connection_lost);
    CHECK(failed.attempts() == 3);
    CHECK(failed.key() == world.bucket->key(0));
  }
}

TEST_CASE("statuses that may pass are retried, and those that are final are not") {
  const int status = GENERATE(500, 502, 503, 429, 403, 404, 412);
  fixture world({1000, 2000});
  world.failures = on_error::report;
  std::size_t asked_for = 0;
  world.server.set_hook([&](const request_info& asked) {
    behaviour made;
    if (asked.key == world.bucket->key(1) && ++asked_for == 1) made.status = status;
    return made;
  });
  world.run();
  if (status >= 429) {
    CHECK(world.all_whole());
    CHECK(asked_for == 2);
  } else {
    CHECK(asked_for == 1);
    REQUIRE(world.failed.size() == 1);
    const errc expected = status == 403 ? errc::access_denied : status == 404 ? errc::not_found : errc::changed;
    CHECK(world.failed.begin()->second.code() == expected);
    CHECK(world.came[world.bucket->key(0)] == 1000);
  }
}

TEST_CASE("a list page that breaks off is asked for again, and every key comes exactly once") {
  fixture world(std::vector<std::uint64_t>(2500, 1));
  std::size_t lists = 0;
  world.server.set_hook([&](const request_info& asked) {
    behaviour made;
    if (!asked.key.empty()) return made;
    ++lists;
    if (lists == 2) made.cut_at = 5000;
    if (lists == 4) made.status = 503;
    if (lists == 5) made.cut_head = true;
    return made;
  });
  world.run();
  CHECK(world.all_whole());
  CHECK(lists == 7);  // four pages, the first of them short
}

TEST_CASE("a refused continuation token is replaced by the last key") {
  fixture world(std::vector<std::uint64_t>(2500, 1));
  std::vector<std::string> queries;
  world.server.set_hook([&](const request_info& asked) {
    behaviour made;
    if (!asked.key.empty()) return made;
    queries.emplace_back(asked.query);
    if (queries.size() == 2) made.status = 400;
    return made;
  });
  world.run();
  CHECK(world.all_whole());
  REQUIRE(queries.size() == 5);
  CHECK(queries[2].find("continuation-token") == std::string::npos);
  CHECK(queries[2].find("start-after=" + world.bucket->key(15)) != std::string::npos);
}

TEST_CASE("an object that changes between two attempts is changed, never a splice") {
  manual_clock time;
  ring::reactor loop({.clock = &time});
  auto bucket = std::make_shared<testing::memory_bucket>();
  bucket->put("k", std::string(300'000, 'a'));
  testing::origin server(loop);
  server.add_bucket("b", bucket);
  coro::scope serving(loop.context());
  serving.spawn(server.serve());
  server.set_hook([&](const request_info& asked) {
    behaviour made;
    if (asked.key.empty() || !asked.range.empty()) return made;
    made.cut_at = 100'000;
    return made;
  });
  const std::string endpoint = server.endpoint();
  const bool listed = GENERATE(true, false);
  const auto page_it = [&]() -> task<> {
    client s3(loop, {.anonymous = true,
                     .endpoint_url = endpoint,
                     .retry = {.base_delay = duration::zero()},
                     .jitter_seed = 1});
    const std::vector<std::string> keys{"k"};
    auto pages = listed ? s3.page_ordered({.bucket = "b"}) : s3.page_ordered("b", keys);
    std::uint64_t came = 0;
    bool changed = false;
    try {
      for (;;) {
        const std::optional<page> next = co_await pages.next();
        if (!next) break;
        came += next->bytes().size();
        if (!std::exchange(changed, true)) bucket->put("k", std::string(300'000, 'b'));
      }
      FAIL("it came whole");
    } catch (const error& failed) {
      CHECK(failed.code() == errc::changed);
      CHECK(failed.http_status() == 412);
    }
  };
  loop.run(page_it());
}

TEST_CASE("a consumer that computes for longer than a deadline times nothing out") {
  fixture world({3'000'000, 3'000'000, 3'000'000});
  const auto page_slowly = [](fixture& in) -> task<> {
    client s3(in.loop, in.options);
    auto pages = s3.page_unordered({.bucket = "b"});
    std::uint64_t came = 0;
    for (;;) {
      const std::optional<page> next = co_await pages.next();
      if (!next) break;
      came += next->bytes().size();
      // The origin, which is on the same reactor, has answered meanwhile.
      for (int i = 0; i < 40; ++i) co_await ring::next_turn(in.loop);
      in.time.advance(std::chrono::seconds(31));
    }
    CHECK(came == 9'000'000);
    CHECK(pages.summary().requests == 4);
  };
  world.loop.run(page_slowly(world));
}

TEST_CASE("streams that nobody awaits take no slots") {
  fixture world({10});
  client s3(world.loop, world.options);
  std::vector<page_stream> streams;
  for (int i = 0; i < 300; ++i) streams.push_back(s3.get({.bucket = "b", .key = "x"}));
  CHECK(s3.window_used() == 0);
}

TEST_CASE("an empty key is refused before anything is sent") {
  fixture world({10});
  client s3(world.loop, world.options);
  CHECK_THROWS_AS(s3.get({.bucket = "b"}), error);
  CHECK_THROWS_AS(s3.page_ordered("b", {"a", ""}), error);
}
