// One run: a source, a plan, lanes that fetch, a window. What page_stream drives.
// Knows of S3 only what its parts are made with.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/coro/generator.hpp"
#include "s3pager/coro/promise.hpp"
#include "s3pager/coro/scope.hpp"
#include "s3pager/coro/stop.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/pager/head_start.hpp"
#include "s3pager/pager/page.hpp"
#include "s3pager/pager/plan.hpp"
#include "s3pager/pager/run_settings.hpp"
#include "s3pager/pager/slice_fetcher.hpp"
#include "s3pager/pager/source.hpp"
#include "s3pager/pager/staffing.hpp"
#include "s3pager/pager/window.hpp"
#include "s3pager/ring/buffer_pool.hpp"
#include "s3pager/ring/turnstile.hpp"
#include "s3pager/s3/get_object.hpp"
#include "s3pager/s3/service.hpp"

namespace s3pager::pager {

/// Not movable. The thread is the reactor's, which must outlive it.
class run {
 public:
  run(ref<s3::service> with, ref<s3::bucket_target> target, ref<ring::buffer_pool> pool, async_generator<object> source,
      ref<s3::request_tally> tally, run_settings settings, coro::stop_token stop)
      : settings_(std::move(settings)),
        tally_(std::move(tally)),
        service_(std::move(with)),
        target_(std::move(target)),
        pool_(std::move(pool)),
        source_(std::move(source)),
        stop_(stop.state()),
        staff_(settings_, *service_, *tally_, *pool_, window_, plan_),
        plan_(limits()),
        window_(service_->loop(), pool_, plan_, settings_.order, settings_.failures, settings_.window_wait, target_->name(),
                settings_.verify != verify::off, settings_.run_limit, &tally_->waited),
        fetcher_(settings_, service_, target_, pool_, tally_, plan_, window_, staff_),
        first_alone_(service_->loop()),
        beginning_(make_ref<ring::turnstile>(service_->loop(), 1U, no_limit)),
        began_(service_->loop().now()) {
    point_at_text();
    if (!settings_.left_out) settings_.left_out = make_ref<source_tally>();
    settings_.request.checksums = settings_.verify != verify::off;
  }
  run(const run&) = delete;
  run& operator=(const run&) = delete;

  [[nodiscard]] window& pages() noexcept { return window_; }
  [[nodiscard]] std::uint64_t requests() const noexcept { return tally_->requests; }
  [[nodiscard]] std::uint64_t hedges() const noexcept { return tally_->hedges; }
  [[nodiscard]] const source_tally& left_out() const noexcept { return *settings_.left_out; }
  [[nodiscard]] duration elapsed() const noexcept {
    return (ended_ == no_deadline ? service_->loop().now() : ended_) - began_;
  }
  /// No lane works any more.
  void end() noexcept {
    window_.end();
    ended_ = service_->loop().now();
  }
  /// How many may be at work now.
  [[nodiscard]] std::uint32_t lanes() const noexcept { return staff_.lanes(); }
  /// The caller's own stop state, or none.
  [[nodiscard]] const ref<coro::stop_state>& caller_stop() const noexcept { return stop_; }
  /// Ends it from within: close().
  [[nodiscard]] const coro::stop_source& closing() const noexcept { return closing_; }

  /// Begins the work, in `workers`, which must outlive it: with one lane, which the others follow once the first object has had its head
  /// start, or the governor has seen what has come. How many those are is the governor's.
  void begin(coro::scope& workers) {
    workers.spawn(feed());
    staff_.begin(workers, [this] { return lane(); });
  }

