// How far lanes may run ahead of the consumer: all of the window, or, where the thread is busy, only as much of it as a processor's caches
// hold. Knows no slots.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

#include "s3pager/base/clock.hpp"

namespace s3pager::pager {

/// Bytes that wait for long have left the caches when their turn comes, and so has the room that the next ones find: both cost processor
/// time. A thread that is busy most of the time rarely has a use for many of them. So they are kept short where it has computed for over
/// five eighths of the time, over four intervals of 4 MiB each, and for as long as it does not idle for longer in each than before, on average,
/// by a quarter of what one took then: what is far away needs more on the way than that. Each time that they have to be let go again, it
/// takes twice as long until it is tried once more. Where an interval takes longer than 64 ms there is little to be saved.
class run_ahead {
 public:
  static constexpr std::uint64_t short_bytes = std::uint64_t{8} << 20;
  static constexpr std::uint64_t interval_bytes = std::uint64_t{4} << 20;
  static constexpr std::uint64_t unbounded = std::numeric_limits<std::uint64_t>::max();

  /// The clock must outlive it. By one on which nobody computes nothing is ever kept short.
  explicit run_ahead(const s3pager::clock& clock) noexcept : clock_(clock) {}

  /// So many bytes have come so far. On the thread of the run. True if bytes() has changed.
  bool came(std::uint64_t bytes) noexcept { return bytes >= next_look_ && look(bytes); }

  /// That may be on the way to the consumer, sent or here, at most.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return short_ ? short_bytes : unbounded; }

 private:
  static constexpr std::uint32_t first_patience = 4;
  static constexpr std::uint32_t most_patience = 16384;
  static constexpr std::uint32_t settling = 8;  // intervals until what had been asked for before has come
  static constexpr std::uint32_t judging = 16;

  static constexpr duration longest = std::chrono::milliseconds(64);

  bool look(std::uint64_t bytes) noexcept {
    const time_point now = clock_.now();
    const duration computed = clock_.computed();
    const duration span = now - since_;
    const duration busy = computed - computed_before_;
    const bool first = since_ == time_point();
    next_look_ += interval_bytes;
    if (next_look_ <= bytes) next_look_ = bytes + interval_bytes;
    since_ = now;
    computed_before_ = computed;
    if (first) return false;
    ++intervals_;
    if (!short_) {
      if (busy <= span / 8 * 5 || span > longest) intervals_ = 0;
      average(span, span - busy, intervals_ <= 1);
      if (intervals_ < patience_) return false;
      before_ = now_;
    } else {
      // A pause of the program's is no interval's.
      average(std::min(span, 2 * now_.span), std::min(span - busy, before_.span), intervals_ <= settling);
      const bool worse = now_.idle > before_.idle + before_.span / 4 || now_.span > longest;
      if (intervals_ < settling + judging || !worse) return false;
      patience_ = std::min(2 * patience_, most_patience);
    }
    short_ = !short_;
    intervals_ = 0;
    return true;
  }
  void average(duration span, duration idle, bool anew) noexcept {
    if (anew) now_ = {span, idle};
    now_.span += (span - now_.span) / 8;
    now_.idle += (idle - now_.idle) / 8;
  }

  /// Of an interval, on average of the last ones.
  struct times {
    duration span{0};
    duration idle{0};
  };

  const s3pager::clock& clock_;
  std::uint64_t next_look_ = short_bytes;  // what comes before that may tell of connecting, and fits anyway
  time_point since_{};
  duration computed_before_{0};
  times now_;
  times before_;                 // when it was last made short
  std::uint32_t intervals_ = 0;  // of the way it is now; of busy ones, while it is not short
  std::uint32_t patience_ = first_patience;
  bool short_ = false;
};

}  // namespace s3pager::pager
