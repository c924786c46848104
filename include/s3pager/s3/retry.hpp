// Whether and when a failed request is made again: classified by cause, with full jitter, within a budget of attempts and time
// and a bucket of tokens that all requests of a client share. Knows no request and no clock but the times it is given.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html (standard mode, and what adaptive mode adds)
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/s3/send_line.hpp"
#include "s3pager/s3/send_pace.hpp"

namespace s3pager {

/// Why an attempt failed, as far as it bears on another one.
enum class retry_cause : std::uint8_t {
  permanent,      ///< it would fail again: not found, access denied, precondition failed, invalid argument, cancelled
  connection,     ///< refused, reset, or ended before the answer did: a truncated body or list page too
  timeout,        ///< a deadline passed
  server,         ///< 5xx, 400 without a word, an error in an answer 200, what breaks the protocol (a broken list page)
  throttling,     ///< 503 SlowDown, 429 and their kind
  checksum,       ///< all bytes came, but they are not the object's: made again once
  clock_skew,     ///< refused for the time it was signed with; the service's clock is followed from then on
  wrong_region,   ///< the bucket is elsewhere: its requests go there from then on
  credentials,    ///< refused, and the client can ask for others
};

inline constexpr std::size_t retry_cause_count = 9;

/// A word for logs and messages.
[[nodiscard]] constexpr std::string_view name_of(retry_cause cause) noexcept {
  switch (cause) {
    case retry_cause::permanent: return "permanent";
    case retry_cause::connection: return "connection";
    case retry_cause::timeout: return "timeout";
    case retry_cause::server: return "server";
    case retry_cause::throttling: return "throttling";
    case retry_cause::checksum: return "checksum";
    case retry_cause::clock_skew: return "clock skew";
    case retry_cause::wrong_region: return "wrong region";
    case retry_cause::credentials: return "credentials";
  }
  return "unknown";
}

/// Of a failure as tasks throw it.
[[nodiscard]] inline retry_cause classify_failure(const error& failed) noexcept {
  const std::error_code code = failed.code();
  switch (failed.details().remedy) {
    case remedy::none: break;
    case remedy::clock: return retry_cause::clock_skew;
    case remedy::region: return retry_cause::wrong_region;
    case remedy::credentials: return retry_cause::credentials;
  }
  if (code == errc::throttled) return retry_cause::throttling;
  if (code == errc::timed_out) return retry_cause::timeout;
  if (code == errc::connection_lost) return retry_cause::connection;
  if (code == errc::protocol_violation) return retry_cause::server;
  if (code == errc::corrupted) return retry_cause::checksum;
  if (code == errc::access_denied) return retry_cause::permanent;
  const int status = failed.http_status();
  // S3 says what it minds. A front end that could not read the request, as it broke off on its way, does not (radosgw's).
  if (code == errc::invalid_argument && status == 400 && failed.s3_code().empty()) return retry_cause::server;
  if (code != errc::unavailable) return retry_cause::permanent;
  // A local want (descriptors, memory) or a peer that refuses.
  if (status == 0) return retry_cause::connection;
  // What the service does not do, it will not do a moment later; nor is a bucket that has moved back then.
  const bool final = status == 501 || status == 505 || (status >= 300 && status < 500 && status != 409);
  return final ? retry_cause::permanent : retry_cause::server;
}

/// How requests are retried. The defaults are those of the AWS SDKs' standard mode, with three differences for runs of many requests:
/// there is a limit by time, progress refills the attempts, and throttling slows a run down instead of ending it. A retry after
/// a connection's loss costs what it did until 2026, since a run loses many at once.
struct retry_policy {
  std::uint32_t max_attempts = 3;                          ///< of one request without progress, the first included; 1: never again
  duration base_delay = std::chrono::milliseconds(50);     ///< the most before the first retry; doubled for each further one
  /// What base_delay is at least after throttling. All requests of the client have turns then, which are twice this apart at
  /// most (s3/send_pace.hpp, s3/send_line.hpp); 0, or if nothing is retried: they are not held back.
  duration throttled_delay = std::chrono::seconds(1);
  duration max_delay = std::chrono::seconds(20);           ///< the most before any retry
  duration max_elapsed = std::chrono::minutes(5);          ///< since the first failure without progress; no retry is begun after it
  /// A throttled attempt counts neither against max_attempts (unless that is 1) nor against the tokens: max_elapsed alone ends it.
  bool outlast_throttling = true;
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
      : policy_(policy), tokens_(policy.tokens), jitter_(seed), line_(slowest(policy)) {}

  [[nodiscard]] const retry_policy& policy() const noexcept { return policy_; }
  [[nodiscard]] retry_tokens& tokens() noexcept { return tokens_; }
  [[nodiscard]] jitter& random() noexcept { return jitter_; }
  [[nodiscard]] send_line& line() noexcept { return line_; }
  [[nodiscard]] const send_pace& pace() const noexcept { return line_.pace(); }

 private:
  [[nodiscard]] static duration slowest(const retry_policy& policy) noexcept {
    // Who wants no retries deals with throttling otherwise.
    if (policy.max_attempts <= 1) return {};
    return std::min(policy.throttled_delay, duration::max() / 2) * 2;
  }

  retry_policy policy_;
  retry_tokens tokens_;
  jitter jitter_;
  send_line line_;
};

/// The attempts at one request. Make it at the first; tell it of each end.
class retry_state {
 public:
  retry_state(retry_budget& budget, time_point now) noexcept : budget_(budget), began_(now) {}

