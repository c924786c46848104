// How far apart a client's requests are while its service throttles it: shared by all of them, so that they back off together.
// Knows no request, and no clock but the times it is given. Who waits for a turn is the matter of s3/send_line.hpp.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "s3pager/base/clock.hpp"

namespace s3pager {

/// Requests are unhindered until one is throttled. From then on they are sent one after the other, at a distance: half as long again as
/// they had before on average, so that a service of which a little too much was asked is soon asked for all that it gives. A throttling
/// of what was sent since doubles it. A success divides it by 1 + t, where t is the seconds since the success before, at most a
/// quarter or the distance itself: so it halves in 0.7 s, and from however far it is gone within some 13 s of successes.
/// A service that allows ten requests a second or more has more than a half of that used, and few refusals to give. One that
/// allows fewer has nearly a third or more used, as so few successes tell little.
class send_pace {
 public:
  /// `slowest`: the longest distance, and 1,024 to 8,192 times the first. 0: requests are never held back.
  explicit send_pace(duration slowest) noexcept : slowest_(std::max(slowest, duration::zero())) {}

  /// Whether requests keep a distance, or wait because the service said for how long.
  [[nodiscard]] bool limited(time_point now) const noexcept { return between_ > duration::zero() || held_until_ > now; }
  [[nodiscard]] duration between() const noexcept { return between_; }

  /// From when on the next request may be sent, as things stand.
  [[nodiscard]] time_point next() const noexcept { return std::max(held_until_, after(last_, between_)); }
  /// It is sent, not before next(). One that `waited` for it counts as sent when it was due, or at most `lateness` ago, so
  /// that what timers and turns of a loop take is made up for.
  void sent(time_point now, bool waited) noexcept {
    last_ = waited ? std::clamp(next(), now - lateness, now) : now;
    ++counted_;
    if (now - counted_since_ < counting) return;
    usual_ = (now - counted_since_) / counted_;
    counted_since_ = now;
    counted_ = 0;
  }

  /// A request sent at `sent` was throttled; `asked` is for how long the service wants none.
  void throttled(time_point sent, time_point now, duration asked) noexcept {
    if (slowest_ == duration::zero()) return;
    if (asked > duration::zero()) held_until_ = std::max(held_until_, after(now, asked));
    // Those that were under way when the distance was set tell nothing of it.
    if (sent <= since_) return;
    if (between_ == duration::zero())
      between_ = first_distance(now);
    else
      between_ = between_ > slowest_ / 2 ? slowest_ : between_ * 2;
    since_ = grown_ = last_ = now;
  }

  void succeeded(time_point now) noexcept {
    if (between_ == duration::zero()) return;
    // Of a time in which nothing was sent, but to keep the distance, it is not known how much would have been too much.
    const duration passed = std::min<duration>(now - grown_, std::max<duration>(recovery / 4, between_));
    grown_ = now;
    const double more = 1.0 + std::chrono::duration<double>(passed) / std::chrono::duration<double>(recovery);
    between_ = duration(static_cast<duration::rep>(static_cast<double>(between_.count()) / more));
    if (between_ < slowest_ / 65'536 || between_ < std::chrono::microseconds(1)) between_ = duration::zero();
  }

 private:
  [[nodiscard]] duration first_distance(time_point now) const noexcept {
    const duration usual = counted_ >= enough ? (now - counted_since_) / counted_ : usual_;
    return std::clamp(usual + usual / 2, std::max(slowest_ / 8192, duration(1)), std::max(slowest_ / 1024, duration(1)));
  }

  static constexpr duration recovery = std::chrono::seconds(1);
  static constexpr duration lateness = std::chrono::milliseconds(10);
  static constexpr duration counting = std::chrono::milliseconds(100);
  static constexpr std::int32_t enough = 16;

  duration slowest_;
  duration between_{0};
  time_point last_{};                     // what the distance is counted from: a request, or the news that they are too many
  time_point held_until_{};
  time_point since_ = time_point::min();  // of the present distance
  time_point grown_{};                    // when it last shrank
  duration usual_ = std::chrono::seconds(1);  // the distance of what was sent lately, paced or not
  time_point counted_since_{};
  std::int32_t counted_ = 0;
};

}  // namespace s3pager
