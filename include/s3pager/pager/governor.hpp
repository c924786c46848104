// How many lanes are of use: found by trying more and fewer, and holding still where nobody can tell. Knows the times and counts that
// it is given; no run, no request and no clock.
// Hellerstein, Morrison and Eilebrecht, Optimizing Concurrency Levels in the .NET ThreadPool, 2009 (climbing);
// Cardwell et al., BBR, ACM Queue 14(5), 2016 (what was limited by the application tells nothing of the line)
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>

#include "s3pager/base/clock.hpp"

namespace s3pager::pager {

/// What the lanes of a run have come to since it began. Times of lanes are sums over all of them.
struct lane_totals {
  std::uint64_t answers = 0;  ///< to GETs, up to their first byte
  duration first_bytes{0};    ///< how long these took from request to first byte, together
  std::uint64_t bytes = 0;    ///< of objects
  duration no_room{0};        ///< lanes waited for room in the window
  duration no_work{0};        ///< lanes had nothing to fetch
  duration in_line{0};        ///< lanes waited for a turn to send, as the service throttles
  duration waited{0};         ///< the consumer waited for a page
  duration computed{0};       ///< the thread of the run took of its processor
  std::uint32_t at_work = 0;  ///< lanes that are, now; more than are allowed until these have ended their slices
  bool line = false;          ///< some wait for a turn to send, now
  std::uint32_t room = ~0U;   ///< lanes whose slices fit into the window side by side, as they are now
};

/// Sets the number of lanes that may be at work, from one control interval to the next: eight first-byte times or two requests' times,
/// but a quarter of a second at least, and at most one second, or two first-byte times where these are longer.
///
/// It tries a quarter more lanes, or half as many more after a success, and keeps them if goodput rises by a fifth of that or more (or
/// up to three fifths, by how much it varies anyway). Else it goes back, holds for one interval, later for two and then four, and tries a
/// fifth fewer, which it keeps if goodput stays: a queue at the service gives nothing. (It does not where requests take longer than a
/// second, nor after throttling, and gives it up if lanes too many are still at work after a second.) While it holds it tries at once when
/// goodput changes by a quarter, or first-byte times double. Of a service whose first byte comes within 5 ms it tries nothing for four
/// intervals: what it began with is enough for a run that is over by then.
///
/// Goodput counts each answer as 256 KiB besides its bytes, about what the wait for it costs, so that objects of all sizes can be
/// compared.
///
/// Throttling takes back what was tried, or else a quarter of the lanes; the number that met it is approached by halves, and tried again
/// after eight intervals. How far apart requests are meanwhile is the matter of s3/send_pace.hpp.
///
/// Some intervals tell nothing of the service, and what was tried is taken back then: where requests stand in line for that pace; where
/// an eighth of the lanes' time or more went by without work or turn; where the thread computed for three quarters of it; where the
/// consumer waited for less than a quarter of it, or for less than three quarters and lanes had no room for an eighth of their time. (A
/// consumer that waits while lanes have no room wants what the slowest of them bring, in order. More may help.)
class governor {
 public:
  /// `most` is 1 or more; it begins with `begin`, or `most` if that is less.
  governor(std::uint32_t begin, std::uint32_t most) noexcept
      : most_(std::max(most, 1U)), lanes_(std::clamp(begin, 1U, most_)) {}

  /// How many lanes may be at work.
  [[nodiscard]] std::uint32_t lanes() const noexcept { return lanes_; }
  [[nodiscard]] std::uint32_t most() const noexcept { return most_; }
  /// Control intervals so far.
  [[nodiscard]] std::uint64_t intervals() const noexcept { return intervals_; }

  /// Whether there is something to judge: look() is to be called.
  [[nodiscard]] bool due(time_point now) const noexcept { return now >= next_look_; }

  /// To be called when it is due(), and best whenever something has come. True if lanes() has changed.
  bool look(time_point now, const lane_totals& totals) noexcept {
    if (now < next_look_) return false;
    const std::uint32_t before = lanes_;
    if (settling_)
      settle(now, totals);
    else
      end_interval(now, totals);
    return lanes_ != before;
  }

  /// A GET that was sent at `sent` was throttled. True if lanes() has changed.
  bool throttled(time_point sent, time_point now) noexcept {
    // Of what was under way at the last change it is known already, and what was sent until that shows is spaced out.
    if (changed_ != time_point::min() && sent <= changed_ + settling_time()) return false;
    const std::uint32_t before = lanes_;
    // If it is not only that too much was asked for as the pace let go.
    if (baseline_ != 0 || ceiling_ == 0) {
      ceiling_ = lanes_;
      ceiling_age_ = 0;
    }
    if (trial_ == trial::more)
      go_back(now);
    else
      set(fewer_by(lanes_ / 4, least_throttled), now);
    trial_ = trial::none;
    patience_ = hold_ = 1;
    step_ = after_throttling;
    rises_next_ = true;
    baseline_ = 0;
    return lanes_ != before;
  }

