#include "s3pager/runtime/blocking.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "s3pager/base/error.hpp"
#include "s3pager/coro/frame_pool.hpp"
#include "s3pager/testing/pattern.hpp"
#include "support/catch.hpp"
#include "unit/runtime/service.hpp"

using namespace s3pager;
using test::service;

namespace {

constexpr auto all_pages = [](client& s3) { return s3.page_ordered({.bucket = "s"}); };
constexpr auto all_objects = [](client& s3) { return s3.list({.bucket = "s"}); };

using pages = blocking<decltype(all_pages)>;
using objects = blocking<decltype(all_objects)>;

static_assert(std::ranges::input_range<pages>);
static_assert(std::ranges::input_range<objects>);
static_assert(!std::ranges::forward_range<pages>, "what has been read is gone");
static_assert(std::ranges::viewable_range<pages&>);
static_assert(std::is_same_v<std::ranges::range_reference_t<pages>, page&>);
static_assert(std::is_same_v<std::ranges::range_value_t<objects>, object>);
static_assert(!std::is_move_constructible_v<pages>);

const client_options offline{.anonymous = true, .region = "us-east-1", .endpoint_url = "http://127.0.0.1:1"};

async_generator<int> numbers(int count) {
  for (int i = 0; i < count; ++i) co_yield i;
}

}  // namespace

