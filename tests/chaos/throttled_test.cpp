// Paging from a radosgw that lets two requests in at a time and answers all others with 503 SlowDown.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <string>

#include "support/put_objects.hpp"
#include "support/real_server.hpp"

namespace s3pager::test {
namespace {

class throttle_counts final : public observer {
 public:
  void request_ended(const request_event&, const request_outcome& how) noexcept override {
    throttled += how.http_status == 503 ? 1 : 0;
  }
  std::uint64_t throttled = 0;
};

const object_map& objects() {
  static const object_map made = [] {
    object_map put;
    char key[16];
    for (unsigned i = 0; i < 2000; ++i) {
      std::snprintf(key, sizeof key, "t/%05u", i);
      put.emplace(key, contents{.seed = i, .size = i * 7919 % 40'000});
    }
    put_all("throttled", put, 1);
    return put;
  }();
  return made;
}

}  // namespace

TEST_CASE("2,000 objects come from a server that throttles, and few requests are made in vain", "[.throttled]") {
  const page_order order = GENERATE(page_order::by_key, page_order::by_arrival);
  client_options options = server().options();
  throttle_counts seen;
  options.observer = &seen;
  ring::reactor loop;
  client s3(loop, options);
  checker got(objects(), order);
  page_stream pages = order == page_order::by_key ? s3.page_ordered({.bucket = "throttled"}) : s3.page_unordered({.bucket = "throttled"});
  loop.run(read_all(pages, got));
  const summary total = pages.summary();
  std::cout << (order == page_order::by_key ? "ordered" : "unordered") << ": " << total.requests << " requests, "
            << seen.throttled << " of them throttled, " << total.elapsed / std::chrono::milliseconds(1) << " ms" << std::endl;
  CHECK(got.all());
  CHECK(seen.throttled > 0);
  CHECK(total.requests >= 2002 + seen.throttled);
  CHECK(total.requests < 2002 * 3 / 2);
}

}  // namespace s3pager::test
