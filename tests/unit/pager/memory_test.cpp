// The memory of this process while it pages from an origin in another one, with the default window and a consumer that
// is slow and holds pages.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "s3pager/pager/client.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/testing/origin.hpp"
#include "s3pager/testing/synthetic_bucket.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "support/origin_process.hpp"
#include "support/world.hpp"

using namespace s3pager;
using namespace s3pager::test;

namespace {

constexpr std::uint64_t mebibyte = 1 << 20;

struct consumption {
  page_order order = page_order::by_key;
  std::size_t held_slots = 0;  // about as many as pages that the consumer keeps take, oldest first out
  int turns = 0;               // of the loop that the consumer lets pass after each page
  std::uint32_t lanes = 64;
};

struct figures {
  std::uint64_t objects = 0;
  std::uint64_t bytes = 0;
  std::uint64_t most_used = 0;    // of the window
  std::size_t most_held = 0;      // pages
  bool right = true;
};

task<> consume(client& s3, const testing::synthetic_bucket& expected, consumption how, figures& seen) {
  const page_options all{.bucket = "s"};
  auto pages = how.order == page_order::by_key ? s3.page_ordered(all) : s3.page_unordered(all);
  std::deque<page> held;
  std::size_t slots = 0;
  const auto slots_of = [](const page& of) { return of.bytes().size() / (64 << 10) + 1; };
  for (;;) {
    std::optional<page> got = co_await pages.next();
    if (!got) break;
    const auto index = expected.index_of(got->object().key);
    seen.right = seen.right && index &&
                 testing::synthetic_equal(expected.seed(), *index, got->offset(), got->bytes());
    slots += slots_of(*got);
    held.push_back(std::move(*got));
    while (slots > how.held_slots) {
      slots -= slots_of(held.front());
      held.pop_front();
    }
    seen.most_held = std::max(seen.most_held, held.size());
    for (int i = 0; i < how.turns; ++i) co_await turn();
    seen.most_used = std::max<std::uint64_t>(seen.most_used, s3.window_used());
  }
  const summary total = pages.summary();
  seen.objects = total.objects;
  seen.bytes = total.bytes;
}

/// Pages everything, and holds the growth of this process against the window and 16 MiB, with 32 KiB for each lane more than 64.
figures measure(const testing::synthetic_options& objects, const consumption& how) {
  const testing::synthetic_bucket expected(objects);
  const origin_process served({}, [&objects](testing::origin& made) {
    made.add_bucket("s", std::make_shared<testing::synthetic_bucket>(objects));
  });
  figures seen;
  std::size_t window = 0;
  forget_peak();  // of tests before this one
  const std::uint64_t before = status_bytes("VmRSS");
  {
    ring::reactor loop;
    client s3(loop, {.anonymous = true, .region = "us-east-1", .endpoint_url = served.endpoint(), .concurrency = how.lanes});
    window = std::size_t{s3.window()->capacity()} * s3.window()->slot_bytes();
    root<> run(loop.ready(), consume(s3, expected, how, seen));
    while (!run.done()) loop.run_once();
    run.result();
  }
  const std::uint64_t peak = status_bytes("VmHWM");
  const auto mebibytes = [](std::uint64_t bytes) { return static_cast<double>(bytes) / mebibyte; };
  std::printf("%llu objects, %.0f MiB: peak %.1f MiB, %.1f more than before; window %.0f MiB, of which %.1f were used\n",
              static_cast<unsigned long long>(seen.objects), mebibytes(seen.bytes), mebibytes(peak),
              mebibytes(peak - before), mebibytes(window), mebibytes(seen.most_used));
  CHECK(seen.right);
  CHECK(window == 64 * mebibyte);
  CHECK(seen.most_used <= window);
  if (sanitized)
    WARN("not checked: a sanitizer has memory of its own, so the process's peak says nothing");
  else
    CHECK(peak - before <= window + 16 * mebibyte + (how.lanes - 64) * mebibyte / 32);
  return seen;
}

// Large objects among many small ones.
testing::synthetic_options mixture(std::uint64_t count, std::uint64_t every, std::uint64_t large) {
  return {.count = count, .size_of = [=](std::uint64_t index) {
            return index % every == every / 2 ? large : std::uint64_t{4096};
          }};
}

}  // namespace

TEST_CASE("large and small objects by key take no more than the window and a little", "[pager][memory]") {
  const figures seen = measure(mixture(8000, 2000, 100 * mebibyte), {.held_slots = 600, .turns = 4});
  CHECK(seen.objects == 8000);
  CHECK(seen.bytes == 7996 * 4096 + 400 * mebibyte);
}

TEST_CASE("large and small objects by arrival take no more than the window and a little", "[pager][memory]") {
  const figures seen = measure(mixture(8000, 2000, 100 * mebibyte),
                               {.order = page_order::by_arrival, .held_slots = 600, .turns = 4});
  CHECK(seen.objects == 8000);
  CHECK(seen.bytes == 7996 * 4096 + 400 * mebibyte);
}

TEST_CASE("512 lanes take 32 KiB each", "[pager][memory]") {
  const figures seen = measure(mixture(8000, 2000, 100 * mebibyte), {.held_slots = 600, .turns = 4, .lanes = 512});
  CHECK(seen.objects == 8000);
}

TEST_CASE("objects of 4 KiB may be held until they fill the window", "[pager][memory]") {
  const figures seen = measure({.count = 20'000, .size = 4096}, {.held_slots = 1000, .turns = 1});
  CHECK(seen.objects == 20'000);
  CHECK(seen.bytes == 20'000 * 4096);
  CHECK(seen.most_held == 1000);  // of 1,024 slots
}

// By hand: `unit_pager '[large]'`. Takes minutes.
TEST_CASE("20 GiB by key take no more than the window and a little", "[.large][memory]") {
  measure(mixture(400'000, 20'000, 950 * mebibyte), {.held_slots = 600, .turns = 4});
}
TEST_CASE("20 GiB by arrival take no more than the window and a little", "[.large][memory]") {
  measure(mixture(400'000, 20'000, 950 * mebibyte), {.order = page_order::by_arrival, .held_slots = 600, .turns = 4});
}