TEST_CASE("blocking gives the pages of every object, in order, and the summary at the end") {
  const service server({.count = 12, .sizes = {0, 1, 5'000, 300'000}});
  blocking each(all_pages, server.options());
  std::uint64_t index = 0;
  std::uint64_t offset = 0;
  for (auto& page : each) {
    REQUIRE(page.object().key == server.objects().key(index));
    REQUIRE(page.offset() == offset);
    REQUIRE(testing::synthetic_equal(server.objects().seed(), index, offset, page.bytes()));
    offset += page.bytes().size();
    if (!page.last()) continue;
    REQUIRE(offset == server.objects().size(index));
    offset = 0;
    ++index;
  }
  CHECK(index == 12);
  CHECK(each.stream().summary().objects == 12);
  CHECK(each.stream().summary().bytes == 3 * 305'001);
}

TEST_CASE("blocking gives what any generator yields") {
  const service server({.count = 5, .size = 7});
  std::vector<std::string> keys;
  for (const object& each : blocking(all_objects, server.options())) keys.emplace_back(each.key);
  REQUIRE(keys.size() == 5);
  for (std::uint64_t i = 0; i < 5; ++i) CHECK(keys[i] == server.objects().key(i));
}

TEST_CASE("blocking is a range of the standard's algorithms and views") {
  blocking upto([](client&) { return numbers(10); }, offline);
  std::vector<int> got;
  std::ranges::copy(upto | std::views::filter([](int n) { return n % 2 == 1; }) |
                        std::views::transform([](int n) { return n * n; }),
                    std::back_inserter(got));
  CHECK(got == std::vector<int>{1, 9, 25, 49, 81});

  blocking counted([](client&) { return numbers(4); }, offline);
  CHECK(std::ranges::distance(counted) == 4);
  CHECK(counted.begin() == counted.end());
}

TEST_CASE("blocking keeps a coroutine's captures as long as its stream") {
  std::string text;
  for (const char each : blocking(
           [word = std::make_unique<std::string>("kept, and longer than a small string")](client&) -> async_generator<char> {
             for (const char c : *word) co_yield c;
           },
           offline))
    text += each;
  CHECK(text == "kept, and longer than a small string");
}

TEST_CASE("blocking of nothing is an empty range") {
  blocking none([](client&) { return numbers(0); }, offline);
  CHECK(none.begin() == none.end());
  const service server({.count = 0});
  for (auto& page : blocking(all_pages, server.options())) FAIL(page.object().key);
}

TEST_CASE("begin of a blocking range skips nothing if it is called again") {
  blocking upto([](client&) { return numbers(3); }, offline);
  CHECK(*upto.begin() == 0);
  CHECK(*upto.begin() == 0);
  auto at = upto.begin();
  ++at;
  CHECK(*upto.begin() == 1);
  at++;
  CHECK(*at == 2);
  ++at;
  CHECK(at == upto.end());
  ++at;
  CHECK(at == upto.end());
}

TEST_CASE("a blocking range throws what next() throws, and has ended then") {
  SECTION("at the first step") {
    blocking missing([](client& s3) { return s3.page_ordered({.bucket = "s"}); }, offline);
    CHECK_THROWS_AS(missing.begin(), error);
    CHECK(missing.begin() == missing.end());
  }
  SECTION("at a later one") {
    blocking fails(
        [](client&) -> async_generator<int> {
          co_yield 1;
          throw std::runtime_error("after one");
        },
        offline);
    auto at = fails.begin();
    CHECK(*at == 1);
    CHECK_THROWS_WITH(++at, "after one");
    CHECK(at == fails.end());
    CHECK(fails.begin() == fails.end());
  }
  SECTION("out of the loop over it") {
    const service server({.count = 3});
    const auto live = coro::frame_pool::local().live();
    const auto loop = [&] {
      for (const auto& page : blocking([](client& s3) { return s3.page_ordered({.bucket = "none"}); }, server.options()))
        FAIL(page.object().key);
    };
    try {
      loop();
      FAIL("no throw");
    } catch (const error& failed) {
      CHECK(failed.code() == errc::not_found);
      CHECK(failed.s3_code() == "NoSuchBucket");
      CHECK(failed.bucket() == "none");
    }
    CHECK(coro::frame_pool::local().live() == live);
  }
  SECTION("and what making it throws, at once") {
    CHECK_THROWS_AS(blocking([](client& s3) { return s3.page_ordered({.bucket = "s", .max_keys = 1001}); }, offline), error);
    CHECK_THROWS_AS(blocking(all_pages, {.concurrency = 4097}), error);
  }
}

TEST_CASE("a loop over a blocking range may be left early") {
  const service server({.count = 200, .size = 100'000});
  const auto live = coro::frame_pool::local().live();
  int seen = 0;
  for (const auto& page : blocking([](client& s3) { return s3.page_unordered({.bucket = "s"}); }, server.options())) {
    static_cast<void>(page);
    if (++seen == 5) break;
  }
  CHECK(seen == 5);
  CHECK(coro::frame_pool::local().live() == live);
}

TEST_CASE("pages that were moved out of a blocking range outlive it, on any thread") {
  const service server({.count = 10, .size = 5'000});
  std::vector<page> kept;
  for (auto& page : blocking(all_pages, server.options())) kept.push_back(std::move(page));
  std::uint64_t checked = 0;
  std::thread([pages = std::move(kept), &checked, &server] {
    for (const page& each : pages) {
      const auto index = server.objects().index_of(each.object().key);
      if (index && testing::synthetic_equal(server.objects().seed(), *index, each.offset(), each.bytes()))
        checked += each.bytes().size();
    }
  }).join();
  CHECK(checked == 50'000);
}

TEST_CASE("a blocking range's reactor is made as asked") {
  const service server({.count = 3, .size = 10});
  std::uint64_t bytes = 0;
  blocking range(all_pages, server.options(), nullptr, {.masked = ring::feature::all, .batch_wait = {}});
  for (const auto& page : range) bytes += page.bytes().size();
  CHECK(bytes == 30);
  CHECK_THROWS_AS(blocking(all_pages, server.options(), nullptr, {.batch_wait = std::chrono::hours(1)}), error);
}

TEST_CASE("a blocking range holds one value at a time, so that a small window is enough") {
  const service server({.count = 40, .size = 64 << 10});
  client_options options = server.options();
  options.window_bytes = 4 * options.slot_bytes;
  std::uint64_t bytes = 0;
  for (const auto& page : blocking(all_pages, options)) bytes += page.bytes().size();
  CHECK(bytes == 40 * (64 << 10));
}
