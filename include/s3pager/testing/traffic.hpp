// What all connections of an origin share: how many requests and bytes a second it has for them. Knows the times that it is given.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "s3pager/base/clock.hpp"

namespace s3pager::testing {

struct traffic_limits {
  std::uint64_t bytes_per_second = 0;     ///< of all bodies; 0: no limit
  std::uint64_t requests_per_second = 0;  ///< more are answered with 503 SlowDown, once a tenth of a second's was saved up and used; 0: no limit
};

class traffic {
 public:
  explicit traffic(const traffic_limits& limits) noexcept : limits_(limits) {}

  [[nodiscard]] bool limits_bytes() const noexcept { return limits_.bytes_per_second != 0; }
  [[nodiscard]] std::uint64_t bytes_per_second() const noexcept { return limits_.bytes_per_second; }
  /// From now on.
  void set(const traffic_limits& limits) noexcept { limits_ = limits; }

  /// So many bytes more were sent: when they would have been, one connection's after the other's.
  [[nodiscard]] time_point sent(std::uint64_t bytes, time_point now) noexcept {
    if (!limits_bytes()) return now;
    free_ = std::max(free_, now) + part_of_second(bytes, limits_.bytes_per_second);
    return free_;
  }
  /// Whether a request that comes now is one of those that are answered.
  [[nodiscard]] bool admits(time_point now) noexcept {
    if (limits_.requests_per_second == 0) return true;
    const duration each = part_of_second(1, limits_.requests_per_second);
    const time_point next = std::max(admitted_ + each, now - std::chrono::milliseconds(100));
    if (next > now) return false;
    admitted_ = next;
    return true;
  }

 private:
  [[nodiscard]] static duration part_of_second(std::uint64_t count, std::uint64_t per_second) noexcept {
    return duration(static_cast<std::int64_t>(static_cast<double>(count) * 1e9 / static_cast<double>(per_second)));
  }

  traffic_limits limits_;
  time_point free_{};      // when what was sent so far is through
  time_point admitted_{};  // when the last request that was let in was due
};

}  // namespace s3pager::testing
