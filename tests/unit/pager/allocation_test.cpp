// What a run takes from the heap once it is under way: nothing for a request or a page, a little for a page of the list.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "s3pager/pager/client.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/testing/origin.hpp"
#include "s3pager/testing/synthetic_bucket.hpp"
#include "support/catch.hpp"
#include "support/counted_heap.hpp"
#include "support/drive.hpp"
#include "support/origin_process.hpp"

using namespace s3pager;
using namespace s3pager::test;

namespace {

constexpr std::uint64_t warm = 4000;  // objects, after which nothing is new any more
constexpr std::uint64_t measured = 4000;

struct counts {
  std::uint64_t objects = 0;
  std::size_t pages = 0;
  std::size_t allocations = 0;
};

task<> consume(client& s3, page_order order, counts& seen) {
  const page_options all{.bucket = "s"};
  // What goes with each request is made once.
  const request_header own[] = {{"x-a-name-that-is-longer-than-a-string-holds", "and a value that is"}, {"accept", "*/*"}};
  page_options more = all;
  more.requester_pays = true;
  more.expected_bucket_owner = "111122223333";
  more.headers = own;
  auto pages = order == page_order::by_key ? s3.page_ordered(all) : s3.page_unordered(more);
  std::size_t before = 0;
  for (;;) {
    const std::optional<page> got = co_await pages.next();
    if (!got || seen.objects == warm + measured) break;
    ++seen.pages;
    if (!got->last()) continue;
    ++seen.objects;
    if (seen.objects == warm) before = heap::allocations();
    if (seen.objects == warm + measured) seen.allocations = heap::allocations() - before;
  }
}

counts measure(page_order order, std::uint64_t size) {
  const testing::synthetic_options objects{.count = 10'000, .size_of = [size](std::uint64_t) { return size; }};
  testing::origin_options how;
  how.access_key_id = "AKIAIOSFODNN7EXAMPLE";
  how.secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
  const origin_process served(how, [&objects](testing::origin& made) {
    made.add_bucket("s", std::make_shared<testing::synthetic_bucket>(objects));
  });
  counts seen;
  ring::reactor loop;
  client s3(loop, {.access_key_id = how.access_key_id,
                   .secret_access_key = how.secret_access_key,
                   .region = "us-east-1",
                   .endpoint_url = served.endpoint(),
                   .concurrency = 64,  // a governor would begin lanes as late as it likes
                   .hedge = {.enabled = false}});
  root<> run(loop.ready(), consume(s3, order, seen));
  while (!run.done()) loop.run_once();
  run.result();
  return seen;
}

}  // namespace

TEST_CASE("a run that is under way takes memory for its list only", "[pager][memory]") {
  if (sanitized) {
    WARN("SKIP: with a sanitizer, frames of coroutines are taken from the heap each");
    return;
  }
  for (const page_order order : {page_order::by_key, page_order::by_arrival}) {
    for (const std::uint64_t size : {4096, 200'000}) {
      const counts seen = measure(order, size);
      CAPTURE(size, seen.pages);
      CHECK(seen.objects == warm + measured);
      REQUIRE(heap::allocations() > 0);  // or nobody counts
      // Some ten for each of the four list pages, and some for more frames and pieces at a time than ever before: more of them on a busy
      // machine, but never one a request, let alone a page.
      CHECK(seen.allocations <= measured / 8);
    }
  }
}
