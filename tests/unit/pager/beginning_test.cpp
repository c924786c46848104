// How a run begins: with few keys, and with one object before all others.
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "s3pager/pager/client.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "support/world.hpp"

using namespace s3pager;
using namespace s3pager::test;
using namespace std::chrono_literals;

namespace {

/// What was asked for, in its order: keys, and of lists how many keys are wanted of them.
std::vector<std::string>& record(world& in, std::vector<std::string>& asked) {
  in.server->set_hook([&asked](const testing::request_info& what) {
    std::string most = "list";
    if (const std::size_t at = what.query.find("max-keys="); what.key.empty() && at != std::string_view::npos)
      most += ' ' + std::string(what.query.substr(at + 9, what.query.find('&', at) - at - 9));
    asked.push_back(what.key.empty() ? most : std::string(what.key));
    return testing::behaviour();
  });
  return asked;
}

std::vector<std::string> lists_of(const std::vector<std::string>& asked) {
  std::vector<std::string> made;
  for (const std::string& each : asked)
    if (each.starts_with("list")) made.push_back(each);
  return made;
}

}  // namespace

TEST_CASE("the first page of a list is of few keys, and the next is asked for when the first object is through", "[pager][beginning]") {
  const auto order = GENERATE(page_order::by_key, page_order::by_arrival);
  world in({.objects = {.count = 1500, .size = 10}, .clock_runs = true});
  std::vector<std::string> asked;
  record(in, asked);
  client s3(in.loop, in.small());
  page_stream pages = order == page_order::by_key ? s3.page_ordered({.bucket = "s"}) : s3.page_unordered({.bucket = "s"});
  reader got(*in.objects);
  in.run(read_all(pages, got));
  CHECK(got.complaint().empty());
  CHECK(got.sequence().size() == 1500);
  CHECK(lists_of(asked) == std::vector<std::string>{"list 16", "list", "list"});
  REQUIRE(asked.size() == 1503);
  CHECK(asked[1] == in.objects->key(0));
}

TEST_CASE("the first page is of what lanes there are, or as large as asked for", "[pager][beginning]") {
  struct row {
    std::uint32_t concurrency;
    std::uint32_t max_keys;
    std::vector<std::string> lists;
  };
  const auto [concurrency, max_keys, lists] = GENERATE(row{0, 0, {"list 16", "list"}}, row{8, 0, {"list 16", "list"}}, row{9, 0, {"list 18", "list"}}, row{64, 0, {"list 128", "list"}},
                                                       row{65, 0, {"list 130", "list"}}, row{4096, 0, {"list 1000"}},
                                                       row{8, 100, {"list 100", "list 100", "list 100"}}, row{8, 1000, {"list 1000"}});
  CAPTURE(concurrency, max_keys);
  world in({.objects = {.count = 250, .size = 10}});
  std::vector<std::string> asked;
  record(in, asked);
  client s3(in.loop, in.small());
  page_stream pages = s3.page_unordered({.bucket = "s", .max_keys = max_keys, .concurrency = concurrency});
  reader got(*in.objects);
  in.run(read_all(pages, got));
  CHECK(got.complaint().empty());
  CHECK(lists_of(asked) == lists);
}

TEST_CASE("the first object is asked for alone, but not for long", "[pager][beginning]") {
  world in({.origin = {.first_byte_delay = 1ms}, .objects = {.count = 300, .size = 10}, .clock_runs = true});
  std::vector<std::string> asked;
  record(in, asked);
  client_options how = in.small();
  how.window_bytes = 16 << 20;
  how.concurrency = 64;
  client s3(in.loop, how);
  page_stream pages = s3.page_ordered({.bucket = "s"});
  reader got(*in.objects);
  root<> reading(in.loop.ready(), read_all(pages, got));
  const auto turns = [&in] {
    for (int i = 0; i < 200; ++i) in.loop.run_once(ring::reactor::wait::no);
  };
  in.until([&] { return !asked.empty(); });
  turns();
  in.time.advance(1ms);
  in.until([&] { return asked.size() > 1; });
  turns();
  CHECK(asked == std::vector<std::string>{"list 128", in.objects->key(0)});
  in.time.advance(199us);
  turns();
  CHECK(asked.size() == 2);
  in.time.advance(1us);
  in.until([&] { return asked.size() == 66; });
  turns();
  // All lanes are at work, and the rest of the list is on its way.
  CHECK(asked.size() == 66);
  CHECK(lists_of(asked) == std::vector<std::string>{"list 128", "list"});
  while (!reading.done()) {
    turns();
    in.time.advance(1ms);
  }
  reading.result();
  CHECK(got.complaint().empty());
  CHECK(got.sequence().size() == 300);
}

TEST_CASE("a first object that fails ends its head start", "[pager][beginning]") {
  world in({.objects = {.count = 3, .size = 10}, .clock_runs = true});
  in.server->set_hook([&](const testing::request_info& what) {
    testing::behaviour made;
    if (what.key == in.objects->key(0)) made.status = 404;
    return made;
  });
  client s3(in.loop, in.small());
  page_stream pages = s3.page_ordered({.bucket = "s", .on_error = on_error::report});
  std::size_t failed = 0;
  std::size_t whole = 0;
  in.run([](page_stream& from, std::size_t& bad, std::size_t& good) -> task<> {
    for (;;) {
      const std::optional<page> next = co_await from.next();
      if (!next) break;
      if (next->failure() != nullptr) ++bad;
      else if (next->last()) ++good;
    }
  }(pages, failed, whole));
  CHECK(failed == 1);
  CHECK(whole == 2);
}
