// Whether and when a failed request is made again: classified by cause, with full jitter, within a budget of attempts and time
// and a bucket of tokens that all requests of a client share. Knows no request and no clock but the times it is given.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html (standard mode)
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <system_error>
#include <utility>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/error.hpp"

namespace s3pager {

/// Why an attempt failed, as far as it bears on another one.
enum class retry_cause : std::uint8_t {
  permanent,   ///< it would fail again: not found, access denied, precondition failed, invalid argument, cancelled
  connection,  ///< refused, reset, or ended before the answer did: a truncated body or list page too
  timeout,     ///< a deadline passed
  server,      ///< status 5xx, or an answer that breaks the protocol
  throttling,  ///< 503 SlowDown, 429 and their kind
  checksum,    ///< all bytes came, but they are not the object's: made again once
};

/// Of a failure as tasks throw it.
[[nodiscard]] inline retry_cause classify_failure(const error& failed) noexcept {
  const std::error_code code = failed.code();
  if (code == errc::throttled) return retry_cause::throttling;
  if (code == errc::timed_out) return retry_cause::timeout;
  if (code == errc::connection_lost) return retry_cause::connection;
  if (code == errc::protocol_violation) return retry_cause::server;
  if (code == errc::corrupted) return retry_cause::checksum;
  // What the service does not do, it will not do a moment later.
  if (failed.http_status() == 501 || failed.http_status() == 505) return retry_cause::permanent;
  // A local want (descriptors, memory) or a peer that refuses; and what the service says of itself.
  if (code == errc::unavailable) return failed.http_status() != 0 ? retry_cause::server : retry_cause::connection;
  return retry_cause::permanent;
}

/// How requests are retried. The defaults are those of the AWS SDKs' standard mode, but for the time limit, which it has not.
struct retry_policy {
  std::uint32_t max_attempts = 3;                          ///< of one request without progress, the first included; 1: never again
  duration base_delay = std::chrono::milliseconds(50);     ///< the most before the first retry; doubled for each further one
  duration throttled_delay = std::chrono::milliseconds(500);  ///< what base_delay is at least after throttling
  duration max_delay = std::chrono::seconds(20);           ///< the most before any retry
  duration max_elapsed = std::chrono::minutes(5);          ///< since the first failure without progress; no retry is begun after it
  std::uint32_t tokens = 500;                              ///< the shared bucket's size
  std::uint32_t token_cost = 5;                            ///< of a retry
  std::uint32_t timeout_token_cost = 10;                   ///< of a retry after a timeout
};

/// The shared bucket: retries take from it, successes give back, so that a service in trouble is not asked ever more.
class retry_tokens {
 public:
  explicit retry_tokens(std::uint32_t size) noexcept : size_(size), left_(size) {}

  [[nodiscard]] bool take(std::uint32_t cost) noexcept {
    if (left_ < cost) return false;
    left_ -= cost;
    return true;
  }
  void give_back(std::uint32_t count) noexcept { left_ = std::min(size_, left_ + std::min(count, size_)); }
  [[nodiscard]] std::uint32_t left() const noexcept { return left_; }

 private:
  std::uint32_t size_;
  std::uint32_t left_;
};

/// Numbers for jitter: SplitMix64 (Steele, Lea, Flood, 2014). Same seed, same numbers.
class jitter {
 public:
  explicit jitter(std::uint64_t seed) noexcept : state_(seed) {}
  /// From the whole of [0, limit].
  [[nodiscard]] duration up_to(duration limit) noexcept {
    if (limit <= duration::zero()) return duration::zero();
    return duration(static_cast<duration::rep>(next() % (static_cast<std::uint64_t>(limit.count()) + 1)));
  }

 private:
  std::uint64_t next() noexcept {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }

  std::uint64_t state_;
};

/// What all requests of a client share.
class retry_budget {
 public:
  retry_budget(const retry_policy& policy, std::uint64_t seed) noexcept
      : policy_(policy), tokens_(policy.tokens), jitter_(seed) {}

  [[nodiscard]] const retry_policy& policy() const noexcept { return policy_; }
  [[nodiscard]] retry_tokens& tokens() noexcept { return tokens_; }
  [[nodiscard]] jitter& random() noexcept { return jitter_; }

 private:
  retry_policy policy_;
  retry_tokens tokens_;
  jitter jitter_;
};

/// The attempts at one request. Make it at the first; tell it of each end.
class retry_state {
 public:
  retry_state(retry_budget& budget, time_point now) noexcept : budget_(budget), began_(now) {}

  /// Attempts begun, the first included.
  [[nodiscard]] std::uint32_t attempts() const noexcept { return attempts_; }

  /// Bytes have come since the last failure: a long object over a bad line is not given up on.
  void progressed() noexcept { in_a_row_ = 1; }

  /// The request has been answered whole.
  void succeeded() noexcept { budget_.tokens().give_back(std::exchange(taken_, 0) + 1); }

  /// When the next attempt is to begin; nothing if there is to be none. A Retry-After of the service is honoured, up to max_delay.
  [[nodiscard]] std::optional<time_point> failed(const error& why, time_point now) noexcept {
    const retry_policy& policy = budget_.policy();
    const retry_cause cause = classify_failure(why);
    if (cause == retry_cause::permanent || in_a_row_ >= policy.max_attempts) return std::nullopt;
    if (cause == retry_cause::checksum && std::exchange(made_again_, true)) return std::nullopt;
    if (in_a_row_ == 1) row_began_ = now;
    if (now - row_began_ >= policy.max_elapsed) return std::nullopt;
    const std::uint32_t cost = cause == retry_cause::timeout ? policy.timeout_token_cost : policy.token_cost;
    if (!budget_.tokens().take(cost)) return std::nullopt;
    taken_ = cost;
    // Doubling stops where the limit is reached, long before it could overflow.
    duration limit = std::min(policy.base_delay, policy.max_delay);
    for (std::uint32_t i = 1; i < in_a_row_ && limit < policy.max_delay; ++i) limit = std::min(limit * 2, policy.max_delay);
    // Throttling is told to all lanes at once: they must not come back at once.
    if (cause == retry_cause::throttling) limit = std::min(std::max(limit, policy.throttled_delay), policy.max_delay);
    const duration asked = std::min<duration>(why.details().retry_after, policy.max_delay);
    const duration delay = std::max(budget_.random().up_to(limit), asked);
    ++in_a_row_;
    ++attempts_;
    return after(now, delay);
  }

  /// The last attempt's failure, with what all of them were.
  [[nodiscard]] error exhausted(const error& last, time_point now) const {
    error_details known = last.details();
    known.attempts = attempts_;
    known.elapsed = now - began_;
    return error(last.code(), std::move(known));
  }

 private:
  retry_budget& budget_;
  time_point began_;
  time_point row_began_{};  // the first failure since the last progress
  std::uint32_t attempts_ = 1;
  std::uint32_t in_a_row_ = 1;
  std::uint32_t taken_ = 0;
  bool made_again_ = false;  // since a checksum did not hold
};

}  // namespace s3pager
