// Paging a real server through a proxy that cuts, delays and re-chunks (support/cutting_proxy.hpp). S3PAGER_CHAOS_SEED and
// S3PAGER_CHAOS_OBJECTS choose another run than the fixed small ones.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <string_view>

#include "chaos/consumer.hpp"
#include "s3pager/ring/descriptor.hpp"
#include "s3pager/testing/pattern.hpp"
#include "support/cutting_proxy.hpp"
#include "support/put_objects.hpp"
#include "support/real_server.hpp"
#include "support/world.hpp"

namespace s3pager::test {
namespace {

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* const text = std::getenv(variable);
  return text != nullptr && *text != '\0' ? std::stoull(text) : otherwise;
}

/// Many are empty or small, one in 200 is of up to 4 MiB: about 30 KiB on average.
contents chaos_contents(std::uint64_t seed, std::uint64_t index) {
  const std::uint64_t random = testing::detail::mix(testing::detail::mix(seed) + index);
  const std::uint64_t limit = index % 200 == 7    ? std::uint64_t{4} << 20
                              : index % 8 == 3    ? std::uint64_t{160} << 10
                              : index % 20 == 11  ? 0
                                                  : std::uint64_t{16} << 10;
  return {.seed = random, .size = limit == 0 ? 0 : random % (limit + 1)};
}

object_map chaos_objects(std::uint64_t seed, std::uint64_t count) {
  object_map made;
  char key[32];
  for (std::uint64_t i = 0; i < count; ++i) {
    std::snprintf(key, sizeof key, "c/%03u/%06u", static_cast<unsigned>(i % 211), static_cast<unsigned>(i));
    made.emplace(key, chaos_contents(seed, i));
  }
  return made;
}

class retry_counts final : public observer {
 public:
  void request_retried(const request_event&, std::error_code) noexcept override { ++retried; }
  std::uint64_t retried = 0;
};

/// One run in one order. What is left of it is for the caller to look at.
void run_through_proxy(std::uint64_t seed, std::string_view bucket, const object_map& objects, page_order order) {
  const leftovers before;
  const put_objects expected(objects);
  page_checker checker(expected, order);
  consumed seen;
  retry_counts retries;
  summary total;
  cutting_proxy proxy(server().port(),
                      {.seed = seed, .cut = 1000, .cut_within = 2 << 20, .hold = 4, .hold_most = std::chrono::milliseconds(20), .crumble = 4});
  std::size_t left_operations = 0;
  std::string failure;
  {
    ring::reactor loop({.masked = seed % 2 == 0 ? ring::feature::none : ring::feature::all});
    {
      client_options options = server().options();
      const std::string endpoint = proxy.endpoint();
      options.endpoint_url = endpoint;
      options.window_bytes = std::size_t{16} << 20;
      options.concurrency = 32;
      options.jitter_seed = seed;
      // A third of all requests fail, and of a list's pages, which come on connections of their own, two thirds: with the
      // longest pauses that are usual, ten failures in a row take a minute.
      options.retry.max_attempts = 20;
      options.retry.max_delay = std::chrono::milliseconds(500);
      options.retry.tokens = 1'000'000;
      options.observer = &retries;
      client s3(loop, options);
      const page_options what{.bucket = bucket, .max_keys = 50, .on_error = on_error::report};
      page_stream pages = order == page_order::by_key ? s3.page_ordered(what) : s3.page_unordered(what);
      try {
        loop.run(consume(pages, s3, checker, {.held_slots = seed % 50, .turns = static_cast<int>(seed % 3)}, seen));
      } catch (const error& failed) {
        failure = failed.what();
      }
      total = pages.summary();
      CHECK(seen.most_used <= options.window_bytes);
    }
    // Connections of the client close with it; nothing of it stays with the kernel.
    while (loop.live_operations() > 0) loop.run_once();
    left_operations = loop.live_operations();
  }
  const proxy_counters& did = proxy.counters();
  std::map<std::string, std::size_t> failures;
  for (const auto& [key, failed] : checker.failures()) {
    if (failures[failed.code().message()]++ == 0) std::cout << key << ": " << failed.what() << '\n';
  }
  std::cout << (order == page_order::by_key ? "ordered" : "unordered") << ": " << checker.whole() << " of " << objects.size()
            << " objects, " << checker.bytes() << " bytes, " << checker.failures().size() << " failures";
  for (const auto& [why, count] : failures) std::cout << " (" << why << ' ' << count << ')';
  std::cout << "; " << total.requests << " requests, " << retries.retried << " retried; " << did.connections
            << " connections: " << did.finished << " cut, " << did.reset << " reset, " << did.half_closed << " half-closed, "
            << did.holds << " holds, " << did.crumbles << " crumbled; window " << seen.most_used << " bytes at most; "
            << std::chrono::duration_cast<std::chrono::milliseconds>(total.elapsed).count() << " ms; seed " << seed << std::endl;
  INFO("seed " << seed);
  CHECK(failure.empty());
  checker.finish();
  CHECK(checker.complaint().empty());
  CHECK(seen.complaint.empty());
  CHECK(checker.whole() + checker.failures().size() == objects.size());
  CHECK(checker.failures().size() <= objects.size() / 100);
  CHECK(left_operations == 0);
  CHECK(leftovers() == before);
  CHECK(did.cuts() > 0);
  CHECK(retries.retried > 0);
}

}  // namespace

TEST_CASE("objects are paged through a line that cuts, delays and re-chunks, each exact and once", "[.proxy]") {
  const std::uint64_t seed = number_from("S3PAGER_CHAOS_SEED", 0);
  const std::uint64_t count = number_from("S3PAGER_CHAOS_OBJECTS", 1000);
  const object_map objects = chaos_objects(seed, count);
  put_all("chaos", objects);
  const auto both = [&objects](std::uint64_t with) {
    for (const page_order order : {page_order::by_key, page_order::by_arrival}) run_through_proxy(with, "chaos", objects, order);
  };
  if (seed != 0) return both(seed);
  for (const std::uint64_t fixed : {1, 2, 3}) both(fixed);
}

}  // namespace s3pager::test
