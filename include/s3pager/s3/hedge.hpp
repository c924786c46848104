// When a request is late, and whether it may be asked for a second time: a running histogram of first-byte times, and a budget.
// Knows no request and no clock but the times it is given.
// Dean and Barroso, The Tail at Scale, CACM 56(2), 2013
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "s3pager/base/clock.hpp"

namespace s3pager {

/// When a GET is asked for a second time, on another connection: the first to answer wins, the other is cancelled.
struct hedge_policy {
  bool enabled = true;
  double max_share = 0.05;          ///< second requests for each request, at most; 0 to 1
  std::uint32_t least_samples = 32;  ///< answers that must have been seen before any request counts as late
  duration least_wait = std::chrono::milliseconds(10);    ///< no answer is late before this
  duration least_stall = std::chrono::milliseconds(100);  ///< nor a body stalled
  duration after_throttling = std::chrono::seconds(10);   ///< after a throttling answer there is none for so long
};

/// Times, counted in buckets an eighth of an octave wide, of fixed size. The last thousand or so weigh most: whenever 1,024 more
/// have come, all counts are halved.
class latency_histogram {
 public:
  static constexpr std::uint32_t halved_after = 1024;

  void add(duration time) noexcept {
    ++counts_[bucket_of(time)];
    ++count_;
    if (++since_halved_ == halved_after) halve();
  }
  /// Times that count: those added, less what was halved away.
  [[nodiscard]] std::uint32_t count() const noexcept { return count_; }

  /// The time that `thousandths` of all are not longer than, rounded up to its bucket's end (at most an eighth more); zero if there
  /// are none.
  [[nodiscard]] duration quantile(std::uint32_t thousandths) const noexcept {
    const std::uint64_t wanted = (std::uint64_t{count_} * thousandths + 999) / 1000;
    if (wanted == 0) return duration::zero();
    std::uint64_t seen = 0;
    std::size_t at = 0;
    while (at + 1 < counts_.size() && (seen += counts_[at]) < wanted) ++at;
    return end_of(at);
  }

 private:
  // Microseconds below 8 have a bucket each, and so has each eighth of the 29 octaves above: up to 71 minutes.
  static constexpr std::uint32_t octaves = 29;
  static constexpr std::size_t buckets = 8 + std::size_t{8} * octaves;

  [[nodiscard]] static std::size_t bucket_of(duration time) noexcept {
    const std::int64_t microseconds = std::max<std::int64_t>(time.count() / 1000, 0);
    const auto value = static_cast<std::uint32_t>(std::min<std::int64_t>(microseconds, 0xffff'ffff));
    if (value < 8) return value;
    const auto shift = static_cast<std::uint32_t>(std::bit_width(value)) - 4;
    return std::size_t{8} * (shift + 1) + (value >> shift & 7);
  }
  [[nodiscard]] static duration end_of(std::size_t bucket) noexcept {
    if (bucket < 8) return std::chrono::microseconds(bucket + 1);
    const std::size_t shift = bucket / 8 - 1;
    return std::chrono::microseconds((9 + bucket % 8) << shift);
  }

  void halve() noexcept {
    since_halved_ = count_ = 0;
    for (std::uint32_t& each : counts_) count_ += each /= 2;
  }

  std::array<std::uint32_t, buckets> counts_{};
  std::uint32_t count_ = 0;
  std::uint32_t since_halved_ = 0;
};

/// What all requests of a client share. Asking it for a wait costs a load: the quantiles are looked up once in some answers.
class hedge_budget {
 public:
  /// "Never late."
  static constexpr duration never = duration::max();
  /// Second requests that may be saved up for a burst of late ones.
  static constexpr std::uint32_t most_saved = 16;

  explicit hedge_budget(const hedge_policy& policy) noexcept
      : policy_(policy),
        earned_(policy.enabled ? static_cast<std::uint32_t>(std::clamp(policy.max_share, 0.0, 1.0) * cost + 0.5) : 0) {}

  [[nodiscard]] const hedge_policy& policy() const noexcept { return policy_; }

  /// From sending a request to when it is late: the 97th percentile or twice the median, whichever is longer.
  [[nodiscard]] duration wait() const noexcept { return wait_; }
  /// From arming a receive to when the body is stalled.
  [[nodiscard]] duration stall() const noexcept { return stall_; }

  /// A request was sent that is no second one.
  void request_began() noexcept { tokens_ = std::min(tokens_ + earned_, most_saved * cost); }
  /// The first byte of an answer came `time` after its request was sent, or its request was given up after that.
  void took(duration time) noexcept {
    if (earned_ == 0) return;  // there will be no second request
    times_.add(time);
    ++samples_;
    if (samples_ == policy_.least_samples || (samples_ > policy_.least_samples && samples_ % every == 0)) look_up();
  }
  /// The service asks for fewer requests.
  void throttled(time_point now) noexcept { quiet_until_ = after(now, policy_.after_throttling); }

  /// Whether a second request may be sent now.
  [[nodiscard]] bool may_hedge(time_point now) const noexcept { return tokens_ >= cost && now >= quiet_until_; }
  /// It is sent. Only after may_hedge().
  void hedged() noexcept {
    tokens_ -= cost;
    ++hedges_;
  }
  /// Second requests so far.
  [[nodiscard]] std::uint64_t hedges() const noexcept { return hedges_; }

 private:
  static constexpr std::uint32_t cost = 1'000'000;  // of a second request, in what requests earn
  static constexpr std::uint32_t every = 32;

  void look_up() noexcept {
    const duration p97 = times_.quantile(970);
    wait_ = std::max({p97, times_.quantile(500) * 2, policy_.least_wait});
    stall_ = std::max({p97 * 2, wait_, policy_.least_stall});
  }

  hedge_policy policy_;
  std::uint32_t earned_;  // by each request
  std::uint32_t tokens_ = 0;
  std::uint64_t samples_ = 0;
  std::uint64_t hedges_ = 0;
  duration wait_ = never;
  duration stall_ = never;
  time_point quiet_until_ = time_point::min();
  latency_histogram times_;
};

}  // namespace s3pager
