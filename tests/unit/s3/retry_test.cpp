#include "s3pager/s3/retry.hpp"

#include <cerrno>
#include <chrono>
#include <optional>
#include <string>

#include "support/catch.hpp"

namespace {

using namespace s3pager;
using namespace std::chrono_literals;

error with_status(errc code, int status, std::chrono::seconds retry_after = {}) {
  return error(code, error_details{.http_status = status, .retry_after = retry_after});
}
error with_code(errc code, int status, const char* s3_code) {
  return error(code, error_details{.http_status = status, .s3_code = s3_code});
}
/// Throttled, `late` after it was sent.
error slow_down(duration late = {}) { return error(errc::throttled, error_details{.http_status = 503, .elapsed = late}); }
error healed(remedy by) {
  return error(errc::access_denied, error_details{.http_status = 403, .s3_code = "RequestTimeTooSkewed", .remedy = by});
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
  // An error in an answer 200.
  CHECK(classify_failure(with_code(errc::unavailable, 200, "InternalError")) == retry_cause::server);
  CHECK(classify_failure(with_code(errc::unavailable, 409, "OperationAborted")) == retry_cause::server);
  CHECK(classify_failure(with_status(errc::invalid_argument, 400)) == retry_cause::server);
  CHECK(classify_failure(with_code(errc::invalid_argument, 400, "InvalidArgument")) == retry_cause::permanent);
  for (const int moved : {301, 307, 308, 411, 421, 505})
    CHECK(classify_failure(with_status(errc::unavailable, moved)) == retry_cause::permanent);
  CHECK(classify_failure(healed(remedy::clock)) == retry_cause::clock_skew);
  CHECK(classify_failure(healed(remedy::region)) == retry_cause::wrong_region);
  CHECK(classify_failure(healed(remedy::credentials)) == retry_cause::credentials);
  CHECK(classify_failure(healed(remedy::none)) == retry_cause::permanent);
  CHECK(classify_failure(with_code(errc::access_denied, 400, "ExpiredToken")) == retry_cause::permanent);
  CHECK(classify_failure(with_code(errc::access_denied, 403, "AccessDenied")) == retry_cause::permanent);
  for (const errc permanent : {errc::not_found, errc::access_denied, errc::changed, errc::cancelled,
                               errc::precondition_failed, errc::not_modified, errc::invalid_argument,
                               errc::window_exhausted})
    CHECK(classify_failure(with_code(permanent, 400, "Code")) == retry_cause::permanent);
}

TEST_CASE("a permanent failure is never retried, and takes no token") {
  retry_budget budget({}, 1);
  retry_state attempts(budget, time_point{});
  CHECK_FALSE(attempts.failed(with_status(errc::not_found, 404), time_point{}).has_value());
  CHECK(budget.tokens().left() == 500);
  CHECK(attempts.attempts() == 1);
}

TEST_CASE("the last error says why there was no other attempt, where the policy had some left") {
  const auto last_words = [](const retry_policy& policy, duration later) {
    retry_budget budget(policy, 1);
    retry_state attempts(budget, time_point());
    const error refused(errc::connection_lost, "refused");
    CHECK(attempts.failed(refused, time_point()));
    CHECK_FALSE(attempts.failed(refused, time_point(later)));
    return std::string(attempts.exhausted(refused, time_point()).what());
  };
  const auto has = [](const std::string& text, std::string_view words) { return text.find(words) != std::string::npos; };
  CHECK(has(last_words({.max_attempts = 3, .tokens = 5}, duration(1)),
            "attempts 2 (before: connection 1) (no more: the client's retry.tokens are used up)"));
  CHECK(has(last_words({.max_attempts = 3, .max_elapsed = std::chrono::seconds(1)}, std::chrono::seconds(2)),
            "attempts 2 (before: connection 1) (no more: retry.max_elapsed would be over)"));
  CHECK_FALSE(has(last_words({.max_attempts = 2}, duration(1)), "no more"));
}

TEST_CASE("what came with a checksum that does not hold is fetched again once") {
  const error wrong(errc::corrupted, "wrong");
  CHECK(classify_failure(wrong) == retry_cause::checksum);
  retry_budget budget({.max_attempts = 10}, 1);
  retry_state attempts(budget, time_point{});
  CHECK(attempts.failed(wrong, time_point{}).has_value());
  CHECK(attempts.failed(reset_by_peer, time_point{}).has_value());
  CHECK_FALSE(attempts.failed(wrong, time_point{}).has_value());
  CHECK(attempts.exhausted(wrong, time_point{}).details().given_up == "a second answer was corrupted as well");
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
    attempts.succeeded(time_point{});
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
  attempts.succeeded(time_point{});
  CHECK(budget.tokens().left() == 5);
  attempts.succeeded(time_point{});
  CHECK(budget.tokens().left() == 6);
  retry_state other(budget, time_point{});
  for (int i = 0; i < 100; ++i) other.succeeded(time_point{});
  CHECK(budget.tokens().left() == 20);
}

TEST_CASE("no retry is begun whose delay would end after the time limit") {
  retry_budget budget({}, 1);
  retry_state attempts(budget, time_point{});
  CHECK(attempts.failed(with_status(errc::unavailable, 503, 20s), time_point{}).has_value());
  CHECK(attempts.failed(with_status(errc::unavailable, 503, 19s), time_point{} + 280s).has_value());
  retry_state other(budget, time_point{});
  CHECK(other.failed(with_status(errc::unavailable, 503, 20s), time_point{}).has_value());
  CHECK_FALSE(other.failed(with_status(errc::unavailable, 503, 20s), time_point{} + 280s).has_value());
}

TEST_CASE("progress gives back what its attempt took, so that a long object outlasts the bucket") {
  retry_budget budget({}, 1);
  retry_state attempts(budget, time_point{});
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(attempts.failed(reset_by_peer, time_point{}).has_value());
    attempts.progressed();
  }
  CHECK(budget.tokens().left() == 500);
}

