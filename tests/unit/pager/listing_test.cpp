// What a list costs its client.
#include <time.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "s3pager/pager/client.hpp"
#include "s3pager/ring/reactor.hpp"
#include "support/canned_lists.hpp"
#include "support/catch.hpp"

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

}  // namespace

// By hand: `unit_pager '[speed]'`.
TEST_CASE("a million listed keys", "[.][speed]") {
  print_speed("objects", {.pages = 1000}, count_objects);
  print_speed("objects, chunked", {.pages = 1000, .chunked = true}, count_objects);
  print_speed("objects with owners", {.pages = 1000, .with_owner = true}, count_objects);
  print_speed("pages", {.pages = 1000}, count_in_pages);
}
