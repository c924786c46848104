#include "s3pager/runtime/run_per_core.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "s3pager/base/error.hpp"
#include "support/catch.hpp"
#include "unit/runtime/service.hpp"

using namespace s3pager;
using test::service;

namespace {

const client_options offline{.anonymous = true, .region = "us-east-1", .endpoint_url = "http://127.0.0.1:1"};

struct paged {
  std::vector<std::string> keys = {};
  std::uint64_t bytes = 0;
  shard part = {};
};

task<paged> page_part(client& s3, shard part) {
  paged mine;
  mine.part = part;
  auto pages = s3.page_unordered({.bucket = "s", .shard = part});
  while (auto page = co_await pages.next()) {
    mine.bytes += page->bytes().size();
    if (page->last()) mine.keys.emplace_back(page->object().key);
  }
  co_return mine;
}

// Three of these can be had.
class scarce_thread {
 public:
  template <class Work>
  explicit scarce_thread(Work work) {
    if (had++ == 3) throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
    thread_ = std::jthread(std::move(work));
  }
  static inline int had = 0;

 private:
  std::jthread thread_;
};

}  // namespace

TEST_CASE("every key is paged by exactly one shard, on more shards than processors too") {
  const std::uint32_t shards = GENERATE(1U, 2U, 7U);
  const service server({.count = 100, .sizes = {0, 100, 20'000}});
  auto results = run_per_core({.client = server.options(), .shards = shards}, page_part);
  REQUIRE(results.size() == shards);
  std::multiset<std::string> keys;
  std::uint64_t bytes = 0;
  for (std::uint32_t i = 0; i < shards; ++i) {
    REQUIRE(results[i].ok());
    CHECK(results[i].failure() == nullptr);
    const paged& each = results[i].value();
    CHECK(each.part.index == i);
    CHECK(each.part.count == shards);
    for (const std::string& key : each.keys) CHECK(each.part.owns(key));
    keys.insert(each.keys.begin(), each.keys.end());
    bytes += each.bytes;
  }
  CHECK(keys.size() == 100);
  CHECK(std::set<std::string>(keys.begin(), keys.end()).size() == 100);
  CHECK(bytes == 33 * 20'100);
}

TEST_CASE("without a number there is a shard for each processor that may be used") {
  const auto expected = runtime::place(runtime::allowed_cpus(), runtime::cgroup_cpus()).count;
  auto results = run_per_core({.client = offline}, [](client&, shard part) -> task<std::uint32_t> { co_return part.count; });
  REQUIRE(results.size() == expected);
  for (auto& each : results) CHECK(each.value() == expected);
}

TEST_CASE("results are in the order of the shards, whichever ends first") {
  // Each waits for the one after it, so that the last ends first.
  std::vector<std::atomic<bool>> ended(5);
  auto results = run_per_core({.client = offline, .shards = 5}, [&](client&, shard part) -> task<std::string> {
    if (part.index + 1 < part.count) ended[part.index + 1].wait(false);
    ended[part.index] = true;
    ended[part.index].notify_all();
    co_return "shard " + std::to_string(part.index);
  });
  REQUIRE(results.size() == 5);
  for (std::size_t i = 0; i < 5; ++i) CHECK(results[i].value() == "shard " + std::to_string(i));
}

TEST_CASE("a shard's failure is its own result, and the others go on") {
  auto results = run_per_core({.client = offline, .shards = 4}, [](client&, shard part) -> task<int> {
    if (part.index == 1) throw std::runtime_error("one");
    if (part.index == 2) throw error(errc::not_found, "two");
    co_return static_cast<int>(part.index) * 10;
  });
  REQUIRE(results.size() == 4);
  CHECK(results[0].value() == 0);
  CHECK(results[3].value() == 30);
  CHECK_FALSE(results[1].ok());
  CHECK(results[1].failure() != nullptr);
  CHECK_THROWS_WITH(results[1].value(), "one");
  CHECK_THROWS_AS(results[1].value(), std::runtime_error);
  CHECK_THROWS_AS(results[2].value(), error);
}

TEST_CASE("an option that is not what it may be is each shard's failure") {
  client_options options = offline;
  options.concurrency = 4097;
  std::atomic<int> called = 0;
  auto results = run_per_core({.client = options, .shards = 2}, [&](client&, shard) -> task<> {
    ++called;
    co_return;
  });
  REQUIRE(results.size() == 2);
  for (auto& each : results) CHECK_THROWS_AS(each.value(), error);
  CHECK(called == 0);
}

TEST_CASE("tasks that give nothing, or what can only be moved, or what is like a failure") {
  std::atomic<int> called = 0;
  auto nothing = run_per_core({.client = offline, .shards = 3}, [&](client&, shard) -> task<> {
    ++called;
    co_return;
  });
  CHECK(nothing.size() == 3);
  CHECK(std::all_of(nothing.begin(), nothing.end(), [](const auto& each) { return each.ok(); }));
  CHECK(called == 3);

  auto moved = run_per_core({.client = offline, .shards = 2}, [](client&, shard part) -> task<std::unique_ptr<int>> {
    co_return std::make_unique<int>(static_cast<int>(part.index));
  });
  CHECK(*moved[1].value() == 1);
  const std::unique_ptr<int> taken = std::move(moved[1].value());
  CHECK(*taken == 1);

  auto alike = run_per_core({.client = offline, .shards = 1},
                            [](client&, shard) -> task<std::exception_ptr> { co_return nullptr; });
  CHECK(alike[0].ok());
  CHECK(alike[0].value() == nullptr);
}

TEST_CASE("shards are pinned to a processor each, one after the other, if they are to be") {
  const std::vector<int> all = runtime::allowed_cpus();
  const runtime::placement where = runtime::place(all, runtime::cgroup_cpus());
  const auto cpus = [](client&, shard) -> task<std::vector<int>> { co_return runtime::allowed_cpus(); };
  const auto shards = static_cast<std::uint32_t>(all.size() + 1);

  auto pinned = run_per_core({.client = offline, .shards = shards}, cpus);
  for (std::size_t i = 0; i < pinned.size(); ++i)
    CHECK(pinned[i].value() == (where.cpus.empty() ? all : std::vector<int>{where.cpus[i % where.cpus.size()]}));

  auto free = run_per_core({.client = offline, .shards = shards, .pin = false}, cpus);
  for (auto& each : free) CHECK(each.value() == all);
  CHECK(runtime::allowed_cpus() == all);
}

TEST_CASE("each shard has a thread of its own") {
  auto results = run_per_core({.client = offline, .shards = 3},
                              [](client&, shard) -> task<std::thread::id> { co_return std::this_thread::get_id(); });
  std::set<std::thread::id> ids{std::this_thread::get_id()};
  for (auto& each : results) ids.insert(each.value());
  CHECK(ids.size() == 4);
}

TEST_CASE("no thread begins its work before all have started") {
  std::atomic<std::uint32_t> begun = 0;
  const auto work = [&begun](std::uint32_t) { ++begun; };
  runtime::run_threads(4, work);
  CHECK(begun == 4);
  begun = 0;
  CHECK_THROWS_WITH((runtime::run_threads<decltype(work), scarce_thread>(5, work)),
                    Catch::Matchers::StartsWith("starting thread 4 of 5"));
  CHECK(begun == 0);
}

static_assert(shard_main<decltype(page_part)>);
static_assert(!shard_main<task<> (*)(client&)>, "it needs to know its shard");
static_assert(!shard_main<int (*)(client&, shard)>);
