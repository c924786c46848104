#include "s3pager/s3/retry.hpp"

#include <cerrno>
#include <chrono>
#include <optional>

#include "support/catch.hpp"

namespace {

using namespace s3pager;
using namespace std::chrono_literals;

error with_status(errc code, int status, std::chrono::seconds retry_after = {}) {
  return error(code, error_details{.http_status = status, .retry_after = retry_after});
}
const error reset_by_peer(errno_code(ECONNRESET), "reset");

}  // namespace

TEST_CASE("failures are classified by their cause") {
  CHECK(classify_failure(with_status(errc::throttled, 503)) == retry_cause::throttling);
  CHECK(classify_failure(with_status(errc::unavailable, 500)) == retry_cause::server);
  CHECK(classify_failure(with_status(errc::protocol_violation, 200)) == retry_cause::server);
  CHECK(classify_failure(with_status(errc::unavailable, 501)) == retry_cause::permanent);
  CHECK(classify_failure(error(errno_code(ETIMEDOUT), "late")) == retry_cause::timeout);
  CHECK(classify_failure(with_status(errc::timed_out, 408)) == retry_cause::timeout);
  CHECK(classify_failure(reset_by_peer) == retry_cause::connection);
  CHECK(classify_failure(error(errno_code(ECONNREFUSED), "refused")) == retry_cause::connection);
  for (const errc permanent : {errc::not_found, errc::access_denied, errc::changed, errc::cancelled,
                               errc::precondition_failed, errc::not_modified, errc::invalid_argument,
                               errc::window_exhausted})
    CHECK(classify_failure(with_status(permanent, 400)) == retry_cause::permanent);
}

TEST_CASE("a permanent failure is never retried, and takes no token") {
  retry_budget budget({}, 1);
  retry_state attempts(budget, time_point{});
  CHECK_FALSE(attempts.failed(with_status(errc::not_found, 404), time_point{}).has_value());
  CHECK(budget.tokens().left() == 500);
  CHECK(attempts.attempts() == 1);
}

TEST_CASE("what came with a checksum that does not hold is fetched again once") {
  const error wrong(errc::corrupted, "wrong");
  CHECK(classify_failure(wrong) == retry_cause::checksum);
  retry_budget budget({.max_attempts = 10}, 1);
  retry_state attempts(budget, time_point{});
  CHECK(attempts.failed(wrong, time_point{}).has_value());
  CHECK(attempts.failed(reset_by_peer, time_point{}).has_value());
  CHECK_FALSE(attempts.failed(wrong, time_point{}).has_value());
}

TEST_CASE("attempts are limited, and progress refills them") {
  retry_budget budget({}, 1);
  retry_state attempts(budget, time_point{});
  CHECK(attempts.failed(reset_by_peer, time_point{}).has_value());
  CHECK(attempts.failed(reset_by_peer, time_point{}).has_value());
  CHECK_FALSE(attempts.failed(reset_by_peer, time_point{}).has_value());
  attempts.progressed();
  CHECK(attempts.failed(reset_by_peer, time_point{}).has_value());
  CHECK(attempts.attempts() == 4);
}

TEST_CASE("delays are jittered in full under a limit that doubles up to the most") {
  retry_policy policy;
  policy.max_attempts = 100;
  policy.base_delay = 100ms;
  policy.max_delay = 1s;
  policy.tokens = 100'000;
  retry_budget budget(policy, 7);
  duration most[6] = {};
  for (int run = 0; run < 400; ++run) {
    retry_state attempts(budget, time_point{});
    for (duration& seen : most) seen = std::max(seen, *attempts.failed(reset_by_peer, time_point{}) - time_point{});
    attempts.succeeded();
  }
  const duration limits[6] = {100ms, 200ms, 400ms, 800ms, 1s, 1s};
  for (int i = 0; i < 6; ++i) {
    CHECK(most[i] <= limits[i]);
    CHECK(most[i] > limits[i] * 9 / 10);
  }
}

TEST_CASE("the same seed gives the same delays") {
  const auto delays = [](std::uint64_t seed) {
    retry_budget budget({}, seed);
    retry_state attempts(budget, time_point{});
    return std::pair(attempts.failed(reset_by_peer, time_point{}), attempts.failed(reset_by_peer, time_point{}));
  };
  CHECK(delays(3) == delays(3));
  CHECK(delays(3) != delays(4));
}

TEST_CASE("Retry-After is honoured up to the longest delay") {
  retry_budget budget({}, 1);
  retry_state first(budget, time_point{});
  CHECK(*first.failed(with_status(errc::throttled, 503, 7s), time_point{}) == time_point{} + 7s);
  retry_state second(budget, time_point{});
  CHECK(*second.failed(with_status(errc::throttled, 503, 3600s), time_point{}) == time_point{} + 20s);
}

TEST_CASE("no retry is begun after the time limit, which begins with the first failure") {
  retry_budget budget({}, 1);
  retry_state attempts(budget, time_point{});
  CHECK(attempts.failed(reset_by_peer, time_point{} + 24h).has_value());
  CHECK_FALSE(attempts.failed(reset_by_peer, time_point{} + 24h + 5min).has_value());
}

TEST_CASE("retries take from a bucket that successes refill") {
  retry_policy policy;
  policy.tokens = 20;
  policy.max_attempts = 100;
  retry_budget budget(policy, 1);
  retry_state attempts(budget, time_point{});
  CHECK(attempts.failed(reset_by_peer, time_point{}).has_value());
  CHECK(budget.tokens().left() == 15);
  CHECK(attempts.failed(error(errno_code(ETIMEDOUT), "late"), time_point{}).has_value());
  CHECK(budget.tokens().left() == 5);
  CHECK_FALSE(attempts.failed(error(errno_code(ETIMEDOUT), "late"), time_point{}).has_value());
  CHECK(attempts.failed(reset_by_peer, time_point{}).has_value());
  CHECK(budget.tokens().left() == 0);
  attempts.succeeded();
  CHECK(budget.tokens().left() == 6);
  retry_state other(budget, time_point{});
  for (int i = 0; i < 100; ++i) other.succeeded();
  CHECK(budget.tokens().left() == 20);
}

TEST_CASE("the final error says how many attempts there were and for how long") {
  retry_budget budget({}, 1);
  retry_state attempts(budget, time_point{});
  static_cast<void>(attempts.failed(reset_by_peer, time_point{}));
  const error last = attempts.exhausted(reset_by_peer, time_point{} + 3s);
  CHECK(last.attempts() == 2);
  CHECK(last.details().elapsed == 3s);
  CHECK(last.code() == errc::connection_lost);
}
