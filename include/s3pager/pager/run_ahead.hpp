// How far lanes may run ahead of the consumer: all of the window, or, where the thread is busy, only as much of it as a processor's caches
// hold. Knows no slots.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "s3pager/base/clock.hpp"

namespace s3pager::pager {

/// Bytes that wait for long have left the caches when their turn comes, and so has the room that the next ones find: both cost processor
/// time. A thread that is busy most of the time rarely has a use for many of them. So they are kept short where it has computed for five
/// eighths of the time, over four intervals of 4 MiB each, and for as long as such an interval does not take a seventh longer than before,
/// on average: what is far away needs more on the way than that. Each time that they have to be let go again, it takes twice as long until
/// it is tried once more.
class run_ahead {
 public:
  static constexpr std::uint64_t short_bytes = std::uint64_t{16} << 20;
  static constexpr std::uint64_t interval_bytes = std::uint64_t{4} << 20;
  static constexpr std::uint64_t unbounded = std::numeric_limits<std::uint64_t>::max();

  /// The clock must outlive it. By one on which nobody computes nothing is ever kept short.
  explicit run_ahead(const s3pager::clock& clock) noexcept : clock_(clock) {}

  /// So many bytes have come so far. On the thread of the run. True if bytes() has changed.
  bool came(std::uint64_t bytes) noexcept { return bytes >= next_look_ && look(bytes); }

  /// That may be on the way and wait, together.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return short_ ? short_bytes : unbounded; }

 private:
  static constexpr std::uint32_t first_patience = 4;
  static constexpr std::uint32_t most_patience = 16384;
  static constexpr std::uint32_t settling = 8;  // intervals until what had been asked for before has come
  static constexpr std::uint32_t judging = 16;

  bool look(std::uint64_t bytes) noexcept {
    const time_point now = clock_.now();
    const duration computed = clock_.computed();
    const duration span = now - since_;
    const duration busy = computed - computed_before_;
    const bool first = since_ == time_point();
    next_look_ = bytes + interval_bytes;
    since_ = now;
    computed_before_ = computed;
    if (first) return false;
    ++intervals_;
    if (!short_) {
      if (busy <= span / 8 * 5) intervals_ = 0;
      average(span, intervals_ <= 1);
      if (intervals_ < patience_) return false;
      span_before_ = span_;
    } else {
      average(span, intervals_ <= settling);
      if (intervals_ < settling + judging || span_ / 8 * 7 <= span_before_) return false;
      patience_ = std::min(2 * patience_, most_patience);
    }
    short_ = !short_;
    intervals_ = 0;
    return true;
  }
  void average(duration span, bool anew) noexcept { span_ = anew ? span : span_ + (span - span_) / 8; }

  const s3pager::clock& clock_;
  std::uint64_t next_look_ = short_bytes;  // what comes before that tells of connecting
  time_point since_{};
  duration computed_before_{0};
  duration span_{0};         // of an interval, on average of the last ones
  duration span_before_{0};  // when it was last made short
  std::uint32_t intervals_ = 0;  // of the way it is now; of busy ones, while it is not short
  std::uint32_t patience_ = first_patience;
  bool short_ = false;
};

}  // namespace s3pager::pager