TEST_CASE("throttling is outlasted: it takes neither attempts nor tokens, only time") {
  retry_budget budget({}, 1);
  retry_state attempts(budget, time_point{});
  time_point now{};
  int retries = 0;
  for (;;) {
    const auto again = attempts.failed(slow_down(), now);
    if (!again) break;
    ++retries;
    CHECK(*again - now <= 20s);
    now = *again;
  }
  CHECK(now >= time_point{} + 5min - 20s);
  CHECK(now < time_point{} + 5min);
  CHECK(retries > 20);
  CHECK(budget.tokens().left() == 500);
  CHECK(attempts.attempts() == 1U + static_cast<unsigned>(retries));
  // Failures of other kinds have their attempts still.
  retry_state mixed(budget, time_point{});
  for (int i = 0; i < 4; ++i) CHECK(mixed.failed(slow_down(), time_point{}).has_value());
  CHECK(mixed.failed(reset_by_peer, time_point{}).has_value());
  CHECK(mixed.failed(reset_by_peer, time_point{}).has_value());
  CHECK_FALSE(mixed.failed(reset_by_peer, time_point{}).has_value());
}

TEST_CASE("throttling counts as other failures do, if it is not to be outlasted, or nothing is to be retried") {
  retry_policy policy;
  policy.outlast_throttling = false;
  retry_budget budget(policy, 1);
  retry_state attempts(budget, time_point{});
  CHECK(attempts.failed(slow_down(), time_point{}).has_value());
  CHECK(attempts.failed(slow_down(), time_point{}).has_value());
  CHECK_FALSE(attempts.failed(slow_down(), time_point{}).has_value());
  CHECK(budget.tokens().left() == 490);
  retry_policy never;
  never.max_attempts = 1;
  retry_budget none(never, 1);
  CHECK_FALSE(retry_state(none, time_point{}).failed(slow_down(), time_point{}).has_value());
  CHECK_FALSE(retry_state(none, time_point{}).failed(healed(remedy::clock), time_point{}).has_value());
  CHECK_FALSE(none.pace().limited(time_point{}));
}

TEST_CASE("a wrong clock is a matter of one more attempt, at once, without tokens") {
  retry_budget budget({}, 1);
  retry_state attempts(budget, time_point{});
  CHECK(attempts.failed(healed(remedy::clock), time_point{} + 3s) == time_point{} + 3s);
  CHECK_FALSE(attempts.failed(healed(remedy::clock), time_point{} + 3s).has_value());
  CHECK(attempts.exhausted(healed(remedy::clock), time_point{}).details().given_up == "signed by the service's clock it was refused again");
  CHECK(attempts.attempts() == 2);
  CHECK(budget.tokens().left() == 500);
  // The other attempts are still to be had.
  CHECK(attempts.failed(reset_by_peer, time_point{}).has_value());
  CHECK(attempts.failed(reset_by_peer, time_point{}).has_value());
  CHECK_FALSE(attempts.failed(reset_by_peer, time_point{}).has_value());
}

TEST_CASE("credentials that expired are not tried again where there are no others") {
  retry_budget budget({}, 1);
  retry_state attempts(budget, time_point{});
  CHECK_FALSE(attempts.failed(with_code(errc::access_denied, 400, "ExpiredToken"), time_point{}).has_value());
}

TEST_CASE("each cause has a name") {
  CHECK(name_of(retry_cause::throttling) == "throttling");
  CHECK(name_of(retry_cause::wrong_region) == "wrong region");
  CHECK(name_of(retry_cause::credentials) == "credentials");
}

TEST_CASE("the final error says what was tried, how often and for how long") {
  retry_budget budget({}, 1);
  retry_state attempts(budget, time_point{});
  static_cast<void>(attempts.failed(reset_by_peer, time_point{}));
  static_cast<void>(attempts.failed(slow_down(), time_point{}));
  static_cast<void>(attempts.failed(slow_down(), time_point{}));
  const error last = attempts.exhausted(reset_by_peer, time_point{} + 3s);
  CHECK(last.attempts() == 4);
  CHECK(last.details().elapsed == 3s);
  CHECK(last.details().tried == "connection 1, throttling 2");
  CHECK(last.code() == errc::connection_lost);
  CHECK(std::string(last.what()).find("attempts 4 in 3000 ms (before: connection 1, throttling 2)") != std::string::npos);
}
