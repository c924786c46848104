// How fast a client sends while its service throttles it: what all its requests share, so that they back off together.
// Knows no request, and no clock but the times it is given.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "s3pager/base/clock.hpp"

namespace s3pager {

/// Requests are unhindered until one is throttled. From then on they have turns, one after the other. A further throttling of what was
/// sent since doubles the distance of the turns, and time in which requests succeed lets it shrink again, by half in 0.7 s, until
/// there is none. So the rate stays between a half of what the service allows and a little more than that.
class send_pace {
 public:
  /// `slowest`: the most between two turns, and 1,024 times what is first between them. 0: requests are never held back.
  explicit send_pace(duration slowest) noexcept : slowest_(std::max(slowest, duration::zero())) {}

  /// When a request may be sent.
  struct turn {
    time_point at{};
    std::uint64_t round = 0;
  };

  /// Whether requests have turns, or wait because the service said for how long.
  [[nodiscard]] bool limited(time_point now) const noexcept { return between_ > duration::zero() || next_ > now; }
  [[nodiscard]] duration between() const noexcept { return between_; }

  /// The next turn. It holds when its time has come only if nothing was throttled meanwhile: else take another.
  [[nodiscard]] turn take(time_point now) noexcept {
    const turn mine{std::max(next_, now), round_};
    if (between_ > duration::zero()) next_ = after(mine.at, between_);
    return mine;
  }
  [[nodiscard]] bool holds(const turn& mine) const noexcept { return mine.round == round_; }

  /// A request sent at `sent` was throttled; `asked` is for how long the service wants none.
  void throttled(time_point sent, time_point now, duration asked) noexcept {
    if (slowest_ == duration::zero()) return;
    // Those that were under way when the pace was set tell nothing of it.
    const bool news = sent > since_;
    if (news) {
      between_ = between_ == duration::zero() ? std::max(slowest_ / 1024, duration(1)) : std::min(between_ * 2, slowest_);
      since_ = grown_ = now;
    }
    const time_point until = after(now, asked);
    if (!news && (asked == duration::zero() || until <= held_until_)) return;
    held_until_ = std::max(held_until_, until);
    next_ = std::max(held_until_, after(now, between_));
    ++round_;
  }

  void succeeded(time_point now) noexcept {
    if (between_ == duration::zero()) return;
    // Of a time in which nothing was sent it is not known how much would have been too much.
    const duration passed = std::min<duration>(now - grown_, recovery / 4);
    grown_ = now;
    const double left = 1.0 - std::chrono::duration<double>(passed) / std::chrono::duration<double>(recovery);
    between_ = duration(static_cast<duration::rep>(static_cast<double>(between_.count()) * left));
    if (between_ < slowest_ / 65'536 || between_ < std::chrono::microseconds(1)) between_ = duration::zero();
  }

 private:
  static constexpr duration recovery = std::chrono::seconds(1);

  duration slowest_;
  duration between_{0};
  time_point next_{};
  time_point held_until_{};
  time_point since_ = time_point::min();  // of the present pace
  time_point grown_{};                    // when the distance last shrank
  std::uint64_t round_ = 0;
};

}  // namespace s3pager
