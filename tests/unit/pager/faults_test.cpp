// Every kind of fault that an origin can do, done once to one request of a run: the run gets over it, or names it.
#include <poll.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/pager/client.hpp"
#include "s3pager/testing/fault_script.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "support/world.hpp"

using namespace s3pager;
using namespace s3pager::test;
using testing::behaviour;
using testing::fault;
using testing::request_info;

namespace {

/// Empty, small, and of three slices.
const std::vector<std::uint64_t> sizes{0, 1, 700, 70'000, 1'300'000};

struct result {
  bool met = false;    // the fault was done
  bool whole = false;  // every object came
  std::vector<errc> failures = {};
  std::string complaint = {};
};

async_generator<object> replayed(std::vector<object> from) {
  for (object& each : from) co_yield std::move(each);
}

/// One turn. If there is nothing to do, the clock goes to the next deadline.
void turn_or_advance(world& in, const root<>& client) {
  if (in.loop.run_once(ring::reactor::wait::no) || client.done()) return;
  pollfd ready{.fd = in.loop.poll_descriptor(), .events = POLLIN, .revents = 0};
  if (::poll(&ready, 1, 20) != 0 || in.loop.timers().empty()) return;
  in.time.advance(in.loop.timers().next() - in.time.now());
}

/// The fault at `place` of an answer is done to the first request that fits and that `about` is true for.
template <class About>
result run_with(fault which, std::uint64_t seed, page_order order, About about) {
  world in({.origin = {.checksums = {.algorithm = testing::checksum_algorithm::crc32c}},
            .objects = {.count = sizes.size(), .sizes = sizes}});
  result made;
  const testing::fault_script script({.seed = seed, .share = 1, .on = {which}, .within = 64 << 10});
  in.server->set_hook([&](const request_info& asked) -> behaviour {
    if (made.met || !about(asked)) return {};
    const testing::scripted_fault next = script.decide(asked);
    made.met = next.any;
    return next.how;
  });
  reader seen(*in.objects, order);
  if (which == fault::flipped_bit) seen.allow_other_bytes_of_failures();
  const auto page_all = [](world& of, page_order by, reader& into) -> task<> {
    client_options how = of.small();
    how.window_bytes = 2 << 20;
    how.retry = {.max_attempts = 3, .base_delay = duration::zero(), .throttled_delay = duration::zero()};
    how.jitter_seed = 1;
    client s3(of.loop, how);
    const page_options all{.bucket = "s", .max_keys = 2, .on_error = on_error::report};
    auto pages = by == page_order::by_key ? s3.page_ordered(all) : s3.page_unordered(all);
    co_await read_all(pages, into);
  };
  {
    root<> client(in.loop.ready(), page_all(in, order, seen));
    while (!client.done()) turn_or_advance(in, client);
    try {
      client.result();
      seen.finish();
    } catch (const error& failed) {
      made.failures.push_back(condition_of(failed).value());
    }
  }
  made.whole = seen.all();
  made.complaint = seen.complaint();
  for (const auto& [key, failed] : seen.failures()) made.failures.push_back(condition_of(failed).value_or(errc::cancelled));
  in.time.advance(std::chrono::minutes(1));  // for an origin that pauses after its last slow byte
  in.settle();
  return made;
}

template <class About>
void check_all(const char* what, About about, std::size_t least) {
  std::size_t met = 0;
  for (std::size_t i = 0; i < testing::fault_count; ++i) {
    const auto which = static_cast<fault>(i);
    std::size_t times = 0;
    for (const page_order order : {page_order::by_key, page_order::by_arrival}) {
      for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        INFO(what << ": " << testing::name_of(which) << " with seed " << seed
                  << (order == page_order::by_key ? " by key" : " by arrival"));
        const result made = run_with(which, seed, order, about);
        CHECK(made.complaint.empty());
        // What was handed on can't be taken back, and nobody follows a redirect that names no region.
        const bool redirected = which == fault::redirect;
        const bool corrupted = which == fault::flipped_bit && made.failures == std::vector{errc::corrupted};
        if (redirected && made.met)
          CHECK(made.failures == std::vector{errc::unavailable});
        else
          CHECK((made.whole || corrupted));
        times += made.met ? 1 : 0;
      }
    }
    met += times > 0 ? 1 : 0;
  }
  CHECK(met >= least);
}

}  // namespace

TEST_CASE("a run gets over each fault of an object's answer, or names it", "[pager][faults]") {
  check_all("of an object", [](const request_info& asked) { return asked.key == "00000003"; }, 20);
}
TEST_CASE("a run gets over each fault of a slice's answer, or names it", "[pager][faults]") {
  check_all("of a slice", [](const request_info& asked) {
    return !asked.range.empty() && asked.range.find("=0-") == std::string_view::npos;
  }, 22);
}
TEST_CASE("a run gets over each fault of an empty object's answer, or names it", "[pager][faults]") {
  check_all("of an empty object", [](const request_info& asked) { return asked.key == "00000000"; }, 20);
}
TEST_CASE("an answer of another version than was listed is no answer, whatever its length", "[pager][faults]") {
  // Sent behind another answer it is met on a connection that is used again, if it comes too late to be seen.
  world in({.objects = {.count = 2, .size = 7}});
  in.server->add_bucket("m", in.memory);
  in.memory->put("00000000", "forged!");
  in.memory->put("00000001", "forged!");
  const auto page_all = [](world& of, std::vector<errc>& failures) -> task<> {
    client s3(of.loop, of.small());
    std::vector<object> listed;
    auto objects = s3.list({.bucket = "s"});
    for (;;) {
      std::optional<object> next = co_await objects.next();
      if (!next) break;
      listed.push_back(std::move(*next));
    }
    of.server->add_bucket("s", of.memory);
    auto pages = s3.page_ordered("s", replayed(std::move(listed)), {.on_error = on_error::report});
    for (;;) {
      const std::optional<page> got = co_await pages.next();
      if (!got) break;
      failures.push_back(got->failure() != nullptr ? condition_of(*got->failure()).value() : errc::unavailable);
    }
  };
  std::vector<errc> failures;
  // A server that does not know If-Match.
  in.server->set_hook([](const request_info&) { return behaviour{.ignore_if_match = true}; });
  in.run(page_all(in, failures));
  CHECK(failures == std::vector{errc::changed, errc::changed});
}

TEST_CASE("a run gets over each fault of a list's answer", "[pager][faults]") {
  check_all("of the first list", [](const request_info& asked) { return asked.key.empty(); }, 23);
  check_all("of the second list", [](const request_info& asked) {
    return asked.key.empty() && asked.query.find("continuation-token") != std::string_view::npos;
  }, 23);
}