 private:
  enum class trial : std::uint8_t { none, more, fewer };

  static constexpr std::uint64_t answer_bytes = std::uint64_t{256} << 10;
  static constexpr duration shortest = std::chrono::milliseconds(250);
  static constexpr duration longest = std::chrono::seconds(1);
  static constexpr duration near = std::chrono::milliseconds(5);
  static constexpr double first_step = 1.25;
  static constexpr double next_step = 1.5;
  static constexpr double after_throttling = 1.125;
  static constexpr std::uint32_t longest_hold = 4;
  static constexpr std::uint32_t ceiling_lasts = 8;
  static constexpr std::uint32_t least = 4;
  static constexpr std::uint32_t least_throttled = 8;  // as those that were refused wait for long, and hold others up then

  /// Until what was changed shows: new lanes have their first answers, lanes too many have ended their slices.
  void settle(time_point now, const lane_totals& totals) noexcept {
    if (totals.answers == 0) return;
    if (first_byte_ == duration::zero()) {
      first_byte_ = totals.first_bytes / static_cast<std::int64_t>(totals.answers);
      begin_interval_after(now, settling_time());
      if (settling_time() > duration::zero()) return;
    }
    if (totals.at_work > lanes_ && changed_ != time_point::min() && now - changed_ < longest) {
      next_look_ = after(now, settling_time());
      return;
    }
    // What those bring that are too many is not to be taken for what fewer would.
    if (totals.at_work > lanes_ && trial_ == trial::fewer) return give_up(now);
    begin_interval(now, totals);
  }
  void begin_interval_after(time_point now, duration span) noexcept {
    settling_ = true;
    next_look_ = after(now, span);
  }
  void begin_interval(time_point now, const lane_totals& totals) noexcept {
    settling_ = false;
    began_ = now;
    since_ = totals;
    next_look_ = after(now, span_);
  }
  [[nodiscard]] duration settling_time() const noexcept { return std::min(2 * first_byte_, longest); }

  void set(std::uint32_t lanes, time_point now) noexcept {
    lanes_ = lanes;
    changed_ = now;
    begin_interval_after(now, settling_time());
  }
  void go_back(time_point now) noexcept {
    trial_ = trial::none;
    set(tried_from_, now);
  }

  void end_interval(time_point now, const lane_totals& totals) noexcept {
    const duration span = std::min<duration>(now - began_, std::chrono::hours(1));  // or its product with the lanes might overflow
    const std::uint64_t answers = totals.answers - since_.answers;
    const std::uint64_t bytes = totals.bytes - since_.bytes;
    // Too few to compare.
    const bool enough = answers >= std::max(lanes_ / 2, 8U) || bytes >= std::uint64_t{lanes_} * (64 << 10);
    if (!enough && span < 4 * span_) {
      next_look_ = after(now, span_ / 4);
      return;
    }
    ++intervals_;
    if (ceiling_ != 0 && ++ceiling_age_ >= ceiling_lasts) ceiling_ = 0;
    const auto seconds = std::chrono::duration<double>(span).count();
    const double goodput = static_cast<double>(bytes + answers * answer_bytes) / seconds;
    const bool counts = enough && tells(span, totals);
    if (answers > 0) {
      first_byte_ = (totals.first_bytes - since_.first_bytes) / static_cast<std::int64_t>(answers);
      if (intervals_ == 1 && first_byte_ < near) hold_ = longest_hold;
      request_ = span * static_cast<std::int64_t>(lanes_) / static_cast<std::int64_t>(answers);
      span_ = std::clamp(std::max(8 * first_byte_, 2 * request_), shortest, std::max(longest, 2 * first_byte_));
    }
    begin_interval(now, totals);
    room_ = totals.room;
    if (!counts) {
      if (trial_ != trial::none) give_up(now);
      return;
    }
    switch (trial_) {
      case trial::none: return hold(goodput, now);
      case trial::more: return judge_more(goodput, now);
      case trial::fewer: return judge_fewer(goodput, now);
    }
  }

  /// Whether goodput was the service's.
  [[nodiscard]] bool tells(duration span, const lane_totals& totals) const noexcept {
    const duration little = span / 8 * static_cast<std::int64_t>(lanes_);
    const duration lost = (totals.no_work - since_.no_work) + (totals.in_line - since_.in_line);
    const bool had_room = totals.no_room - since_.no_room <= little;
    const bool had_time = totals.computed - since_.computed < span / 4 * 3;
    return !totals.line && had_time && lost <= little && totals.waited - since_.waited >= (had_room ? span / 4 : span / 4 * 3);
  }

