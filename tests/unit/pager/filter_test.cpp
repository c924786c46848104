#include "s3pager/pager/filter.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "s3pager/pager/client.hpp"
#include "s3pager/testing/behaviour.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "support/world.hpp"

using namespace s3pager;
using namespace s3pager::test;
using namespace std::chrono_literals;
using testing::behaviour;
using testing::request_info;

namespace {

using strings = std::vector<std::string>;

struct outcome {
  strings keys = {};  // of objects that came whole
  std::optional<error> failure = {};
  std::string other_failure = {};
  summary total = {};
};

task<> read(page_stream& pages, outcome& into) {
  try {
    for (;;) {
      const std::optional<page> got = co_await pages.next();
      if (!got) break;
      if (got->last()) into.keys.emplace_back(got->object().key);
    }
  } catch (const error& failed) {
    into.failure.emplace(failed);
  } catch (const std::exception& failed) {
    into.other_failure = failed.what();
  }
  into.total = pages.summary();
}

outcome paged(world& in, const page_options& what) {
  outcome made;
  client s3(in.loop, in.small());
  auto pages = s3.page_ordered(what);
  in.run(read(pages, made));
  return made;
}

task<> collect(async_generator<object>& objects, strings& into) {
  for (;;) {
    const std::optional<object> next = co_await objects.next();
    if (!next) break;
    into.emplace_back(next->key);
  }
}

strings listed(world& in, const list_options& what) {
  strings keys;
  client s3(in.loop, in.small());
  auto objects = s3.list(what);
  in.run(collect(objects, keys));
  return keys;
}

constexpr wall_time day(int n) { return wall_time{1'767'225'600s} + n * 24h; }

/// Six objects, of 0, 10, ... 50 bytes and of six days.
struct fixture {
  fixture() {
    int n = 0;
    for (const char* key : {"a/1.json", "a/2.log", "a/b/3.json", "a/b/4.log", "c.json", "d"}) {
      const std::string text(static_cast<std::size_t>(n) * 10, 'x');
      in.memory->put(key, as_byte_span(text), day(n));
      ++n;
    }
    in.memory->store_in("a/2.log", "STANDARD_IA");
    in.memory->store_in("c.json", "GLACIER_IR");
    in.server->set_hook([this](const request_info& asked) {
      asked_for.emplace_back(asked.key);
      return behaviour{};
    });
  }
  ~fixture() {
    in.server->set_hook({});
    in.settle();
    in.end();
  }
  world in;
  strings asked_for;  // lists have no key
};

/// GETs on several connections come in any order.
strings sorted(strings from) {
  std::sort(from.begin(), from.end());
  return from;
}

bool is_small(const object& each) { return *each.size <= 20; }

std::string refusal(const filter& what) {
  try {
    const pager::object_filter made(what);
  } catch (const error& failed) {
    return failed.code() == errc::invalid_argument ? failed.details().message : "another condition";
  }
  return "none";
}

}  // namespace

static_assert(std::is_trivially_destructible_v<filter>);
static_assert(std::is_trivially_destructible_v<object_predicate>);
static_assert(std::is_trivially_copyable_v<object_predicate>);
static_assert(std::is_convertible_v<std::function<bool(const object&)>&, object_predicate>);
static_assert(std::is_convertible_v<const std::function<bool(const object&)>&, object_predicate>);
static_assert(std::is_convertible_v<bool (*)(const object&), object_predicate>);
static_assert(std::is_convertible_v<bool (&)(const object&), object_predicate>);
static_assert(!std::is_convertible_v<std::function<bool(const object&)>, object_predicate>);  // it would be gone before it is called
static_assert(!std::is_convertible_v<int&, object_predicate>);
static_assert(!std::is_convertible_v<bool (*)(int), object_predicate>);

TEST_CASE("a filter that says nothing lets all pass", "[pager][filter]") {
  fixture on;
  const outcome got = paged(on.in, {.bucket = "m"});
  CHECK(got.keys == strings{"a/1.json", "a/2.log", "a/b/3.json", "a/b/4.log", "c.json", "d"});
  CHECK(got.total.filtered == 0);
  CHECK(got.total.objects == 6);
  CHECK(got.total.requests == 7);
}

TEST_CASE("only objects whose whole key matches are asked for, the others are counted", "[pager][filter]") {
  fixture on;
  const outcome got = paged(on.in, {.bucket = "m", .prefix = "a/", .filter = {.glob = "a/**/*.json"}});
  CHECK(got.keys == strings{"a/1.json", "a/b/3.json"});
  CHECK(sorted(on.asked_for) == strings{"", "a/1.json", "a/b/3.json"});
  CHECK(got.total.filtered == 2);
  CHECK(got.total.objects == 2);
  CHECK(got.total.requests == 3);
  CHECK(got.total.failures == 0);
  CHECK(paged(on.in, {.bucket = "m", .prefix = "a/", .filter = {.glob = "*.json"}}).keys.empty());
}

TEST_CASE("objects are filtered by size, both ends included", "[pager][filter]") {
  fixture on;
  CHECK(paged(on.in, {.bucket = "m", .filter = {.min_size = 30}}).keys == strings{"a/b/4.log", "c.json", "d"});
  CHECK(paged(on.in, {.bucket = "m", .filter = {.min_size = 31}}).keys == strings{"c.json", "d"});
  CHECK(paged(on.in, {.bucket = "m", .filter = {.max_size = 10}}).keys == strings{"a/1.json", "a/2.log"});
  CHECK(paged(on.in, {.bucket = "m", .filter = {.max_size = 0}}).keys == strings{"a/1.json"});
  const outcome got = paged(on.in, {.bucket = "m", .filter = {.min_size = 1, .max_size = 20}});
  CHECK(got.keys == strings{"a/2.log", "a/b/3.json"});
  CHECK(got.total.filtered == 4);
}

TEST_CASE("objects are filtered by time, from since on and before before", "[pager][filter]") {
  fixture on;
  CHECK(paged(on.in, {.bucket = "m", .filter = {.modified_since = day(4)}}).keys == strings{"c.json", "d"});
  CHECK(paged(on.in, {.bucket = "m", .filter = {.modified_since = day(4) + 1ms}}).keys == strings{"d"});
  CHECK(paged(on.in, {.bucket = "m", .filter = {.modified_before = day(1)}}).keys == strings{"a/1.json"});
  CHECK(paged(on.in, {.bucket = "m", .filter = {.modified_since = day(1), .modified_before = day(3)}}).keys ==
        strings{"a/2.log", "a/b/3.json"});
}

TEST_CASE("objects are filtered by storage class", "[pager][filter]") {
  fixture on;
  const std::array<std::string_view, 2> two{"STANDARD_IA", "GLACIER_IR"};
  CHECK(paged(on.in, {.bucket = "m", .filter = {.storage_classes = two}}).keys == strings{"a/2.log", "c.json"});
  const std::array<std::string_view, 1> one{"STANDARD"};
  CHECK(paged(on.in, {.bucket = "m", .filter = {.storage_classes = one}}).keys ==
        strings{"a/1.json", "a/b/3.json", "a/b/4.log", "d"});
  const std::array<std::string_view, 1> none{"standard"};
  CHECK(paged(on.in, {.bucket = "m", .filter = {.storage_classes = none}}).total.filtered == 6);
}

TEST_CASE("what a list does not say of an object is STANDARD, and of no time", "[pager][filter]") {
  const ref<xml::listed_memory> memory = make_ref<xml::listed_memory>();
  xml::listed bare(*memory);
  bare.key = "k";
  const std::array<std::string_view, 1> standard{"STANDARD"};
  const std::array<std::string_view, 1> other{"GLACIER"};
  CHECK(pager::object_filter(filter{.storage_classes = standard}).passes(bare));
  CHECK_FALSE(pager::object_filter(filter{.storage_classes = other}).passes(bare));
  CHECK_FALSE(pager::object_filter(filter{.modified_since = day(0)}).passes(bare));
  CHECK_FALSE(pager::object_filter(filter{.modified_before = day(0)}).passes(bare));
  CHECK(pager::object_filter(filter{}).passes(bare));
}

TEST_CASE("a predicate is asked last, once for each object for which the rest holds", "[pager][filter]") {
  fixture on;
  strings seen;
  const auto odd = [&seen](const object& each) {
    seen.emplace_back(each.key);
    return each.key.find_first_of("13") != std::string_view::npos && each.last_modified && !each.etag.empty();
  };
  const outcome got = paged(on.in, {.bucket = "m", .filter = {.max_size = 30, .where = odd}});
  CHECK(seen == strings{"a/1.json", "a/2.log", "a/b/3.json", "a/b/4.log"});
  CHECK(got.keys == strings{"a/1.json", "a/b/3.json"});
  CHECK(sorted(on.asked_for) == strings{"", "a/1.json", "a/b/3.json"});
  CHECK(got.total.filtered == 4);
}

TEST_CASE("a predicate may be a function, an object or a lambda without captures", "[pager][filter]") {
  fixture on;
  const strings small{"a/1.json", "a/2.log", "a/b/3.json"};
  CHECK(paged(on.in, {.bucket = "m", .filter = {.where = is_small}}).keys == small);
  CHECK(paged(on.in, {.bucket = "m", .filter = {.where = &is_small}}).keys == small);
  CHECK(paged(on.in, {.bucket = "m", .filter = {.where = [](const object& each) { return *each.size <= 20; }}}).keys == small);
  std::function<bool(const object&)> held = is_small;
  CHECK(paged(on.in, {.bucket = "m", .filter = {.where = held}}).keys == small);
  // Of one that is no const, its own state.
  struct first_two {
    bool operator()(const object&) { return asked++ < 2; }
    int asked = 0;
  } counting;
  CHECK(paged(on.in, {.bucket = "m", .filter = {.where = counting}}).keys == strings{"a/1.json", "a/2.log"});
  CHECK(counting.asked == 6);
}

TEST_CASE("what a predicate throws ends the stream", "[pager][filter]") {
  fixture on;
  const auto wrong = [](const object& each) -> bool {
    if (each.key == "a/b/3.json") throw std::runtime_error("no such column");
    return true;
  };
  const outcome got = paged(on.in, {.bucket = "m", .filter = {.where = wrong}});
  CHECK(got.other_failure == "no such column");
  const auto refusing = [](const object&) -> bool { throw error(errc::access_denied, "by the caller"); };
  const outcome refused = paged(on.in, {.bucket = "m", .filter = {.where = refusing}});
  REQUIRE(refused.failure);
  CHECK(refused.failure->code() == errc::access_denied);
  CHECK(refused.failure->details().message == "by the caller");
  CHECK(refused.keys.empty());
  CHECK_THROWS_AS(listed(on.in, {.bucket = "m", .filter = {.where = wrong}}), std::runtime_error);
}

TEST_CASE("a filter's text is copied by the call that takes it", "[pager][filter]") {
  fixture on;
  outcome got;
  client s3(on.in.loop, on.in.small());
  std::optional<page_stream> pages;
  {
    std::string glob = "**/a-glob-that-is-longer-than-what-a-string-holds-within-itself-or-any.json";
    glob.replace(3, glob.size() - 8, "*");
    std::vector<std::string> names{"STANDARD-of-more-than-fifteen-bytes", "STANDARD"};
    std::vector<std::string_view> classes(names.begin(), names.end());
    pages.emplace(s3.page_ordered({.bucket = "m", .filter = {.glob = glob, .storage_classes = classes}}));
    glob.assign(glob.size(), 'x');
    names[1].assign(8, 'x');
    classes[0] = {};
  }
  on.in.run(read(*pages, got));
  CHECK(got.keys == strings{"a/1.json", "a/b/3.json"});
}

TEST_CASE("a list has the objects that pass, and list_pages all of them", "[pager][filter]") {
  fixture on;
  const auto not_c = [](const object& each) { return each.key.front() != 'c'; };
  CHECK(listed(on.in, {.bucket = "m", .filter = {.glob = "**.json", .where = not_c}}) == strings{"a/1.json", "a/b/3.json"});
  CHECK(listed(on.in, {.bucket = "m", .delimiter = "/", .filter = {.glob = "*"}}) == strings{"c.json", "d"});
  client s3(on.in.loop, on.in.small());
  on.in.run([](client& of) -> task<> {
    auto pages = of.list_pages({.bucket = "m", .filter = {.glob = "none"}});
    const std::optional<ref<xml::list_page>> first = co_await pages.next();
    CHECK((*first)->contents().size() == 6);
  }(s3));
}

TEST_CASE("what a shard does not have is neither asked about nor counted", "[pager][filter]") {
  fixture on;
  std::uint64_t filtered = 0, asked = 0;
  strings keys;
  const auto json = [&asked](const object& each) {
    ++asked;
    return each.key.ends_with(".json");
  };
  for (std::uint32_t i = 0; i < 2; ++i) {
    const outcome got = paged(on.in, {.bucket = "m", .shard = {.index = i, .count = 2}, .filter = {.where = json}});
    filtered += got.total.filtered;
    keys.insert(keys.end(), got.keys.begin(), got.keys.end());
  }
  CHECK(asked == 6);
  CHECK(filtered == 3);
  CHECK(keys.size() == 3);
}

TEST_CASE("a list of which nothing passes is read to its end", "[pager][filter]") {
  fixture on;
  const outcome got = paged(on.in, {.bucket = "m", .max_keys = 1, .filter = {.glob = "none"}});
  CHECK(got.keys.empty());
  CHECK_FALSE(got.failure);
  CHECK(got.total.filtered == 6);
  CHECK(got.total.requests == 6);
}

TEST_CASE("a filter through which nothing could pass is refused by the call", "[pager][filter]") {
  CHECK(refusal({}) == "none");
  CHECK(refusal({.glob = "a[b"}) == "filter.glob is 'a[b': the class at offset 1 is not closed by ]");
  CHECK(refusal({.glob = "ab\\"}) == "filter.glob is 'ab\\': the \\ at offset 2 has nothing behind it");
  CHECK(refusal({.min_size = 5, .max_size = 4}) == "filter.min_size is 5, more than filter.max_size, 4");
  CHECK(refusal({.min_size = 5, .max_size = 5}) == "none");
  CHECK(refusal({.modified_since = day(1), .modified_before = day(1)}) ==
        "filter.modified_since is not before filter.modified_before");
  const std::array<std::string_view, 2> classes{"GLACIER", ""};
  CHECK(refusal({.storage_classes = classes}) == "a name in filter.storage_classes is empty");
  fixture on;
  client s3(on.in.loop, on.in.small());
  CHECK_THROWS_AS(s3.page_ordered({.bucket = "m", .filter = {.glob = "["}}), error);
  CHECK_THROWS_AS(s3.page_unordered({.bucket = "m", .filter = {.glob = "["}}), error);
  CHECK_THROWS_AS(s3.list({.bucket = "m", .filter = {.glob = "["}}), error);
}