  /// Attempts begun, the first included.
  [[nodiscard]] std::uint32_t attempts() const noexcept { return attempts_; }

  /// Bytes have come since the last failure: a long object over a bad line is not given up on.
  void progressed() noexcept {
    in_a_row_ = counted_ = 1;
    remedied_ = {};
    budget_.tokens().give_back(std::exchange(taken_, 0));
  }

  /// The request has been answered whole.
  void succeeded(time_point now) noexcept {
    budget_.tokens().give_back(std::max(std::exchange(taken_, 0), 1U));
    budget_.line().succeeded(now);
  }

  /// When the next attempt is to begin; nothing if there is to be none. A Retry-After of the service is honoured, up to max_delay.
  [[nodiscard]] std::optional<time_point> failed(const error& why, time_point now) noexcept {
    const retry_policy& policy = budget_.policy();
    const retry_cause cause = classify_failure(why);
    given_up_ = {};
    const duration asked = std::min<duration>(why.details().retry_after, policy.max_delay);
    // Of use to others, whether or not this request is made again.
    if (cause == retry_cause::throttling) budget_.line().throttled(now - why.details().elapsed, now, asked);
    if (cause == retry_cause::permanent) return std::nullopt;
    if (const remedy by = why.details().remedy; by != remedy::none) {
      // Signed anew it is another request: a matter of once, and of no delay. But where a bucket is may be said wrongly, and set right
      // by who is asked there.
      if (policy.max_attempts <= 1) return std::nullopt;
      if (remedied_[static_cast<std::size_t>(by)]++ >= (by == remedy::region ? 3U : 1U)) {
        given_up_ = remedied_in_vain(by);
        return std::nullopt;
      }
      count(cause);
      return now;
    }
    if (cause == retry_cause::checksum && std::exchange(made_again_, true)) {
      given_up_ = "a second answer was corrupted as well";
      return std::nullopt;
    }
    const bool outlasts = cause == retry_cause::throttling && policy.outlast_throttling && policy.max_attempts > 1;
    if (!outlasts && counted_ >= policy.max_attempts) return std::nullopt;
    if (in_a_row_ == 1) row_began_ = now;
    const time_point again = after(now, std::max(budget_.random().up_to(limit(cause)), asked));
    if (again - row_began_ >= policy.max_elapsed) {
      given_up_ = "retry.max_elapsed would be over";
      return std::nullopt;
    }
    if (!outlasts) {
      const std::uint32_t cost = cause == retry_cause::timeout ? policy.timeout_token_cost : policy.token_cost;
      if (!budget_.tokens().take(cost)) {
        given_up_ = "the client's retry.tokens are used up";
        return std::nullopt;
      }
      taken_ = cost;
      ++counted_;
    }
    ++in_a_row_;
    count(cause);
    return again;
  }

  /// The last attempt's failure, with what all of them were, and why there is no other: `given_up`, or what failed() found.
  [[nodiscard]] error exhausted(const error& last, time_point now, std::string_view given_up = {}) const {
    error_details known = last.details();
    known.given_up = given_up.empty() ? given_up_ : given_up;
    known.attempts = attempts_;
    known.elapsed = now - began_;
    for (std::size_t i = 0; i < causes_.size(); ++i) {
      if (causes_[i] == 0) continue;
      if (!known.tried.empty()) known.tried += ", ";
      known.tried.append(name_of(static_cast<retry_cause>(i))).append(" ").append(std::to_string(causes_[i]));
    }
    return error(last.code(), std::move(known));
  }

 private:
  [[nodiscard]] static std::string_view remedied_in_vain(remedy by) noexcept {
    switch (by) {
      case remedy::none: break;
      case remedy::clock: return "signed by the service's clock it was refused again";
      case remedy::region: return "sent to the region that the service named it was sent elsewhere again";
      case remedy::credentials: return "signed with other credentials it was refused again";
    }
    return {};
  }
  void count(retry_cause cause) noexcept {
    ++attempts_;
    ++causes_[static_cast<std::size_t>(cause)];
  }

  /// The most before the next attempt.
  [[nodiscard]] duration limit(retry_cause cause) const noexcept {
    const retry_policy& policy = budget_.policy();
    duration most = policy.base_delay;
    // Throttling is told to all lanes at once: they must not come back at once.
    if (cause == retry_cause::throttling) most = std::max(most, policy.throttled_delay);
    // Doubling stops where the limit is reached, long before it could overflow.
    most = std::min(most, policy.max_delay);
    for (std::uint32_t i = 1; i < in_a_row_ && most < policy.max_delay && most > duration::zero(); ++i)
      most = most > policy.max_delay / 2 ? policy.max_delay : most * 2;
    return most;
  }

  retry_budget& budget_;
  time_point began_;
  time_point row_began_{};  // the first failure since the last progress
  std::uint32_t attempts_ = 1;
  std::uint32_t in_a_row_ = 1;  // attempts since the last progress
  std::uint32_t counted_ = 1;   // of these, what max_attempts limits
  std::uint32_t taken_ = 0;
  std::string_view given_up_ = {};  // why failed() gave no time, if that was the policy's own
  bool made_again_ = false;  // since a checksum did not hold
  std::array<std::uint8_t, 4> remedied_{};  // how often it was made again by each remedy
  std::array<std::uint32_t, retry_cause_count> causes_{};  // how often a failure of each cause was followed by another attempt
};

}  // namespace s3pager
