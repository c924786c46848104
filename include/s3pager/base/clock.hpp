// Where time comes from: the system's clocks, or a manual one that tests advance. Knows nothing of timers.
#pragma once

#include <time.h>

#include <chrono>

namespace s3pager {

using duration = std::chrono::nanoseconds;
using time_point = std::chrono::time_point<std::chrono::steady_clock, duration>;   ///< for deadlines
using wall_time = std::chrono::time_point<std::chrono::system_clock, duration>;    ///< for signatures

/// "No deadline" where one is asked for.
inline constexpr time_point no_deadline = time_point::max();

/// As a limit: none.
inline constexpr duration no_limit = duration::max();

/// `start + span`, which stops at no_deadline instead of overflowing (a span of hours(1'000'000) is "never").
[[nodiscard]] constexpr time_point after(time_point start, duration span) noexcept {
  return span >= no_deadline - start ? no_deadline : start + span;
}

/// The time that a reactor and everything on it goes by. Used on the reactor's thread only.
class clock {
 public:
  clock() = default;
  clock(const clock&) = delete;
  clock& operator=(const clock&) = delete;
  virtual ~clock() = default;

  [[nodiscard]] virtual time_point now() const noexcept = 0;
  [[nodiscard]] virtual wall_time wall() const noexcept = 0;
  /// Whether the clock moves by itself, so that waiting for a timer ends by waiting. A manual one does not.
  [[nodiscard]] virtual bool runs() const noexcept = 0;
  /// How much of its processor the calling thread has had so far. None if that is not known: runs then judge as if nobody computed.
  [[nodiscard]] virtual duration computed() const noexcept { return duration::zero(); }
};

/// CLOCK_MONOTONIC, CLOCK_REALTIME and CLOCK_THREAD_CPUTIME_ID.
class system_clock final : public clock {
 public:
  [[nodiscard]] time_point now() const noexcept override { return std::chrono::steady_clock::now(); }
  [[nodiscard]] wall_time wall() const noexcept override { return std::chrono::system_clock::now(); }
  [[nodiscard]] bool runs() const noexcept override { return true; }
  [[nodiscard]] duration computed() const noexcept override {
    timespec taken{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &taken);
    return std::chrono::seconds(taken.tv_sec) + duration(taken.tv_nsec);
  }
};

/// Stands still until it is told to advance; both times move together. Nobody computes, but as much as it is told.
class manual_clock : public clock {
 public:
  explicit manual_clock(wall_time wall = wall_time{std::chrono::seconds{1'700'000'000}}) noexcept : wall_(wall) {}

  [[nodiscard]] time_point now() const noexcept override { return now_; }
  [[nodiscard]] wall_time wall() const noexcept override { return wall_; }
  [[nodiscard]] bool runs() const noexcept override { return false; }
  [[nodiscard]] duration computed() const noexcept override { return computed_; }
  void advance(duration by) noexcept {
    now_ += by;
    wall_ += by;
  }
  void compute(duration of) noexcept { computed_ += of; }

 private:
  time_point now_{std::chrono::hours{1}};
  wall_time wall_;
  duration computed_{0};
};

}  // namespace s3pager
