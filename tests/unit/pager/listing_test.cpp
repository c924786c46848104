// What a list costs its client, in memory and in time.
#include <time.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "s3pager/pager/client.hpp"
#include "s3pager/ring/reactor.hpp"
#include "support/canned_lists.hpp"
#include "support/catch.hpp"
#include "support/counted_heap.hpp"
#include "support/counted_operators.hpp"

using namespace s3pager;
using namespace s3pager::test;

namespace {

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

task<std::size_t> count_objects(client& s3) {
  std::size_t count = 0;
  auto objects = s3.list({.bucket = "logs"});
  for (;;) {
    const std::optional<object> next = co_await objects.next();
    if (!next) break;
    count += next->size.has_value();
  }
  co_return count;
}

task<std::size_t> count_in_pages(client& s3) {
  std::size_t count = 0;
  auto pages = s3.list_pages({.bucket = "logs"});
  for (;;) {
    const std::optional<ref<xml::list_page>> next = co_await pages.next();
    if (!next) break;
    count += (*next)->contents().size();
  }
  co_return count;
}

template <class Count>
void print_speed(const char* what, const canned_list_options& how, Count&& count_in) {
  const canned_list_server server(how);
  std::vector<double> spent;
  for (int round = 0; round < 5; ++round) {
    ring::reactor loop;
    client s3(loop, {.anonymous = true, .region = "us-east-1", .endpoint_url = server.endpoint()});
    const double begun = cpu_seconds();
    REQUIRE(loop.run(count_in(s3)) == 1'000'000);
    spent.push_back(cpu_seconds() - begun);
  }
  std::sort(spent.begin(), spent.end());
  std::printf("%s: %.0f keys per second of CPU (%.0f ns a key; %zu bytes a page)\n", what, 1e6 / spent[2], spent[2] * 1e3,
              server.answer_bytes());
}

/// `into` has room for all.
task<> keep_objects(client& s3, bool with_owner, std::vector<object>& into) {
  auto objects = s3.list({.bucket = "logs", .fetch_owner = with_owner});
  for (;;) {
    std::optional<object> next = co_await objects.next();
    if (!next) break;
    into.push_back(std::move(*next));
  }
}

task<> keep_pages(client& s3, bool with_owner, std::vector<ref<xml::list_page>>& into) {
  auto pages = s3.list_pages({.bucket = "logs", .fetch_owner = with_owner});
  for (;;) {
    std::optional<ref<xml::list_page>> next = co_await pages.next();
    if (!next) break;
    into.push_back(std::move(*next));
  }
}

struct heap_use {
  std::size_t kept = 0;
  std::size_t most = 0;  // above what is kept
};

constexpr std::size_t kept_pages = 40;

/// What a list leaves behind in `into`, and what it took on the way: client, loop and the pages in their hands.
template <class Keep, class Kept>
heap_use measure(bool with_owner, Keep&& keep_all, Kept& into) {
  const canned_list_server server({.pages = kept_pages, .with_owner = with_owner});
  const auto run = [&] {
    ring::reactor loop;
    client s3(loop, {.anonymous = true, .region = "us-east-1", .endpoint_url = server.endpoint()});
    loop.run(keep_all(s3, with_owner, into));
  };
  run();  // what is made once for all
  into.clear();
  const std::size_t before = heap::now();
  heap::forget_peak();
  run();
  const std::size_t after = heap::now();
  return {.kept = after - before, .most = heap::most() - after};
}

}  // namespace

TEST_CASE("listed objects that are kept take at most 128 bytes each and their keys", "[pager][memory]") {
  const bool with_owner = GENERATE(false, true);
  std::vector<object> objects;
  objects.reserve(kept_pages * 1000);
  const heap_use seen = measure(with_owner, keep_objects, objects);
  REQUIRE(objects.size() == kept_pages * 1000);
  std::size_t keys = 0;
  for (const object& each : objects) keys += each.key.size();
  const std::size_t rest = seen.kept + objects.size() * sizeof(object) - keys;
  std::printf("an object that is kept: %.2f bytes and its key of %zu; the list itself at most %zu KiB\n",
              static_cast<double>(rest) / static_cast<double>(objects.size()), objects[0].key.size(), seen.most / 1024);
  CHECK(rest <= objects.size() * 128);
  CHECK(rest >= objects.size() * (sizeof(object) + objects[0].etag.size()));  // or it is not measured
  CHECK(objects.back().owner_id().empty() == !with_owner);
  CHECK(objects.back().storage_class() == "STANDARD");
}

TEST_CASE("pages of a list that are kept take at most 128 bytes an object and its key", "[pager][memory]") {
  const bool with_owner = GENERATE(false, true);
  std::vector<ref<xml::list_page>> pages;
  pages.reserve(kept_pages);
  const heap_use seen = measure(with_owner, keep_pages, pages);
  REQUIRE(pages.size() == kept_pages);
  std::size_t keys = 0;
  std::size_t objects = 0;
  for (const ref<xml::list_page>& page : pages) {
    objects += page->contents().size();
    for (const xml::listed& each : page->contents()) keys += each.key.size();
  }
  const std::size_t rest = seen.kept - keys;
  std::printf("an object of a page that is kept: %.2f bytes and its key\n", static_cast<double>(rest) / static_cast<double>(objects));
  CHECK(objects == kept_pages * 1000);
  CHECK(rest <= objects * 128);
  CHECK(rest >= objects * sizeof(xml::listed));
}

// By hand: `unit_pager '[speed]'`.
TEST_CASE("a million listed keys", "[.][speed]") {
  print_speed("objects", {.pages = 1000}, count_objects);
  print_speed("objects, chunked", {.pages = 1000, .chunked = true}, count_objects);
  print_speed("objects with owners", {.pages = 1000, .with_owner = true}, count_objects);
  print_speed("pages", {.pages = 1000}, count_in_pages);
}
