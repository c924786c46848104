// How many lanes of a run are at work: as many as its governor says, whom it tells what they have come to. Fetches nothing.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/coro/scope.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/pager/governor.hpp"
#include "s3pager/pager/plan.hpp"
#include "s3pager/pager/run_settings.hpp"
#include "s3pager/pager/window.hpp"
#include "s3pager/ring/buffer_pool.hpp"
#include "s3pager/s3/exchange.hpp"
#include "s3pager/s3/service.hpp"

namespace s3pager::pager {

/// Lanes are made as they are needed, and park when they are too many. All that it is made with must outlive its work.
class staffing {
 public:
  staffing(const run_settings& how, s3::service& with, const s3::request_tally& tally, const ring::buffer_pool& pool, window& pages,
           plan& of)
      : service_(with),
        tally_(tally),
        pool_(pool),
        window_(pages),
        plan_(of),
        by_arrival_(how.order == page_order::by_arrival),
        governed_(how.most_lanes != 0),
        governor_(how.lanes, governed_ ? how.most_lanes : how.lanes) {}
  staffing(const staffing&) = delete;
  staffing& operator=(const staffing&) = delete;

  /// How many may be at work now, and at most.
  [[nodiscard]] std::uint32_t lanes() const noexcept { return governor_.lanes(); }
  [[nodiscard]] std::uint32_t most() const noexcept { return governor_.most(); }
  /// Of a large object, that a lane fetches at a time: what the window has for each lane, 512 KiB to 8 MiB.
  [[nodiscard]] std::uint64_t slice_bytes() const noexcept {
    const std::uint64_t window_bytes = std::uint64_t{pool_.capacity()} * pool_.slot_bytes();
    return std::clamp<std::uint64_t>(window_bytes / lanes(), least_slice, std::uint64_t{8} << 20);
  }

  /// Begins with one lane, in `workers`; each is what `make` gives.
  void begin(coro::scope& workers, std::function<task<>()> make) {
    workers_ = &workers;
    make_lane_ = std::move(make);
    spawn();
  }
  /// Has as many lanes at work as may be, if there are not more. (Who is one too many parks when its slice has ended.)
  void fill() {
    for (std::uint32_t missing = lanes() - std::min(at_work_, lanes()); missing > 0 && parked_.waited_for(); --missing)
      parked_.notify_one();
    while (made_ < lanes()) spawn();
  }

  // ---- For a lane

  /// One of those at work is to park.
  [[nodiscard]] bool too_many() const noexcept { return at_work_ > lanes(); }
  /// From leaves() to returns() the lane is not at work.
  void leaves() noexcept { --at_work_; }
  void returns() noexcept { ++at_work_; }
  /// Where a lane that is too many waits, until it is needed or the run is over.
  [[nodiscard]] signal& parked() noexcept { return parked_; }
  /// One lane more, or less, finds nothing to fetch.
  void idle(int change) noexcept {
    const time_point now = governed_ ? service_.loop().now() : time_point();
    idle_time_ += (now - idle_since_) * idle_;
    idle_since_ = now;
    idle_ += change;
  }
  /// Something has come: lets the governor look, if it is time to.
  void came() {
    if (!governed_) return;
    const time_point now = service_.loop().now();
    if (!governor_.due(now)) return;
    idle(0);
    if (governor_.look(now, {.answers = tally_.answers,
                             .first_bytes = tally_.first_bytes,
                             .bytes = window_.bytes_received(),
                             .no_room = window_.stood(now),
                             .no_work = idle_time_,
                             .in_line = tally_.in_line,
                             .waited = tally_.waited.elapsed(now),
                             .computed = service_.loop().clock().computed(),
                             .at_work = at_work_,
                             .line = service_.retries().line().waited_for(),
                             .room = room()}))
      changed();
  }
  /// The service has asked for fewer requests.
  void throttled(const error& why) {
    if (!governed_) return;
    const time_point now = service_.loop().now();
    if (governor_.throttled(now - why.details().elapsed, now)) changed();
  }

 private:
  static constexpr std::uint64_t least_slice = std::uint64_t{512} << 10;

  /// Lanes whose answers fit into the window whole. By arrival none has to wait for another.
  [[nodiscard]] std::uint32_t room() const noexcept {
    if (by_arrival_ || tally_.answers == 0) return ~0U;
    const std::uint64_t answer = std::clamp<std::uint64_t>(window_.bytes_received() / tally_.answers, pool_.slot_bytes(), least_slice);
    return static_cast<std::uint32_t>(window_.most_ahead() / answer);
  }
  void changed() {
    plan_.set_slice_bytes(slice_bytes());
    fill();
  }
  void spawn() {
    workers_->spawn(make_lane_());
    ++made_;
    ++at_work_;
  }

  s3::service& service_;
  const s3::request_tally& tally_;
  const ring::buffer_pool& pool_;
  window& window_;
  plan& plan_;
  const bool by_arrival_;
  const bool governed_;
  governor governor_;
  coro::scope* workers_ = nullptr;
  std::function<task<>()> make_lane_;
  signal parked_;              // lanes that are too many now
  std::uint32_t made_ = 0;     // lanes
  std::uint32_t at_work_ = 0;  // of these, not parked
  int idle_ = 0;               // of these, waiting for work
  time_point idle_since_{};
  duration idle_time_{0};      // of all lanes, up to then
};

}  // namespace s3pager::pager