 private:
  /// Feeds the plan from the source.
  [[nodiscard]] task<> feed() {
    try {
      for (bool first = true;;) {
        std::optional<object> next = co_await source_.next();
        if (!next) break;
        if (settings_.archived == on_archived::skip && needs_restore(*next)) {
          ++settings_.left_out->skipped;
          continue;
        }
        while (!plan_.has_room()) co_await plan_.room().wait();
        plan_.add(std::move(*next), settings_.match_etag && !settings_.one_request);
        if (!std::exchange(first, false)) continue;
        if (staff_.most() > 1) co_await first_alone_.wait();
        staff_.fill();
      }
      window_.source_ended();
    } catch (const error& failed) {
      window_.fail_run(std::current_exception(), failed.code() == errc::cancelled);
    } catch (...) {
      window_.fail_run(std::current_exception(), true);
    }
  }

  /// Fetches one slice after the other until there is none.
  [[nodiscard]] task<> lane() {
    try {
      for (;;) {
        while (staff_.too_many() && !plan_.finished() && !plan_.next_leads()) {
          // It may have been woken for work that is another's now.
          if (plan_.has_work()) plan_.work().notify_one();
          staff_.leaves();
          co_await staff_.parked().wait();
          staff_.returns();
        }
        // Until something has come, one in a turn: the first answer is not to wait until the last lane has asked.
        if (plan_.has_work() && window_.bytes() == 0 && window_.objects() == 0 && window_.failures() == 0) {
          task<coro::permit> my_turn = beginning_->take();
          const coro::permit begins = co_await std::move(my_turn);
        }
        slice* next = plan_.claim();
        if (next == nullptr) {
          if (plan_.finished()) break;
          staff_.idle(1);
          co_await plan_.work().wait();
          staff_.idle(-1);
          continue;
        }
        std::optional<error> failure;
        try {
          co_await fetcher_.fetch(*next);
        } catch (const error& failed) {
          if (failed.code() == errc::cancelled) throw;
          failure.emplace(failed);
        }
        if (failure)
          window_.fail(*next, *failure);
        else
          window_.finish(*next);
        first_alone_.end();
        staff_.came();
      }
      staff_.parked().notify_all();
    } catch (...) {
      window_.fail_run(std::current_exception(), true);
    }
  }

  [[nodiscard]] bool needs_restore(const object& what) const noexcept {
    return what.needs_restore(service_->loop().clock().wall());
  }

  // The settings' own strings are moved, so only now have they their place.
  void point_at_text() noexcept {
    settings_.request.if_match = settings_.if_match;
    settings_.request.if_none_match = settings_.if_none_match;
    settings_.request.query = settings_.query;
    settings_.request.target = settings_.target.view();
    settings_.request.common = settings_.common.get();
  }

  [[nodiscard]] plan_limits limits() const noexcept {
    plan_limits made;
    made.slice_bytes = staff_.slice_bytes();
    // A lane ahead of the consumer that can't keep its whole slice in the window stalls in mid-body. By arrival, nobody
    // is ahead of the consumer but the lanes of one large object.
    made.whole_bytes =
        settings_.order == page_order::by_key ? made.slice_bytes : std::max(made.slice_bytes, std::uint64_t{64} << 20);
    if (settings_.one_request) made.whole_bytes = ~std::uint64_t{0};
    // A whole one of which no more is taken costs its connection, so that it is as much as one such is worth.
    made.first_bytes = settings_.verify == verify::off ? made.slice_bytes : std::max(made.whole_bytes, std::uint64_t{8} << 20);
    made.ahead = std::max<std::size_t>(std::size_t{2} * staff_.most(), 16);
    made.jobs = std::size_t{pool_->capacity()} + staff_.most();
    return made;
  }

  run_settings settings_;
  ref<s3::request_tally> tally_;
  ref<s3::service> service_;
  ref<s3::bucket_target> target_;
  ref<ring::buffer_pool> pool_;
  async_generator<object> source_;
  ref<coro::stop_state> stop_;
  staffing staff_;  // refers to the plan and the window, which ask it for limits as they are made
  plan plan_;
  window window_;
  slice_fetcher fetcher_;
  coro::stop_source closing_;
  head_start first_alone_;
  ref<ring::turnstile> beginning_;
  time_point began_;
  time_point ended_ = no_deadline;
};

}  // namespace s3pager::pager
