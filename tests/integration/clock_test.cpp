// A real server refuses a time that is 20 minutes off; the user notices nothing.
#include <chrono>
#include <cstdint>

#include "s3pager/base/clock.hpp"
#include "support/many_objects.hpp"
#include "support/real_server.hpp"

namespace s3pager::test {
namespace {

/// Runs, but has another time of day than the machine.
class wrong_clock final : public clock {
 public:
  explicit wrong_clock(duration ahead) noexcept : ahead_(ahead) {}
  [[nodiscard]] time_point now() const noexcept override { return right_.now(); }
  [[nodiscard]] wall_time wall() const noexcept override { return right_.wall() + ahead_; }
  [[nodiscard]] bool runs() const noexcept override { return true; }
  [[nodiscard]] duration computed() const noexcept override { return right_.computed(); }

 private:
  system_clock right_;
  duration ahead_;
};

class refusal_count final : public observer {
 public:
  void request_ended(const request_event&, const request_outcome& how) noexcept override {
    refused += how.http_status >= 400 ? 1 : 0;
  }
  std::uint64_t refused = 0;
};

}  // namespace

TEST_CASE("a client's clock that is 20 minutes off is set right after one refusal") {
  const object_map& put = many_objects();
  const auto ahead = GENERATE(std::chrono::minutes(20), std::chrono::minutes(-20));
  wrong_clock clock(ahead);
  refusal_count seen;
  client_options options = server().options();
  options.observer = &seen;
  ring::reactor loop({.clock = &clock});
  client s3(loop, options);
  page_stream pages = s3.page_ordered({.bucket = many_bucket, .prefix = "n/04/"});
  checker got(put);
  loop.run(read_all(pages, got));
  CHECK(got.complaint().empty());
  CHECK(got.whole() == 100);
  CHECK(pages.summary().failures == 0);
  CHECK(seen.refused == 1);
  const auto offset = std::chrono::round<std::chrono::minutes>(s3.service().clock_offset());
  CHECK(offset == -ahead);
}

}  // namespace s3pager::test
