// Runs coroutines to their end, or drops them on the way. Knows ready queues and frames, not what wakes them: tests pass a
// `step` that does (a bare queue's run, or a reactor's turn).
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <set>
#include <source_location>
#include <stdexcept>
#include <string>
#include <utility>

#include "s3pager/coro/frame_pool.hpp"
#include "s3pager/coro/promise.hpp"
#include "s3pager/coro/ready_queue.hpp"
#include "s3pager/coro/stop.hpp"
#include "s3pager/coro/task.hpp"

namespace s3pager::test {

/// A task that nobody awaits: it is started from the ready queue, and destroyed with this.
template <class T = void>
class root final : private coro::completion {
 public:
  // Not inlined: GCC 12 would see a local variable linked into a queue, and not that its destructor unlinks it.
  [[gnu::noinline]] root(coro::ready_queue& queue, task<T> work, coro::stop_token stop = {}) : work_(std::move(work)) {
    auto& promise = work_.handle().promise();
    promise.inherit({.queue = &queue, .stop = stop.state()});
    promise.set_completion(this);
    start_.bind(work_.handle(), queue);
    queue.push(start_);
  }

  [[nodiscard]] bool done() const noexcept { return done_; }
  /// Throws what the task threw.
  T result() { return work_.handle().promise().result(); }

 private:
  void ended() noexcept override { done_ = true; }

  task<T> work_;
  coro::waiter start_;
  bool done_ = false;
};

/// Runs `work` to its end with `step`, which makes some progress and returns whether it did.
template <class T, class Step>
T drive(coro::ready_queue& queue, task<T> work, Step&& step, coro::stop_token stop = {}) {
  root<T> run(queue, std::move(work), stop);
  while (!run.done())
    if (!step()) throw std::logic_error("the task waits for what never comes");
  return run.result();
}

/// Runs `work` to its end on a queue of its own. What it waits for must come from itself.
template <class T>
T drive(task<T> work, coro::stop_token stop = {}) {
  coro::ready_queue queue;
  return drive(queue, std::move(work), [&queue] { return queue.run(1) == 1; }, stop);
}

/// `co_await turn()` goes on in the next turn of the ready queue.
class turn {
 public:
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> handle,
                     std::source_location at = std::source_location::current()) noexcept {
    handle.promise().set_site(at);
    waiter_.bind(handle, handle.promise().queue());
    handle.promise().queue().push(waiter_);
  }
  void await_resume() const noexcept {}

 private:
  coro::waiter waiter_;
};

/// The place of a co_await. A location's function name is left out: instances of one template are one place.
struct site {
  std::string file;
  std::uint_least32_t line = 0;

  auto operator<=>(const site&) const = default;
};

/// What a sweep went through.
struct sweep_report {
  std::size_t drops = 0;        ///< runs that were dropped: after 0, 1, ... steps
  std::set<site> suspended = {};  ///< where coroutines were suspended
  std::set<site> dropped = {};    ///< where coroutines were suspended when they were destroyed

  /// Places of suspension where nothing was ever dropped: to be empty.
  [[nodiscard]] std::set<site> missed() const {
    std::set<site> rest = suspended;
    for (const site& place : dropped) rest.erase(place);
    return rest;
  }
};

/// Collects places of suspension and of drops while it lives.
class site_collector final : private coro::drop_observer {
 public:
  explicit site_collector(sweep_report& into) noexcept : into_(into), before_(drop_observer::current()) {
    drop_observer::current() = this;
  }
  site_collector(const site_collector&) = delete;
  site_collector& operator=(const site_collector&) = delete;
  ~site_collector() { drop_observer::current() = before_; }

 private:
  static site place(const std::source_location& at) { return {at.file_name(), at.line()}; }
  void suspended(const std::source_location& at) noexcept override { into_.suspended.insert(place(at)); }
  void dropped(const std::source_location& at) noexcept override { into_.dropped.insert(place(at)); }

  sweep_report& into_;
  drop_observer* before_;
};

/// Runs what `begin()` gives (a task<>, made anew each time) for 0, 1, 2, ... steps, and destroys it there, until a run
/// ends first. `step()` makes one resumption, or as little progress as it can, and returns whether it made any. `settle()`
/// is called after each drop, to run what is left (operations in flight) and to check counters of its own. Throws if frames are
/// left over, or if a run comes to a standstill before its end.
template <class Begin, class Step, class Settle>
sweep_report drop_sweep(coro::ready_queue& queue, Begin&& begin, Step&& step, Settle&& settle) {
  sweep_report report;
  const site_collector collector(report);
  const std::size_t live_before = coro::frame_pool::local().live();
  for (std::size_t limit = 0;; ++limit) {
    bool ended = false;
    {
      root<> run(queue, begin());
      for (std::size_t steps = 0; steps < limit && !run.done(); ++steps)
        if (!step()) throw std::logic_error("a standstill after " + std::to_string(steps) + " steps");
      ended = run.done();
      if (ended) run.result();
    }
    settle();
    if (const std::size_t live = coro::frame_pool::local().live(); live != live_before)
      throw std::logic_error(std::to_string(live - live_before) + " frames are left of a run dropped after " +
                             std::to_string(limit) + " steps");
    if (ended) return report;
    ++report.drops;
  }
}

/// The same on a queue of its own. Nothing may be left in the queue after a drop.
template <class Begin>
sweep_report drop_sweep(Begin&& begin) {
  coro::ready_queue queue;
  return drop_sweep(
      queue, begin, [&queue] { return queue.run(1) == 1; },
      [&queue] {
        if (!queue.empty()) throw std::logic_error("a dropped coroutine is still in the ready queue");
      });
}

}  // namespace s3pager::test
