// Several streams of one client that one consumer takes from by turns, holding pages meanwhile: each gets on, in whatever order.
#include <poll.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "s3pager/pager/client.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "support/world.hpp"

using namespace s3pager;
using namespace s3pager::test;

namespace {

std::uint64_t size_of(std::mt19937& random) {
  switch (random() % 10) {
    case 0: return 0;
    case 1:
    case 2: return random() % 2'000'000;
    case 3: return (8U << 20) - 3 + random() % 3'000'000;  // of a key alone, more than one answer
    default: return random() % 200'000;
  }
}

struct consumer {
  page_stream pages;
  reader got;
};

page_stream any_stream(client& s3, const world& in, std::mt19937& random) {
  std::vector<std::string> keys;
  for (std::uint64_t i = 0; i < in.objects->count(); ++i) keys.push_back(in.objects->key(i));
  switch (random() % 4) {
    case 0: return s3.page_ordered({.bucket = "s"});
    case 1: return s3.page_unordered({.bucket = "s"});
    case 2: return s3.page_ordered("s", keys);
    default: return s3.page_unordered("s", keys);
  }
}

/// A few pages of one, then a few of another; those that are kept take less than a quarter of the window.
task<> take_by_turns(client& s3, std::vector<std::unique_ptr<consumer>>& from, std::mt19937& random, bool holds) {
  std::deque<page> held;
  std::vector<consumer*> left;
  for (const auto& each : from) left.push_back(each.get());
  while (!left.empty()) {
    const auto next = left.begin() + static_cast<std::ptrdiff_t>(random() % left.size());
    for (std::size_t burst = 1 + random() % 20; burst > 0; --burst) {
      while (4 * s3.window()->handed_on() >= s3.window()->capacity()) held.pop_front();
      std::optional<page> got = co_await (*next)->pages.next();
      if (!got) {
        left.erase(next);
        break;
      }
      (*next)->got.take(*got);
      if (holds && random() % 3 != 0) held.push_back(std::move(*got));
    }
    if (random() % 4 == 0) held.clear();
  }
}

}  // namespace

TEST_CASE("a consumer that holds less than a quarter of the window takes from several streams by turns", "[pager][streams]") {
  const std::size_t streams = GENERATE(2U, 3U, 4U);
  const bool holds = GENERATE(true, false);
  const unsigned seed = GENERATE(range(1U, 9U));
  CAPTURE(streams, holds, seed);
  std::mt19937 random(seed);
  std::vector<std::uint64_t> sizes;
  for (int i = 0; i < 12; ++i) sizes.push_back(size_of(random));
  world in({.origin = {.send_bytes = 1000 + random() % 200'000}, .objects = {.count = 24, .sizes = sizes}});
  client_options how = in.small();
  how.window_bytes = (4 + random() % 80) * how.slot_bytes;
  how.concurrency = 1 + static_cast<std::uint32_t>(random() % 16);
  std::optional<client> s3(std::in_place, in.loop, how);
  const ref<ring::buffer_pool> pool = s3->window();
  std::vector<std::unique_ptr<consumer>> from;
  while (from.size() < streams)
    from.push_back(std::unique_ptr<consumer>(new consumer{any_stream(*s3, in, random), reader(*in.objects)}));

  root<> run(in.loop.ready(), take_by_turns(*s3, from, random, holds));
  while (!run.done()) {
    if (in.loop.run_once(ring::reactor::wait::no) || run.done()) continue;
    // Nothing here waits for time: who waits for long waits for ever.
    pollfd ready{.fd = in.loop.poll_descriptor(), .events = POLLIN, .revents = 0};
    REQUIRE(::poll(&ready, 1, 10'000) != 0);
  }
  run.result();
  for (const auto& each : from) {
    CHECK(each->got.complaint().empty());
    CHECK(each->got.all());
  }
  from.clear();
  s3.reset();
  in.settle();
  CHECK(pool->granted() == 0);
  CHECK(pool->held() == 0);
}

namespace {

/// Sees how many slots the receives of bodies may fill.
struct slot_hook final : ring::submit_hook {
  ring::submit_verdict submitting(const ring::operation& what, std::uint64_t) noexcept override {
    if (what.kind == ring::operation_kind::receive_slots && first == 0) first = what.slots.slots();
    return {};
  }
  std::uint32_t first = 0;
};

}  // namespace

TEST_CASE("a GET has its lanes' share of the slots from its first receive on, whether its size is known or not", "[pager][streams]") {
  slot_hook hook;
  world in({.objects = {.count = 1, .size = 1 << 20}, .hook = &hook});
  client s3(in.loop, in.small());  // 64 slots for four lanes
  const bool one_get = GENERATE(true, false);
  page_stream pages = one_get ? s3.get({.bucket = "s", .key = in.objects->key(0), .if_none_match = "\"other\""})
                              : s3.get({.bucket = "s", .key = in.objects->key(0)});
  reader got(*in.objects);
  in.run(read_all(pages, got));
  CHECK(got.all());
  CHECK(hook.first == (one_get ? 16 : 8));
}
