// Whether an answer comes too slowly, bytes though there are. Knows no socket; it is told what time it is and what came.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

#include "s3pager/base/clock.hpp"

namespace s3pager::s3 {

/// Measures one answer, over one span of receiving after the other. It is only ever held against what comes while a receive waits:
/// that a receive is made late is the receiver's own doing, and begins a new span.
class throughput_floor {
 public:
  throughput_floor(std::uint64_t min_bytes_per_second, duration window) noexcept
      : window_(window), wanted_(wanted(min_bytes_per_second, window)) {}

  /// A receive is made now: until when enough must have come. no_deadline without a floor.
  [[nodiscard]] time_point deadline(time_point now) noexcept {
    if (came_ >= wanted_ || now >= ends_) {
      ends_ = after(now, window_);
      came_ = 0;
    }
    return wanted_ == 0 ? no_deadline : ends_;
  }
  void came(std::uint64_t bytes) noexcept { came_ += bytes; }
  /// Nothing was received for so long, as there was no room to receive into.
  void stood(duration span) noexcept { ends_ = after(ends_, span); }
  [[nodiscard]] bool too_slow(time_point now) const noexcept { return came_ < wanted_ && now >= ends_; }
  /// Of the span that goes on, or was too slow.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return came_; }

 private:
  [[nodiscard]] static std::uint64_t wanted(std::uint64_t rate, duration window) noexcept {
    if (window == no_limit) return 0;
    // Seconds and their rest apart: neither overflows before the product is beyond any object.
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max() / 4;
    const auto seconds = static_cast<std::uint64_t>(window / std::chrono::seconds(1));
    const auto rest = static_cast<std::uint64_t>((window % std::chrono::seconds(1)).count());
    if (seconds != 0 && rate > most / seconds) return most;
    const std::uint64_t of_rest = rate / 1'000'000'000 * rest + rate % 1'000'000'000 * rest / 1'000'000'000;
    return std::clamp<std::uint64_t>(rate * seconds + of_rest, rate == 0 ? 0 : 1, most);
  }

  duration window_;
  std::uint64_t wanted_;
  std::uint64_t came_ = 0;
  time_point ends_{};
};

}  // namespace s3pager::s3