  void hold(double goodput, time_point now) noexcept {
    const bool first = baseline_ == 0;
    const bool rose = !first && goodput > baseline_ * 1.25;
    const bool fell = !first && goodput < baseline_ * 0.8;
    const bool slow = first_byte_ > 2 * settled_first_byte_ && settled_first_byte_ > duration::zero();
    if (!first) spread_ = spread_ * 0.75 + std::min(std::abs(goodput / baseline_ - 1), 1.0) * 0.25;
    baseline_ = first || rose || fell ? goodput : baseline_ * 0.75 + goodput * 0.25;
    if (rose || fell || slow) {
      hold_ = patience_ = 1;
      rises_next_ = !slow;
      ceiling_ = rose ? 0 : ceiling_;
    }
    settled_first_byte_ = first || rose || fell || slow ? first_byte_ : settled_first_byte_ + (first_byte_ - settled_first_byte_) / 4;
    if (--hold_ > 0) return;
    try_again(now);
  }

  void try_again(time_point now) noexcept {
    hold_ = patience_;
    // A lane that is one too many ends its request first. Where that takes long, it can't be seen what fewer would bring. And where there
    // was throttling lately there is no queue.
    const bool rises = rises_next_ || request_ > longest || ceiling_ != 0;
    rises_next_ = !rises;
    const std::uint32_t next = rises ? next_more() : fewer_by(lanes_ / 5, least);
    if (next == lanes_) return;
    tried_from_ = lanes_;
    trial_ = rises ? trial::more : trial::fewer;
    set(next, now);
  }
  /// At least one fewer, as long as `floor` are left.
  [[nodiscard]] std::uint32_t fewer_by(std::uint32_t count, std::uint32_t floor) const noexcept {
    return std::max(lanes_ - std::min(std::max(count, 1U), lanes_), std::min(floor, lanes_));
  }
  [[nodiscard]] std::uint32_t next_more() const noexcept {
    const auto wanted = static_cast<std::uint32_t>(static_cast<double>(lanes_) * step_);
    std::uint32_t more = std::min(std::max(wanted, lanes_ + 1), std::clamp(room_, lanes_, most_));
    // Of what was too many, halfway, as long as that is something.
    if (ceiling_ != 0) more = std::min(more, (lanes_ + ceiling_) / 2);
    return ceiling_ != 0 && more - lanes_ < lanes_ / 16 ? lanes_ : more;
  }

  void judge_more(double goodput, time_point now) noexcept {
    const double offered = static_cast<double>(lanes_) / static_cast<double>(tried_from_) - 1;
    const double gained = goodput / baseline_ - 1;
    // Where first bytes come later by as much as there are more lanes, these stand in a queue.
    const bool queued = first_byte_ > settled_first_byte_ + settled_first_byte_ / 2;
    const double needed = std::clamp(2 * spread_, offered * 0.2, offered * 0.6);
    if (gained < (queued ? std::max(needed, offered * 0.5) : needed)) return give_up(now);
    keep(goodput);
    step_ = ceiling_ != 0 ? step_ : next_step;
    rises_next_ = true;
    try_again(now);
  }
  void judge_fewer(double goodput, time_point now) noexcept {
    if (goodput < baseline_ * 0.975) return give_up(now);
    const double before = baseline_;
    keep(goodput);
    baseline_ = std::max(before, goodput);  // or one loss that is small would follow the other
    rises_next_ = false;
    try_again(now);
  }
  void keep(double goodput) noexcept {
    trial_ = trial::none;
    baseline_ = goodput;
    settled_first_byte_ = first_byte_;
    patience_ = hold_ = 1;
  }
  /// It was of no use, or nobody can tell.
  void give_up(time_point now) noexcept {
    go_back(now);
    step_ = ceiling_ != 0 ? after_throttling : first_step;
    hold_ = patience_ = std::min(patience_ * 2, longest_hold);
  }

  std::uint32_t most_;
  std::uint32_t room_ = ~0U;
  std::uint32_t lanes_;
  std::uint32_t tried_from_ = 0;
  trial trial_ = trial::none;
  bool rises_next_ = true;
  double step_ = first_step;
  std::uint32_t hold_ = 1;      // intervals until the next trial
  std::uint32_t patience_ = 1;  // what it is set to
  std::uint32_t ceiling_ = 0;   // lanes that met throttling lately; 0: none
  std::uint32_t ceiling_age_ = 0;

  bool settling_ = true;
  time_point next_look_ = time_point::min();
  time_point changed_ = time_point::min();
  time_point began_{};
  lane_totals since_;
  duration span_ = shortest;
  std::uint64_t intervals_ = 0;

  double baseline_ = 0;  // goodput with the lanes that are held; 0: not known
  double spread_ = 0.04;  // by what part of it goodput differs from one interval to the next
  duration first_byte_{0};
  duration settled_first_byte_{0};
  duration request_{0};  // how long one takes
};

}  // namespace s3pager::pager
